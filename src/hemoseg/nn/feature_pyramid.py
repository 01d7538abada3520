"""A feature pyramid: each stage of an encoder with what the deeper ones saw (Lin et al., 2017, arXiv:1612.03144)."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from hemoseg.nn.resnet import ResNet

STRIDES = (4, 8, 16, 32)  # pixels per feature of the four levels
MOST_CHANNELS = 1024  # of a level; the source has 256


class FeaturePyramid(nn.Module):
    """From the deepest stage up: nearest upsampling, plus a 1x1 convolution of the finer stage; a 3x3 one ends a level.

    Args:
        in_channels: of the features of each stage, the finest first.
        channels: of every level.
    """

    def __init__(self, in_channels: Sequence[int], channels: int):
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(one, channels, 1) for one in in_channels)
        self.smooth = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in in_channels)
        for layer in (*self.lateral, *self.smooth):
            nn.init.kaiming_uniform_(layer.weight, a=1)  # keeps the variance where no ReLU follows
            nn.init.zeros_(layer.bias)

    def forward(self, stages: Sequence[Tensor]) -> list[Tensor]:
        """Levels ``(B, channels, h_i, w_i)`` of the stages' features ``(B, C_i, h_i, w_i)``, the finest first."""
        *finer, deepest = (lateral(stage) for lateral, stage in zip(self.lateral, stages, strict=True))
        merged = [deepest]
        for one in reversed(finer):
            merged.insert(0, one + F.interpolate(merged[0], size=one.shape[-2:], mode="nearest"))
        return [smooth(one) for smooth, one in zip(self.smooth, merged, strict=True)]


class ResidualPyramid(nn.Module):
    """A residual encoder and its feature pyramid, strides 4, 8, 16 and 32.

    Args:
        in_channels: channels of the image.
        encoder: ``resnet18``, ``resnet34`` or ``resnet50``.
        width: channels of the encoder's first stage.
        channels: of every level.

    Raises:
        ValueError: an unknown encoder, or numbers of channels out of range.
    """

    def __init__(self, in_channels: int, encoder: str, *, width: int, channels: int):
        super().__init__()
        if not 1 <= channels <= MOST_CHANNELS:
            raise ValueError(f"channels must be from 1 to {MOST_CHANNELS}, not {channels}")
        self.encoder = ResNet(in_channels, encoder, width=width)
        self.pyramid = FeaturePyramid(self.encoder.channels, channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Levels ``(B, channels, h_i, w_i)`` of images ``(B, C, H, W)`` of any size, the finest first.

        Feature (i, j) of a level of stride s stands for the pixels from (s i, s j) to below (s (i + 1), s (j + 1)).
        Images are filled up with their last row and column to whole strides, two of the coarsest a side at least: the
        encoder's batch norms then have values to take their statistics from even in a batch of one small image.
        """
        most = STRIDES[-1]
        wanted = [max(2 * most, side + -side % most) for side in x.shape[-2:]]
        padding = (0, wanted[1] - x.shape[-1], 0, wanted[0] - x.shape[-2])
        return self.pyramid(self.encoder(F.pad(x, padding, mode="replicate")))
