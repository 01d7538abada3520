"""What is seen at several scales at once: pyramid pooling and the atrous spatial pyramid."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BINS = (1, 2, 3, 6)


def unit(in_channels: int, out_channels: int, side: int = 1, dilation: int = 1) -> nn.Sequential:
    """Convolution without bias that keeps the size, batch norm, ReLU."""
    padding = dilation * (side // 2)
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, side, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


def pooled_unit(in_channels: int, out_channels: int) -> nn.Sequential:
    """1x1 convolution with bias and ReLU, for what was pooled to one value per image and channel.

    No batch norm: it would take its statistics from as many values as the batch has images, and from a single image it
    can take none.
    """
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.ReLU(inplace=True))


def pool(x: Tensor, bins: int) -> Tensor:
    """Means ``(B, C, bins, bins)`` of features ``(B, C, H, W)``.

    Bin i takes rows floor(i H / bins) to ceil((i + 1) H / bins), as torch's adaptive pooling does. Two products of
    matrices, for that one has no ONNX form for any size and no deterministic gradient on CUDA.
    """
    rows, columns = (_shares(x.shape[axis], bins, x) for axis in (-2, -1))
    return rows @ x @ columns.T


def _shares(length: int, bins: int, like: Tensor) -> Tensor:
    """Share ``(bins, length)`` of each position in the mean of each bin."""
    position = torch.arange(length, device=like.device)
    edge = torch.arange(bins, device=like.device)[:, None] * length
    inside = (position >= edge // bins) & (position < (edge + length + bins - 1) // bins)
    return inside.to(like.dtype) / inside.sum(1, keepdim=True)


class PyramidPooling(nn.Module):
    """Features joined with their means over 1, 4, 9 and 36 regions (Zhao et al., 2017, doi:10.1109/CVPR.2017.660).

    Args:
        in_channels: of the features; each of the pooled maps gets an equal share of as many.
        bins: regions along a side, a branch each.
    """

    def __init__(self, in_channels: int, bins: tuple[int, ...] = BINS):
        super().__init__()
        share = max(1, in_channels // len(bins))
        self.bins = bins
        self.branches = nn.ModuleList((pooled_unit if one == 1 else unit)(in_channels, share) for one in bins)
        self.out_channels = in_channels + share * len(bins)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C + shares, H, W)`` of ``(B, C, H, W)``."""
        maps = [x]
        for bins, branch in zip(self.bins, self.branches, strict=True):
            # Means stand at the centres of their regions, so here the corners of the maps do not fall together.
            maps.append(F.interpolate(branch(pool(x, bins)), size=x.shape[-2:], mode="bilinear", align_corners=False))
        return torch.cat(maps, dim=1)


class AtrousPyramid(nn.Module):
    """1x1, three dilated 3x3 convolutions and the mean of the image, side by side, then joined by a 1x1 one.

    Chen et al., 2017, arXiv:1706.05587 (ASPP with image-level features).

    Args:
        in_channels: of the features.
        out_channels: of each branch and of the result.
        rates: dilations of the 3x3 convolutions, in steps of the features.
    """

    def __init__(self, in_channels: int, out_channels: int, rates: tuple[int, ...]):
        super().__init__()
        dilated = [unit(in_channels, out_channels, 3, rate) for rate in rates]
        self.branches = nn.ModuleList([unit(in_channels, out_channels), *dilated])
        self.image = pooled_unit(in_channels, out_channels)
        self.join = unit(out_channels * (len(rates) + 2), out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, out_channels, H, W)`` of ``(B, C, H, W)``."""
        image = self.image(x.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *x.shape[-2:])
        return self.join(torch.cat([*(branch(x) for branch in self.branches), image], dim=1))
