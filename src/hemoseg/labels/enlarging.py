"""Cells on a grid finer than the one on which they were found, with outlines that follow the certainty in between.

A pixel of the fine grid is cell where the certainty, interpolated linearly between the four coarse pixels around it, is
above 0: the outline of a network's probability at its even point, to a fraction of a coarse pixel, in place of a flight
of stairs (which makes perimeters a fifth longer). Which cell it belongs to is told by the largest weight of those four.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Between:
    """Places of fine pixels along one axis of the coarse grid.

    Attributes:
        before: coarse pixel at or before each fine one, int64 ``(n,)``.
        after: the next, the last one again at the end.
        share: weight of ``after``, float32 in [0, 1].
    """

    before: np.ndarray
    after: np.ndarray
    share: np.ndarray

    def part(self, first: int, last: int) -> "Between":
        """Fine pixels ``first`` to before ``last``, counted from the first coarse pixel that they need."""
        start = int(self.before[first])
        return Between(self.before[first:last] - start, self.after[first:last] - start, self.share[first:last])


def between(coarse: int, fine: int) -> Between:
    """Places of ``fine`` pixels on ``coarse`` ones that cover the same length, centres as resizing has them."""
    place = np.clip((np.arange(fine) + 0.5) * (coarse / fine) - 0.5, 0, coarse - 1)
    before = np.floor(place).astype(np.int64)
    return Between(before, np.minimum(before + 1, coarse - 1), (place - before).astype(np.float32))


def certainty(cells: np.ndarray, probability: np.ndarray | None) -> np.ndarray:
    """How far each pixel is from the even point: above 0 in a cell, below elsewhere, int16 ``(H, W)``.

    Args:
        cells: int ``(H, W)``, 0 background.
        probability: of each class in 255ths, uint8 ``(K, H, W)``, background first; none makes all pixels alike.
    """
    inside = cells > 0
    if probability is None:
        return np.where(inside, 1, -1).astype(np.int16)
    apart = np.abs(probability[1:].max(axis=0).astype(np.int16) - probability[0])
    apart = np.maximum(apart, 1)  # rounded probabilities may be even
    return np.where(inside, apart, -apart)


def enlarge(
    cells: np.ndarray, classes: np.ndarray, certain: np.ndarray, rows: Between, columns: Between
) -> tuple[np.ndarray, np.ndarray]:
    """Cells, int ``(n, m)``, and their classes, uint8, on the fine grid; 0 outside of cells.

    Args:
        cells: int ``(h, w)`` on the coarse grid.
        classes: uint8 ``(h, w)``.
        certain: see `certainty`.
        rows: places of the fine rows.
        columns: of the fine columns.
    """
    inside = _interpolated(certain, rows, columns) > 0
    nearest = [np.where(one.share > 0.5, one.after, one.before) for one in (rows, columns)]
    found, kinds = (np.where(inside, one[nearest[0]][:, nearest[1]], 0) for one in (cells, classes))
    # Where all four coarse pixels around are the cell of the nearest, or none, there is nothing to weigh.
    doubtful = np.nonzero(inside & (_several(cells)[rows.before][:, columns.before] | (found == 0)))
    if len(doubtful[0]):
        found[doubtful], kinds[doubtful] = _weighed(cells, classes, rows, columns, doubtful)
    return found, kinds.astype(np.uint8)


def _several(cells: np.ndarray) -> np.ndarray:
    """Whether a pixel, the next below, the next to the right and the one between these are of more than one cell."""
    padded = np.pad(cells, ((0, 1), (0, 1)), mode="edge")
    four = np.stack([padded[:-1, :-1], padded[1:, :-1], padded[:-1, 1:], padded[1:, 1:]])
    largest = four.max(axis=0)
    return np.where(four > 0, four, largest).min(axis=0) != largest


def _weighed(
    cells: np.ndarray, classes: np.ndarray, rows: Between, columns: Between, places: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Cell with the largest weight of the four pixels around each place, and the class of its nearest one."""
    low, right = rows.share[places[0]], columns.share[places[1]]
    corners = [
        (side[places[0]], other[places[1]])
        for side in (rows.before, rows.after)
        for other in (columns.before, columns.after)
    ]
    weights = np.stack([(1 - low) * (1 - right), (1 - low) * right, low * (1 - right), low * right])
    numbers = np.stack([cells[corner] for corner in corners])
    votes = np.stack([np.where(numbers == one, weights, 0).sum(axis=0) for one in numbers])
    votes[numbers == 0] = -1
    chosen = np.take_along_axis(numbers, votes.argmax(axis=0)[None], axis=0)[0]
    weights[numbers != chosen] = -1
    kinds = np.stack([classes[corner] for corner in corners])
    return chosen, np.take_along_axis(kinds, weights.argmax(axis=0)[None], axis=0)[0]


def _interpolated(values: np.ndarray, rows: Between, columns: Between) -> np.ndarray:
    upper, lower = values[rows.before].astype(np.float32), values[rows.after].astype(np.float32)
    along = upper + (lower - upper) * rows.share[:, None]
    left, right = along[:, columns.before], along[:, columns.after]
    return left + (right - left) * columns.share
