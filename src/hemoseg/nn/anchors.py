"""Anchors: boxes of a few shapes round the centre of every cell of a feature map, from which boxes are predicted."""

from collections.abc import Sequence

import torch
from torch import Tensor


def anchor_sizes(side: float, scales: Sequence[float], ratios: Sequence[float]) -> Tensor:
    """Widths and heights of the anchors of one place, in pixels.

    Args:
        side: of the square anchor of scale 1.
        scales: factors of the side.
        ratios: height over width; the area stays that of the square.

    Returns:
        float64 ``(k, 2)``: for each scale every ratio.

    Raises:
        ValueError: no anchor, or one without area.
    """
    if not scales or not ratios:
        raise ValueError("anchors need at least one scale and one ratio")
    if not all(0 < one < float("inf") for one in (side, *scales, *ratios)):
        raise ValueError(f"side, scales and ratios of anchors must be above 0, not {side}, {[*scales]}, {[*ratios]}")
    sizes = [(side * scale / ratio**0.5, side * scale * ratio**0.5) for scale in scales for ratio in ratios]
    return torch.tensor(sizes, dtype=torch.float64)


def places(length: int, stride: int) -> int:
    """Number of cells of ``stride`` pixels along a side of ``length`` pixels whose centres lie in the image."""
    return (2 * length + stride - 1) // (2 * stride)


def anchor_boxes(sizes: Tensor, stride: int, height: int, width: int) -> Tensor:
    """Anchors of an image, round the centres of its feature map's cells.

    Cell (i, j) has the pixels from (stride i, stride j) to below (stride (i + 1), stride (j + 1)). A cell whose centre
    lies outside the image, in what it was filled up with, has no anchors.

    Args:
        sizes: ``(k, 2)``, widths and heights.
        stride: pixels per cell.
        height: rows of the image.
        width: columns of the image.

    Returns:
        ``(rows * columns * k, 4)`` in the type and on the device of ``sizes``; anchors may cross the image's frame.
    """
    y, x = (stride * (torch.arange(places(side, stride)).to(sizes) + 0.5) for side in (height, width))
    centres = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)[:, :, None]
    return torch.cat([centres - sizes / 2, centres + sizes / 2], dim=-1).flatten(0, 2)
