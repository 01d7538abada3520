"""DeepLabV3+: atrous spatial pyramid and decoder over a residual encoder (Chen et al., 2018, arXiv:1802.02611)."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from hemoseg.nn.pretrained import load_published
from hemoseg.nn.pyramid import AtrousPyramid, unit
from hemoseg.nn.resnet import ResNet, resize, to_grid


class DeepLabV3Plus(nn.Module):
    """Encoder, atrous pyramid, upsampling to stride 4, early features joined, two 3x3 convolutions, upsampling.

    Its 3x3 convolutions are plain; the source's own encoder (Xception) is built of separable ones.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        *,
        encoder: str,
        width: int,
        stride: int,
        rates: Sequence[int],
        channels: int,
        dropout: float,
    ):
        super().__init__()
        if not rates or any(type(rate) is not int or rate < 1 for rate in rates):
            raise ValueError(f"rates must be whole numbers of 1 or more, not {rates!r}")
        if channels < 1:
            raise ValueError(f"channels must be at least 1, not {channels}")
        self.encoder = ResNet(in_channels, encoder, stride=stride, width=width)
        early, last = self.encoder.channels[0], self.encoder.channels[-1]
        reduced = max(1, channels * 3 // 16)  # the source's: 48 beside 256
        self.pyramid = AtrousPyramid(last, channels, tuple(rates))
        self.early = unit(early, reduced)
        self.decoder = nn.Sequential(
            unit(channels + reduced, channels, 3),
            unit(channels, channels, 3),
            nn.Dropout2d(dropout),
            nn.Conv2d(channels, classes, 1),
        )
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(B, K, H, W)`` of images ``(B, C, H, W)`` of any size."""
        height, width = x.shape[-2:]
        x = to_grid(x, self.stride)
        first, *_, last = self.encoder(x)
        early = self.early(first)
        joined = torch.cat([resize(self.pyramid(last), early), early], dim=1)
        return resize(self.decoder(joined), x)[..., :height, :width]


def build(
    in_channels: int,
    classes: int,
    *,
    encoder: str = "resnet18",
    width: int = 64,
    stride: int = 16,
    rates: Sequence[int] = (6, 12, 18),
    channels: int = 256,
    dropout: float = 0.1,
) -> nn.Module:
    """Build the network.

    Args:
        in_channels: channels of the image.
        classes: maps put out, background included.
        encoder: ``resnet18``, ``resnet34`` or ``resnet50``.
        width: channels of the encoder's first stage; published weights need 64.
        stride: pixels per step of the encoder's features: 16 (the source's), 8 or 32.
        rates: dilations of the pyramid in such steps; the source's 6, 12, 18 belong to stride 16.
        channels: of the pyramid and the decoder; the source's are 256.
        dropout: share of the channels dropped before the last convolution; the source's code drops 0.1 of the values
            after the pyramid.
    """
    shape = {"encoder": encoder, "width": width, "stride": stride, "rates": rates, "channels": channels}
    return DeepLabV3Plus(in_channels, classes, **shape, dropout=dropout)


def load_pretrained(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Start the encoder from a ResNet's state dict as torchvision publishes it (ImageNet); the classifier is dropped.

    Raises:
        ValueError: it is the state of another encoder.
    """
    load_published(network.encoder, state, first="conv1.weight", dropped=("fc.",))
