"""Boxes float ``(n, 4)``: x0, y0, x1, y1 in pixels, ends exclusive; pixel (row r, column c) is (c, r, c + 1, r + 1)."""

import math

import torch
from torch import Tensor

# Largest logarithm of a side's growth in decoding: an untrained number may be so large that its exponential is not
# finite. The value is Detectron's: a side of 16 pixels grows to 1000 at most.
MOST_GROWTH = math.log(1000 / 16)


def areas(boxes: Tensor) -> Tensor:
    """Areas ``(n,)`` of boxes ``(n, 4)``; one whose ends lie before its beginnings has none."""
    return (boxes[:, 2] - boxes[:, 0]).clamp(min=0) * (boxes[:, 3] - boxes[:, 1]).clamp(min=0)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union ``(n, m)`` of boxes ``(n, 4)`` with boxes ``(m, 4)``; 0 for two without area."""
    width = torch.minimum(a[:, None, 2], b[:, 2]) - torch.maximum(a[:, None, 0], b[:, 0])
    height = torch.minimum(a[:, None, 3], b[:, 3]) - torch.maximum(a[:, None, 1], b[:, 1])
    shared = width.clamp_(min=0) * height.clamp_(min=0)
    union = areas(a)[:, None] + areas(b) - shared
    return torch.where(union > 0, shared / union, 0)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Boxes as seen from anchors: t_x, t_y, t_w, t_h of Faster R-CNN, equation 2 (Ren et al., 2015, arXiv:1506.01497).

    Args:
        boxes: ``(n, 4)``, each side above 0.
        anchors: ``(n, 4)``, the anchor of each box, each side above 0.

    Returns:
        ``(n, 4)``: how far the centre lies to the right of and below the anchor's, in sides of the anchor, and the
        logarithm of the sides' growth.
    """
    centre, size = _centres_and_sizes(boxes)
    from_centre, from_size = _centres_and_sizes(anchors)
    return torch.cat([(centre - from_centre) / from_size, (size / from_size).log()], dim=1)


def decode(deltas: Tensor, anchors: Tensor) -> Tensor:
    """The inverse of `encode`, as long as no side grows by more than the factor 62.5 (`MOST_GROWTH`), where it ends."""
    from_centre, from_size = _centres_and_sizes(anchors)
    centre = from_centre + deltas[:, :2] * from_size
    half = deltas[:, 2:].clamp(max=MOST_GROWTH).exp() * from_size / 2
    return torch.cat([centre - half, centre + half], dim=1)


def _centres_and_sizes(boxes: Tensor) -> tuple[Tensor, Tensor]:
    begin, end = boxes[:, :2], boxes[:, 2:]
    return (begin + end) / 2, end - begin


def clip(boxes: Tensor, height: int, width: int) -> Tensor:
    """What of each box ``(n, 4)`` lies in an image; one that lies outside has no area left."""
    most = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), most)


def boxes_of_labels(instances: Tensor, *, least_side: float = 1.0, least_area: int = 1) -> tuple[Tensor, Tensor]:
    """The smallest box round the pixels of each cell.

    Args:
        instances: int ``(H, W)``, 0 background; the numbers need not follow each other.
        least_side: cells whose box has a shorter side, in pixels, are left out: slivers that a frame cut off.
        least_area: cells of fewer pixels are left out.

    Returns:
        the cells' numbers, ascending, ``(n,)``, and their boxes, float32 ``(n, 4)``.
    """
    rows, columns = (instances > 0).nonzero(as_tuple=True)
    ids, place, area = instances[rows, columns].unique(return_inverse=True, return_counts=True)

    def reduced(positions: Tensor, how: str) -> Tensor:
        return positions.new_zeros(len(ids)).scatter_reduce(0, place, positions, how, include_self=False)

    begin = torch.stack([reduced(columns, "amin"), reduced(rows, "amin")], dim=1)
    end = torch.stack([reduced(columns, "amax"), reduced(rows, "amax")], dim=1) + 1
    kept = ((end - begin).amin(dim=1) >= least_side) & (area >= least_area)
    return ids[kept], torch.cat([begin, end], dim=1)[kept].float()
