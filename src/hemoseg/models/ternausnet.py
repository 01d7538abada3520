"""TernausNet: U-Net with a VGG11 encoder (Iglovikov and Shvets, 2018, arXiv:1801.05746)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hemoseg.nn.pretrained import load_published
from hemoseg.nn.vgg import VGG, check_width, draw, fill_up, unit, vgg11_blocks

LEVELS = 5  # poolings


class TernausNet(nn.Module):
    """VGG11's eight convolutions and five poolings, five transposed convolutions, skips by concatenation.

    A step up is a 3x3 convolution and a transposed one that doubles the sides, each followed by ReLU; after the last
    concatenation come a 3x3 and a 1x1 convolution. There is no batch norm.

    Args:
        in_channels: channels of the image.
        classes: maps put out, background included.
        width: channels of the encoder's first block.

    Raises:
        ValueError: no width, or one above `hemoseg.nn.vgg.MOST_WIDTH`.
    """

    def __init__(self, in_channels: int, classes: int, *, width: int):
        super().__init__()
        check_width(width)
        blocks, last = vgg11_blocks(width), -(-width // 2)
        self.encoder = VGG(in_channels, blocks, (2,) * LEVELS)
        skips = [block[-1] for block in reversed(blocks)]
        middle = [8 * width, 8 * width, 8 * width, 4 * width, 2 * width]
        out = [4 * width, 4 * width, 2 * width, width, last]
        into = [8 * width, *(below + skip for below, skip in zip(out, skips, strict=True))]
        self.bottom = _step(into[0], middle[0], out[0])
        steps = [_step(*channels) for channels in zip(into[1:-1], middle[1:], out[1:], strict=True)]
        end = nn.Sequential(*unit(into[-1], last), nn.Conv2d(last, classes, 1))
        self.decode = nn.ModuleList([*steps, end])
        self.stride = 2**LEVELS
        draw(self)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(B, K, H, W)`` of images ``(B, C, H, W)`` of any size."""
        height, width = x.shape[-2:]
        *skips, x = self.encoder(fill_up(x, self.stride))
        x = self.bottom(x)
        for decode, skip in zip(self.decode, reversed(skips), strict=True):
            x = decode(torch.cat([x, skip], dim=1))
        return x[..., :height, :width]


def _step(in_channels: int, middle: int, out_channels: int) -> nn.Sequential:
    up = nn.ConvTranspose2d(middle, out_channels, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(*unit(in_channels, middle), up, nn.ReLU(inplace=True))


def build(in_channels: int, classes: int, *, width: int = 64) -> nn.Module:
    """Build the network.

    Args:
        in_channels: channels of the image.
        classes: maps put out, background included.
        width: channels of the encoder's first block; the published ones are 64, of which published weights are (the
            source counts the 32 channels before its last layer).
    """
    return TernausNet(in_channels, classes, width=width)


def load_pretrained(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Start the encoder from VGG11's state dict as torchvision publishes it (ImageNet); the classifier is dropped.

    Raises:
        ValueError: it is the state of another encoder.
    """
    load_published(network.encoder, state, first="features.0.weight", dropped=("classifier.",))
