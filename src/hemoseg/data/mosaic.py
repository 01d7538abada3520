"""The samples of a frame side by side on one grid as fine as their own: nothing is enlarged to be measured."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemoseg.data.classes import relabel
from hemoseg.data.placement import Placed, agreeing, place
from hemoseg.data.tiles import Box


@dataclass(frozen=True)
class Mosaic:
    """Where the samples of a frame lie on their common grid.

    Attributes:
        boxes: of each sample, on the grid.
        size: rows and columns of the grid.
        spacing: height and width of a pixel of the grid, in frame pixels.
        origin: row and column of the grid's corner in the frame.
    """

    boxes: list[Box]
    size: tuple[int, int]
    spacing: tuple[float, float]
    origin: tuple[int, int]

    def place(self, classes: Sequence[np.ndarray], instances: Sequence[np.ndarray]) -> Placed:
        """Class maps and cells of the samples on the grid, cells that a cut divided made whole again."""
        placed = place(self.size, self.boxes, classes, instances)
        return Placed(placed.classes, joined(placed.instances, self.boxes), None, placed.covered)

    def picture(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Images ``(C, h, w)`` of the samples side by side on the grid, float32 ``(C, H, W)``; black elsewhere."""
        whole = np.zeros((len(images[0]), *self.size), np.float32)
        for image, (top, left, bottom, right) in zip(images, self.boxes, strict=True):
            rows, columns = min(bottom - top, image.shape[1]), min(right - left, image.shape[2])
            whole[:, top : top + rows, left : left + columns] = image[:, :rows, :columns]
        return whole


def mosaic_of(boxes: np.ndarray, shapes: Sequence[tuple[int, int]]) -> Mosaic:
    """The grid of samples.

    Samples of one frame have one scale, but for a pixel where a cut was uneven: the median holds for all. Without
    resizing it is 1, and with one sample, or equal quadrants, the grid is that of the samples themselves.

    Args:
        boxes: int ``(N, 4)``, where each sample lies in the frame.
        shapes: rows and columns of each sample.
    """
    boxes = np.asarray(boxes, np.int64)
    origin = boxes[:, :2].min(axis=0)
    spacing = np.median((boxes[:, 2:] - boxes[:, :2]) / np.asarray(shapes, float), axis=0)
    corners = np.rint((boxes - np.tile(origin, 2)) / np.tile(spacing, 2)).astype(int)
    return Mosaic(
        [tuple(int(n) for n in box) for box in corners],
        tuple(int(n) for n in corners[:, 2:].max(axis=0)),
        tuple(float(side) for side in spacing),
        tuple(int(n) for n in origin),
    )


def joined(labels: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """Labels in which the two parts of a cell that a cut between touching boxes divided have one number.

    Two parts are one cell where they agree along the cut as cells of overlapping samples must agree: an IoU above
    `placement.AGREEMENT`, here of the pixels on either side of the line.

    Args:
        labels: int ``(H, W)``.
        boxes: of the samples, on the grid of the labels.

    Returns:
        Labels 1..n, int32 ``(H, W)``.
    """
    number = np.arange(int(labels.max(initial=0)) + 1)
    for one, other in [*_seams(labels, boxes), *((a.T, b.T) for a, b in _seams(labels.T, [_turned(b) for b in boxes]))]:
        for a, b in agreeing(one, other):
            low, high = sorted((number[a], number[b]))
            number[number == high] = low
    return relabel(number[labels])


def _seams(labels: np.ndarray, boxes: Sequence[Box]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The rows of pixels above and below each line on which one box ends and another begins."""
    found = []
    for upper in boxes:
        for lower in boxes:
            left, right = max(upper[1], lower[1]), min(upper[3], lower[3])
            if upper[2] == lower[0]:
                line = upper[2]
                found.append((labels[line - 1 : line, left:right], labels[line : line + 1, left:right]))
    return found


def _turned(box: Box) -> Box:
    return box[1], box[0], box[3], box[2]
