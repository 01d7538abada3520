"""RoIAlign: features of boxes of any size as maps of one size (He et al., 2017, section 3, arXiv:1703.06870)."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

POINTS = 2  # sampling points along a side of a bin: 4 of a bin, the source's
CANONICAL = 224.0  # pixels: a box of this side is read from the third level (Lin et al., 2017, equation 1, its P4)


def roi_align(features: Tensor, boxes: Tensor, side: int, *, stride: float, points: int = POINTS) -> Tensor:
    """Features of the boxes of one image, each bin the mean of bilinear samples at regularly spaced points.

    Nothing is rounded: feature (i, j) covers the pixels from (stride i, stride j) to below (stride (i + 1), stride
    (j + 1)) and its value stands at their middle, half a feature from their begin; so a box shifted by one stride reads
    what the features shifted by one hold. A point beyond the middle of the outermost features reads these.

    Args:
        features: ``(C, h, w)``.
        boxes: ``(n, 4)`` in pixels.
        side: bins along a side.
        stride: pixels per feature.
        points: sampling points along a side of a bin.

    Returns:
        ``(n, C, side, side)``, float32 or wider.
    """
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    channels, height, width = features.shape
    if not len(boxes):
        return features.new_zeros(0, channels, side, side)
    x, y = sample_points(boxes, side * points)
    # From pixels to the coordinates of `grid_sample`, in which the features end at -1 and 1.
    x, y = 2 * x / (stride * width) - 1, 2 * y / (stride * height) - 1
    n, number = x.shape
    grid = torch.stack([x[:, None].expand(n, number, number), y[:, :, None].expand(n, number, number)], dim=-1)
    grid = grid.to(features).reshape(1, n * number, number, 2)
    read = F.grid_sample(features[None], grid, mode="bilinear", padding_mode="border", align_corners=False)
    return read.view(channels, n, side, points, side, points).mean(dim=(3, 5)).transpose(0, 1)


def sample_points(boxes: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Columns and rows in pixels, each ``(n, number)``: the middles of as many equal parts of the sides of boxes."""
    part = (torch.arange(number).to(boxes) + 0.5) / number
    begin, size = boxes[:, :2, None], (boxes[:, 2:] - boxes[:, :2])[..., None]
    return (begin + size * part).unbind(1)


def levels_of(boxes: Tensor, levels: int) -> Tensor:
    """The level of a pyramid from which each box ``(n, 4)`` is read, int64 ``(n,)``, 0 the finest.

    Level 2 for boxes of 224 pixels up to twice as much, half the side a level finer: k = floor(k0 + log2(side / 224))
    (Lin et al., 2017, equation 1, arXiv:1612.03144), as long as there are levels.
    """
    side = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).clamp(min=1).sqrt()
    return (2 + torch.log2(side / CANONICAL) + 1e-6).floor().long().clamp(0, levels - 1)


def pyramid_align(
    maps: Sequence[Tensor], boxes: Sequence[Tensor], side: int, *, strides: Sequence[int], points: int = POINTS
) -> Tensor:
    """Features of the boxes of a batch, each from the level of its size.

    Args:
        maps: features ``(B, C, h_l, w_l)`` of each level, the finest first.
        boxes: ``(n_b, 4)`` in pixels of each image.
        side: bins along a side.
        strides: pixels per feature of each level.
        points: sampling points along a side of a bin.

    Returns:
        ``(sum of n_b, C, side, side)``, image after image.
    """
    read, places, before = [maps[0].new_zeros(0, maps[0].shape[1], side, side)], [], 0
    for image, some in enumerate(boxes):
        level = levels_of(some, len(maps))
        for number, (features, stride) in enumerate(zip(maps, strides, strict=True)):
            chosen = (level == number).nonzero()[:, 0]
            read.append(roi_align(features[image], some[chosen], side, stride=stride, points=points))
            places.append(before + chosen)
        before += len(some)
    return torch.cat(read)[torch.cat(places).argsort()]
