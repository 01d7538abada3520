"""Putting predictions of samples back into the frames they were cut from."""

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
    class is the most probable one; without probabilities the sample that has the pixel farthest inside decides.
    Cells of overlapping samples that agree become one. Cells cut by samples that only touch stay apart.

    Args:
        frame_size: rows and columns of the frame.
        boxes: where each sample lies in the frame.
        classes: class maps on the samples' own grids.
        instances: cells on the samples' own grids.
        probabilities: float ``(K + 1, h, w)`` on the samples' own grids, or nothing.
    """
    size = tuple(int(n) for n in frame_size)
    joined, cells = np.full(size, IGNORE, np.uint8), np.zeros(size, np.int32)
    heaviest, times = np.zeros(size, np.float32), np.zeros(size, np.int32)
    for box, class_map, labels in zip(boxes, classes, instances, strict=True):
        part, shape = _part(box)
        weight = edge_distance(shape)
        wins = weight > heaviest[part]
        joined[part] = np.where(wins, resize_labels(class_map, shape), joined[part])
        heaviest[part] = np.maximum(weight, heaviest[part])
        cells[part] = join_cells(cells[part], resize_labels(labels, shape), times[part] > 0, int(cells.max()))
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


def join_cells(there: np.ndarray, new: np.ndarray, both: np.ndarray, last: int) -> np.ndarray:
    """Add the cells of one sample to those already placed.

    A new cell that agrees with one already there (IoU above `AGREEMENT` within ``both``) takes its number; the others
    get numbers after ``last``. What is already there is not overwritten.

    Args:
        there: cells placed before, int ``(H, W)``.
        new: cells of the sample, int ``(H, W)``.
        both: where samples placed before lie, bool ``(H, W)``.
        last: highest number in use in the frame.
    """
    numbers = np.arange(int(new.max(initial=0)) + 1, dtype=np.int64) + last
    numbers[0] = 0
    shown, seen = there[both].astype(np.int64), new[both].astype(np.int64)
    area_there, area_new = np.bincount(shown), np.bincount(seen)
    pairs, shared = np.unique(np.stack([shown, seen], axis=1)[(shown > 0) & (seen > 0)], axis=0, return_counts=True)
    for (old, fresh), count in zip(pairs, shared, strict=True):
        if count > AGREEMENT * (area_there[old] + area_new[fresh] - count):
            numbers[fresh] = old
    return np.where(there > 0, there, numbers[new]).astype(np.int32)


def _part(box: Box) -> tuple[tuple[slice, slice], tuple[int, int]]:
    row0, col0, row1, col1 = (int(n) for n in box)
    return (slice(row0, row1), slice(col0, col1)), (row1 - row0, col1 - col0)
