"""What was found in an image, on the image's own grid, a few rows at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from hemoseg.data.resampling import Rows
from hemoseg.data.resize import nearest
from hemoseg.labels.enlarging import Between, between, certainty, enlarge
from hemoseg.labels.regions import LINE, Regions
from hemoseg.steps.row_store import RowStore

BAND = 2**23  # pixels that are looked at together


def bands(height: int, width: int, pixels: int = BAND) -> Iterator[tuple[int, int]]:
    """First and, one beyond, last row of the parts of an image that hold about so many pixels."""
    step = max(1, pixels // width)
    return ((first, min(first + step, height)) for first in range(0, height, step))


@dataclass
class Stores:
    """Rows of what a model says, on the network's grid.

    Attributes:
        classes: uint8.
        labels: provisional cells, uint32.
        probability: ``(K, W)`` per row, uint8 in 255ths; none where the model gives none.
    """

    classes: RowStore
    labels: RowStore
    probability: RowStore | None

    def close(self) -> None:
        """Let go of the files or the memory."""
        for store in (self.classes, self.labels, self.probability):
            if store is not None:
                store.close()


@dataclass
class Found:
    """The cells of an image, numbered 1..n by their first pixels in reading order.

    Attributes:
        image: rows of the image in its own numbers.
        size: its rows and columns.
        grid: rows and columns of the network's grid; where it is coarser, outlines run between its pixels
            (`hemoseg.labels.enlarging`), where it is finer, each pixel takes what lies under its centre.
        stores: on the network's grid.
        regions: which provisional numbers are one cell.
        first: row in which each cell begins, int64 ``(n,)``.
        last: row in which it ends.
    """

    image: Rows
    size: tuple[int, int]
    grid: tuple[int, int]
    stores: Stores
    regions: Regions
    first: np.ndarray = field(init=False)
    last: np.ndarray = field(init=False)
    _numbers: np.ndarray = field(init=False)
    _down: np.ndarray = field(init=False)
    _across: np.ndarray = field(init=False)
    _between: list[Between] = field(init=False)
    _whole: tuple[np.ndarray, np.ndarray] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._between = [between(one, other) for one, other in zip(self.grid, self.size, strict=True)]
        self._down, self._across = (nearest(one, other) for one, other in zip(self.grid, self.size, strict=True))
        self._count()

    def __len__(self) -> int:
        return len(self.first)

    def labels(self, first: int, last: int) -> np.ndarray:
        """Cells in rows ``first`` to before ``last``, int32 ``(n, W)``."""
        if self._coarser:
            return self._numbers[self._enlarged(first, last)[0]]
        rough = self._of(self.stores.labels, first, last)
        return self._numbers[np.where(rough == LINE, 0, rough)]

    def classes(self, first: int, last: int) -> np.ndarray:
        """Class map of some rows, uint8 ``(n, W)``; lines between cells are background."""
        if self._coarser:
            return self._enlarged(first, last)[1]
        lines = self._of(self.stores.labels, first, last) == LINE
        return np.where(lines, 0, self._of(self.stores.classes, first, last)).astype(np.uint8)

    def probability(self, first: int, last: int) -> np.ndarray | None:
        """Probability of each class in some rows, uint8 in 255ths ``(K, n, W)``; none where the model gives none."""
        if self.stores.probability is None:
            return None
        return np.moveaxis(self._of(self.stores.probability, first, last), 1, 0)

    @property
    def _coarser(self) -> bool:
        return self.grid != self.size and all(one <= other for one, other in zip(self.grid, self.size, strict=True))

    def _enlarged(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Regions and the class map of some rows, of a grid that is coarser than the image.

        An image that is looked at in one part anyway is enlarged once and kept: every writer asks for it.
        """
        if self.size[0] * self.size[1] > BAND:
            return self._enlarge(first, last)
        if self._whole is None:
            self._whole = self._enlarge(0, self.size[0])
            for one in self._whole:
                one.setflags(write=False)
        regions, classes = self._whole
        return regions[first:last], classes[first:last]

    def _enlarge(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = self._between[0].part(first, last), self._between[1]
        top = int(self._between[0].before[first])
        labels, classes = (
            one.rows(top, top + int(rows.after[-1]) + 1) for one in (self.stores.labels, self.stores.classes)
        )
        cells = self.regions.of(labels)
        store = self.stores.probability
        probability = None if store is None else np.moveaxis(store.rows(top, top + len(labels)), 1, 0)
        found, kinds = enlarge(cells, classes, certainty(cells, probability), rows, columns)
        # What is too small for a cell keeps the class that it was given, pixel by pixel.
        dust = np.where((cells == 0) & (labels != LINE), classes, 0)
        near = dust[self._down[first:last] - top][:, self._across]
        return found, np.where(found > 0, kinds, near).astype(np.uint8)

    def _of(self, store: RowStore, first: int, last: int) -> np.ndarray:
        """Rows of a store on the image's grid."""
        if self.grid == self.size:
            return store.rows(first, last)
        chosen = self._down[first:last]
        return store.rows(chosen[0], chosen[-1] + 1)[chosen - chosen[0]][..., self._across]

    def _count(self) -> None:
        """Number the cells that have a pixel on the image's grid."""
        count = len(self.regions.region)
        first, last = np.full(count, -1, np.int64), np.full(count, -1, np.int64)
        width = self.size[1]
        for begin, end in bands(*self.size):
            seen = (
                self._enlarged(begin, end)[0]
                if self._coarser
                else self.regions.of(self._of(self.stores.labels, begin, end))
            )
            flat = seen.ravel()
            places = np.flatnonzero(flat)
            cells, places = flat[places], places + begin * width
            last[cells] = places // width
            new = np.full(count, -1, np.int64)
            new[cells[::-1]] = places[::-1]  # of several values the last one stays: the first pixel
            first = np.where((first < 0) & (new >= 0), new, first)
        there = np.flatnonzero(first >= 0)
        order = there[np.argsort(first[there], kind="stable")]
        number = np.zeros(count, np.int32)
        number[order] = np.arange(1, len(order) + 1)
        self._numbers = number[self.regions.region]
        self.first, self.last = first[order] // width, last[order]
