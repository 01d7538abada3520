"""The deconvolution network: pooling that remembers where the maxima were, and its mirror image (deconvnet, network).

Zeiler and Fergus 2014, doi:10.1007/978-3-319-10590-1_53, put maxima back at remembered positions; Noh et al. 2015,
doi:10.1109/ICCV.2015.178, segment with such a mirror.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEVELS = 3  # deconvnet: three times conv, conv, pooling
MOST_CHANNELS = 4096  # of the last level: a convolution of 600 MB


class DeconvNet(nn.Module):
    """Three times two 3x3 convolutions and a pooling, dropout, three times an unpooling and two 3x3 deconvolutions.

    A ReLU follows every layer but the last one, which gives the logits. The mirror has the widths of its level: it
    unpools where that level pooled.

    Args:
        in_channels: channels of the image.
        classes: maps put out, background included.
        width: channels of the first level; they double at each level.
        dropout: share of the numbers between the two halves that are dropped in training.

    Raises:
        ValueError: no channel, more than `MOST_CHANNELS`, or a share outside [0, 1).
    """

    def __init__(self, in_channels: int, classes: int, *, width: int, dropout: float):
        super().__init__()
        if not 1 <= width * 2 ** (LEVELS - 1) <= MOST_CHANNELS:
            raise ValueError(
                f"width must be at least 1 and below {MOST_CHANNELS // 2 ** (LEVELS - 1) + 1}, not {width}"
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout is a share in [0, 1), not {dropout}")
        widths = [width * 2**level for level in range(LEVELS)]
        before = [in_channels, *widths[:-1]]
        self.down = nn.ModuleList(_convolutions(a, b) for a, b in zip(before, widths, strict=True))
        self.dropout = nn.Dropout(dropout)
        inner = [_deconvolutions(b, a) for a, b in pairwise(widths)]
        self.up = nn.ModuleList([*reversed(inner), _last_deconvolutions(width, classes)])
        self.stride = 2**LEVELS
        self.chooses = True  # among maxima: of nearly equal ones the next rounding chooses another (steps/export.py)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(B, K, H, W)`` of images ``(B, C, H, W)`` of any size."""
        height, width = x.shape[-2:]
        # Sizes that the poolings do not divide are filled, then cut back.
        x = mirrored(mirrored(x, 2, -height % self.stride), 3, -width % self.stride)
        remembered = []
        for level in self.down:
            x, positions = pool(level(x))
            remembered.append(positions)
        x = self.dropout(x)
        for level, positions in zip(self.up, reversed(remembered), strict=True):
            x = level(unpool(x, positions))
        return x[..., :height, :width]


def mirrored(x: Tensor, axis: int, more: int) -> Tensor:
    """``x`` with ``more`` lines along an axis, mirrored at its last line; what is shorter goes on with its first line.

    The last line repeated would make equal maxima, of which rounding chooses one, and each machine another one.
    """
    last = x.shape[axis] - 1
    at = torch.arange(last + 1 + more, device=x.device)
    return x.index_select(axis, (last - (at - last).abs()).clamp(min=0))


def pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """Maxima of blocks of 2x2, and where they were.

    Args:
        x: float ``(B, C, H, W)``, H and W even.

    Returns:
        The maxima ``(B, C, H / 2, W / 2)``, and the positions of each within its plane, counted along the rows. Of
        equal maxima the first one in the order of reading counts, so that in a constant block it is the upper left.
    """
    return F.max_pool2d(x, 2, return_indices=True)


def unpool(x: Tensor, positions: Tensor) -> Tensor:
    """``(B, C, H, W)`` with each number at its remembered position of ``(B, C, 2 H, 2 W)``, 0 elsewhere."""
    return F.max_unpool2d(x, positions, 2)


def _convolutions(in_channels: int, out_channels: int) -> nn.Sequential:
    first = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    second = nn.Conv2d(out_channels, out_channels, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU())


def _deconvolutions(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(*_last_deconvolutions(in_channels, out_channels), nn.ReLU())


def _last_deconvolutions(in_channels: int, out_channels: int) -> nn.Sequential:
    first = nn.ConvTranspose2d(in_channels, in_channels, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), nn.ConvTranspose2d(in_channels, out_channels, 3, padding=1))
