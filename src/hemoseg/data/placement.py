"""Putting predictions of samples back into the frames they were cut from."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemoseg.data.classes import relabel
from hemoseg.data.resize import resize_image, resize_labels
from hemoseg.data.samples import IGNORE
from hemoseg.data.tiles import Box

AGREEMENT = 0.5  # two cells of neighbouring tiles are one above this IoU within what both tiles show


@dataclass(frozen=True)
class Placed:
    """A prediction in frame coordinates.

    Attributes:
        classes: class map, uint8 ``(H, W)``; 255 where no sample lies.
        instances: cells, int32 ``(H, W)``, numbered 1..n; 0 where no sample lies.
        probability: float32 ``(K + 1, H, W)``, 0 where no sample lies; None without probabilities.
        covered: bool ``(H, W)``, where a sample lies.
    """

    classes: np.ndarray
    instances: np.ndarray
    probability: np.ndarray | None
    covered: np.ndarray


def place(
    frame_size: tuple[int, int],
    boxes: Sequence[Box],
    classes: Sequence[np.ndarray],
    instances: Sequence[np.ndarray],
    probabilities: Sequence[np.ndarray] = (),
) -> Placed:
    """Resize the predictions of one frame's samples to their boxes and join them.

    Where samples overlap, probabilities are blended, heavier the farther a pixel lies from a sample's edge, and the
    class is the most probable one; for cells, and without probabilities, the sample decides that has the pixel
    farthest inside.
    Cells of overlapping samples that agree become one. Cells cut by samples that only touch stay apart.

    Args:
        frame_size: rows and columns of the frame.
        boxes: where each sample lies in the frame.
        classes: class maps on the samples' own grids.
        instances: cells on the samples' own grids.
        probabilities: float ``(K + 1, h, w)`` on the samples' own grids, or nothing.
    """
    size = tuple(int(n) for n in frame_size)
    cells_of = join_cells(
        boxes, [resize_labels(labels, _part(box)[1]) for box, labels in zip(boxes, instances, strict=True)]
    )
    joined, cells = np.full(size, IGNORE, np.uint8), np.zeros(size, np.int32)
    heaviest, times = np.zeros(size, np.float32), np.zeros(size, np.int32)
    for box, class_map, labels in zip(boxes, classes, cells_of, strict=True):
        part, shape = _part(box)
        weight = edge_distance(shape)
        wins = weight > heaviest[part]
        joined[part] = np.where(wins, resize_labels(class_map, shape), joined[part])
        cells[part] = np.where(wins, labels, cells[part])
        heaviest[part] = np.maximum(weight, heaviest[part])
        times[part] += 1
    probability = blend(size, boxes, probabilities) if len(probabilities) else None
    if probability is not None:
        joined = np.where(times > 1, probability.argmax(axis=0).astype(np.uint8), joined)
    return Placed(joined, relabel(cells), probability, times > 0)


def blend(size: tuple[int, int], boxes: Sequence[Box], probabilities: Sequence[np.ndarray]) -> np.ndarray:
    """Probabilities of a whole frame, float32 ``(K + 1, *size)``: means weighted by the distance from the edge."""
    total = np.zeros((probabilities[0].shape[0], *size), np.float32)
    weights = np.zeros(size, np.float32)
    for box, probability in zip(boxes, probabilities, strict=True):
        part, shape = _part(box)
        weight = edge_distance(shape)
        total[:, *part] += weight * resize_image(probability.astype(np.float32), shape)
        weights[part] += weight
    return total / np.maximum(weights, 1e-12)


def edge_distance(shape: tuple[int, int]) -> np.ndarray:
    """Distance of each pixel's centre from the nearest edge, as a part of the half side; float32 ``shape``."""
    rows, columns = (np.minimum(np.arange(n) + 0.5, np.arange(n)[::-1] + 0.5) / (n / 2) for n in shape)
    return np.minimum(rows[:, None], columns[None, :]).astype(np.float32)


def join_cells(boxes: Sequence[Box], labels: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Give the cells of all samples numbers of one frame: the same one where two samples show the same cell.

    Args:
        boxes: where each sample lies in the frame.
        labels: cells of each sample, int ``(H, W)`` of its box.

    Returns:
        Labels of the same shapes; cells that agree share a number (IoU above `AGREEMENT` within what both show).
    """
    firsts = np.cumsum([0] + [int(part.max(initial=0)) for part in labels])
    parent = np.arange(firsts[-1] + 1)
    for i, j in itertools.combinations(range(len(boxes)), 2):
        one, other = _shared(boxes[i], boxes[j], labels[i]), _shared(boxes[j], boxes[i], labels[j])
        for a, b in agreeing(one, other):
            low, high = sorted((_root(parent, firsts[i] + a), _root(parent, firsts[j] + b)))
            parent[high] = low
    roots = np.array([_root(parent, n) for n in range(parent.size)])
    return [roots[np.where(part > 0, part + first, 0)] for part, first in zip(labels, firsts, strict=False)]


def agreeing(one: np.ndarray, other: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of cells of two label images of the same ground whose IoU is above `AGREEMENT`."""
    both = (one > 0) & (other > 0)
    if not both.any():
        return []
    areas, other_areas = np.bincount(one.ravel()), np.bincount(other.ravel())
    # A pair as one number: ten times as fast as rows of two.
    code, shared = np.unique(one[both].astype(np.int64) * len(other_areas) + other[both], return_counts=True)
    mine, theirs = np.divmod(code, len(other_areas))
    agree = shared > AGREEMENT * (areas[mine] + other_areas[theirs] - shared)
    return [(int(a), int(b)) for a, b in zip(mine[agree], theirs[agree], strict=True)]


def _root(parent: np.ndarray, number: int) -> int:
    while parent[number] != number:
        number = parent[number]
    return int(number)


def _shared(box: Box, other: Box, labels: np.ndarray) -> np.ndarray:
    """The part of a sample's labels that lies in another sample's box; empty where they do not meet."""
    row0, row1 = max(box[0], other[0]) - box[0], min(box[2], other[2]) - box[0]
    col0, col1 = max(box[1], other[1]) - box[1], min(box[3], other[3]) - box[1]
    return labels[row0 : max(row0, row1), col0 : max(col0, col1)]


def _part(box: Box) -> tuple[tuple[slice, slice], tuple[int, int]]:
    row0, col0, row1, col1 = (int(n) for n in box)
    return (slice(row0, row1), slice(col0, col1)), (row1 - row0, col1 - col0)
