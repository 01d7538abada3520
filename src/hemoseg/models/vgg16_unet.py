"""The U-Net of `autocsc`: VGG16's first 12 convolutions as encoder, nearest upsampling, no batch norm."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hemoseg.nn.pretrained import load_published
from hemoseg.nn.vgg import PUBLISHED_WIDTH, VGG, check_width, draw, fill_up, unit, vgg16_blocks

POOLS = (2, 2, 2, 4)  # autocsc: the bottom is a 4x4 pooling and a 4x upsampling
# With half of VGG16's channels but in the fifth block, this decoder has the printed 7.48 million parameters.
HALF_BLOCKS = [[32] * 2, [64] * 2, [128] * 3, [256] * 3, [512] * 2]
HALF_DECODER = [256, 128, 64, 64, 32, 32]


class VGG16UNet(nn.Module):
    """VGG16's first five blocks, four poolings, and a decoder that joins the blocks' features (autocsc, network).

    From the bottom: upsampling by 4 and a convolution; then four times the features of a block are joined to what
    comes from below and read by a convolution, which an upsampling by 2 follows but at the last, where another
    convolution and the 1x1 one do. The printed 12 convolutions of VGG16, 19 in all, four poolings, four upsamplings and
    32 channels before the last layer hold of both published widths, the printed 7.48 million parameters of ``half``.

    Args:
        in_channels: channels of the image.
        classes: maps put out, background included.
        width: ``full``, ``half``, or channels of the first block of a network of the proportions of ``full``.

    Raises:
        ValueError: another width.
    """

    def __init__(self, in_channels: int, classes: int, *, width: str | int):
        super().__init__()
        blocks, decoder = _plan(width)
        self.encoder = VGG(in_channels, blocks, POOLS)
        *skips, last = [block[-1] for block in blocks]
        before = decoder[:4]
        into = [below + skip for below, skip in zip(before, reversed(skips), strict=True)]
        self.bottom = nn.Sequential(nn.Upsample(scale_factor=POOLS[-1], mode="nearest"), *unit(last, decoder[0]))
        inner = [
            nn.Sequential(*unit(a, b), nn.Upsample(scale_factor=2, mode="nearest"))
            for a, b in zip(into[:3], decoder[1:4], strict=True)
        ]
        end = nn.Sequential(
            *unit(into[3], decoder[4]), *unit(decoder[4], decoder[5]), nn.Conv2d(decoder[5], classes, 1)
        )
        self.decode = nn.ModuleList([*inner, end])
        self.width = width
        self.stride = 32
        draw(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(B, K, H, W)`` of images ``(B, C, H, W)`` of any size."""
        height, width = x.shape[-2:]
        *skips, x = self.encoder(fill_up(x, self.stride))
        x = self.bottom(x)
        for decode, skip in zip(self.decode, reversed(skips), strict=True):
            x = decode(torch.cat([skip, x], dim=1))
        return x[..., :height, :width]


def _plan(width: str | int) -> tuple[list[list[int]], list[int]]:
    """Channels of the encoder's convolutions, by block, and of the decoder's six."""
    if width == "half":
        return HALF_BLOCKS, HALF_DECODER
    if width == "full":
        width = PUBLISHED_WIDTH
    elif isinstance(width, str):
        raise ValueError(f"width must be 'full', 'half' or a whole number, not {width!r}")
    check_width(width)
    return vgg16_blocks(width), [4 * width, 4 * width, 2 * width, width, width, -(-width // 2)]


def build(in_channels: int, classes: int, *, width: str | int = "full") -> nn.Module:
    """Build the network.

    Args:
        in_channels: channels of the image.
        classes: maps put out, background included.
        width: ``full`` has VGG16's channels, of which published weights are, and of 3 channels and classes 16,134,339
            parameters; ``half`` has half of them but in the fifth block, and 7,478,083, which is the printed 7.48
            million. A number is the channels of the first block, 64 that of ``full``; below 16 the last layers are so
            narrow that their ReLUs may die and the training stall.
    """
    return VGG16UNet(in_channels, classes, width=width)


def load_pretrained(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Start the encoder from VGG16's state dict as torchvision publishes it (ImageNet).

    The 13th convolution and the classifier are dropped.

    Raises:
        ValueError: it is the state of another encoder, or the network has other widths than the published one.
    """
    if network.width not in ("full", PUBLISHED_WIDTH):
        raise ValueError(f"published weights of VGG16 fit width 'full' alone, not {network.width!r}")
    load_published(network.encoder, state, first="features.0.weight", dropped=("features.28.", "classifier."))
