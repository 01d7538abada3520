"""Cells of an image from a model that has to see cells whole: overlapping windows, each cell taken from one of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hemoseg.data.resampling import Rows
from hemoseg.inference.windows import window_starts
from hemoseg.labels.points import centres_of
from hemoseg.models import Labelled

SHARED = 0.5  # share of a cell's pixels that are another one's already: then it is that cell, seen by two windows
MARGIN = 0.25  # of an overlap: as far beyond its core a window is still asked for cells, lest windows disagree on one


@dataclass(frozen=True)
class Strip:
    """Finished rows.

    Attributes:
        first: row of the image.
        classes: uint8 ``(h, W)``.
        instances: provisional numbers, uint32 ``(h, W)``; none where the model makes no cells.
        probability: float32 ``(K, h, W)``; none where it gives none.
    """

    first: int
    classes: np.ndarray
    instances: np.ndarray | None
    probability: np.ndarray | None


def labelled_strips(
    label: Callable[[np.ndarray], Labelled],
    rows: Rows,
    size: tuple[int, int],
    *,
    window: tuple[int, int],
    overlap: float,
) -> Iterator[Strip]:
    """What a model says of an image, window by window.

    Each pixel belongs to the core of one window: cores meet in the middle of the overlaps. A cell is taken from the
    first window, in reading order, whose core holds its centroid or lies near it, unless half of it is a cell already.
    A cell up to half as large as an overlap is seen whole by the window that it is taken from. Classes and
    probabilities of a cell's pixels are those of its window, of all others those of the window whose core holds them.

    Args:
        label: an image ``(C, h, w)`` to what the model says of it.
        rows: of the image; each is asked for once.
        size: rows and columns of the image.
        window: rows and columns of a window; cut to the image where that is smaller.
        overlap: share of a window that the next one covers again, in [0, 1).

    Yields:
        Strips that follow each other.
    """
    height, width = (min(side, whole) for side, whole in zip(window, size, strict=True))
    starts, columns = window_starts(size[0], height, overlap), window_starts(size[1], width, overlap)
    row_cores, column_cores = cores(starts, height, size[0]), cores(columns, width, size[1])
    canvas: _Canvas | None = None
    block, read = None, 0
    for i, start in enumerate(starts):
        kept = [] if block is None else [block[:, block.shape[1] - (read - start) :]] if read > start else []
        block, read = np.concatenate([*kept, rows(max(read, start), start + height)], axis=1), start + height
        for j, column in enumerate(columns):
            said = label(np.ascontiguousarray(block[:, :, column : column + width]))
            canvas = canvas or _Canvas(said, height, size[1])
            core = (row_cores[i][0] - start, column_cores[j][0], row_cores[i][1] - start, column_cores[j][1])
            canvas.paint(said, column, core, _reach(row_cores, i, start, column_cores, j, column, (height, width)))
        done = (starts[i + 1] if i + 1 < len(starts) else size[0]) - start
        yield canvas.taken(start, done)


def window_centres(
    propose: Callable[[np.ndarray], np.ndarray | None],
    rows: Rows,
    size: tuple[int, int],
    *,
    window: tuple[int, int],
    overlap: float,
) -> np.ndarray | None:
    """Centres of the boxes that a network proposes in each window and that lie in the window's core.

    Args:
        propose: an image ``(C, h, w)`` to boxes ``(n, 5)``, or none.
        rows: of the image.
        size: rows and columns of the image.
        window: as of `labelled_strips`.
        overlap: as of `labelled_strips`.

    Returns:
        Rows and columns in pixel indices, float ``(n, 2)``; none of a network that proposes none.
    """
    height, width = (min(side, whole) for side, whole in zip(window, size, strict=True))
    starts, columns = window_starts(size[0], height, overlap), window_starts(size[1], width, overlap)
    found = []
    for start, (top, bottom) in zip(starts, cores(starts, height, size[0]), strict=True):
        block = rows(start, start + height)
        for column, (left, right) in zip(columns, cores(columns, width, size[1]), strict=True):
            boxes = propose(np.ascontiguousarray(block[:, :, column : column + width]))
            if boxes is None:
                return None
            centres = centres_of(boxes) + np.array([start, column])
            found.append(centres[((centres >= (top, left)) & (centres < (bottom, right))).all(axis=1)])
    return np.concatenate(found)


def cores(starts: list[int], length: int, whole: int) -> list[tuple[int, int]]:
    """Begin and end of each window's core along one axis: they meet in the middle of the overlaps."""
    ends = [(following + start + length) // 2 for start, following in pairwise(starts)]
    return list(zip([0, *ends], [*ends, whole], strict=True))


def _reach(
    row_cores: list[tuple[int, int]],
    i: int,
    start: int,
    column_cores: list[tuple[int, int]],
    j: int,
    column: int,
    size: tuple[int, int],
) -> tuple[float, float, float, float]:
    """The core of window (i, j) and what of the overlaps lies near it, in pixels of the window."""
    sides = []
    for (begin, end), first, length in ((row_cores[i], start, size[0]), (column_cores[j], column, size[1])):
        # From a core to the window's edge is half an overlap.
        sides.append((begin - first - 2 * MARGIN * (begin - first), end - first + 2 * MARGIN * (first + length - end)))
    return sides[0][0], sides[1][0], sides[0][1], sides[1][1]


class _Canvas:
    """The rows of one row of windows, cells in provisional numbers."""

    def __init__(self, said: Labelled, height: int, width: int):
        self.classes = np.zeros((height, width), np.uint8)
        self.instances = None if said.instances is None else np.zeros((height, width), np.uint32)
        known = said.probability is not None
        self.probability = np.zeros((len(said.probability), height, width), np.float32) if known else None
        self.count = 0

    def paint(
        self, said: Labelled, column: int, core: tuple[int, int, int, int], reach: tuple[float, float, float, float]
    ) -> None:
        """Put in what is a window's: the pixels of its core that are no cell's, and its cells."""
        own = np.zeros(said.classes.shape, bool)
        own[core[0] : core[2], core[1] - column : core[3] - column] = True
        part = (slice(None), slice(column, column + own.shape[1]))
        if self.instances is not None:
            taken = self.instances[part]
            numbers = self._numbers(said.instances, taken, reach)
            fresh = (numbers > 0) & (taken == 0)
            own = (own & (taken == 0)) | fresh
            taken[fresh] = numbers[fresh]
        self.classes[part][own] = said.classes[own]
        if self.probability is not None:
            self.probability[:, *part][:, own] = said.probability[:, own]

    def _numbers(
        self, instances: np.ndarray, taken: np.ndarray, reach: tuple[float, float, float, float]
    ) -> np.ndarray:
        """The cells of a window that are taken, in new provisional numbers."""
        flat = instances.ravel().astype(np.int64)
        areas = np.bincount(flat)
        rows, columns = np.divmod(np.flatnonzero(flat), instances.shape[1])
        cells = flat[flat > 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = [np.bincount(cells, place, len(areas)) / areas for place in (rows, columns)]
        shared = np.bincount(flat[taken.ravel() > 0], minlength=len(areas))
        kept = (centre[0] >= reach[0]) & (centre[0] < reach[2]) & (centre[1] >= reach[1]) & (centre[1] < reach[3])
        kept &= (areas > 0) & (shared <= SHARED * areas)
        kept[0] = False
        numbers = np.zeros(len(areas), np.uint32)
        numbers[kept] = np.arange(self.count + 1, self.count + 1 + np.count_nonzero(kept))
        self.count += np.count_nonzero(kept)
        return numbers[instances]

    def taken(self, first: int, done: int) -> Strip:
        """The first ``done`` rows; the rest moves up."""
        parts = (self.classes, self.instances, self.probability)
        strip = Strip(first, *(None if one is None else one[..., :done, :].copy() for one in parts))
        for one in (one for one in parts if one is not None):
            moved = one[..., done:, :].copy()
            one[..., : moved.shape[-2], :] = moved
            one[..., moved.shape[-2] :, :] = 0
        return strip
