"""Touching cells of a large image cut apart component by component, each with what it needs of its surroundings."""

from collections.abc import Callable, Iterator

import numpy as np

from hemoseg.labels.regions import LINE, Regions
from hemoseg.labels.watershed import distance_markers, split_at_markers

TILE = 2048  # pixels: components that begin in one tile are cut together
MOST = 2**24  # pixels of a component's box; one with more is no heap of cells, and is left whole


class Splitter:
    """Cuts the components of a provisional label image in place.

    A watershed within one component sees nothing of another, so that the cut is the same as that of the whole image.

    Args:
        regions: components.
        points: markers, rows and columns in pixel indices, float ``(n, 2)``; none takes the maxima of the distance to
            the background.
    """

    def __init__(self, regions: Regions, points: np.ndarray | None):
        self.points = points
        self.count = len(regions.region) - 1
        self.whole = 0  # components that are too large to be cut
        self._regions = regions
        self._new: list[np.ndarray] = []
        kept = np.unique(regions.region)
        boxes = regions.boxes[kept]
        small = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) <= MOST
        small &= kept > 0
        self.whole = int(np.count_nonzero(~small & (kept > 0)))
        self._kept, self._boxes = kept[small], boxes[small]

    def run(self, rows: Callable[[int, int], np.ndarray], write: Callable[[int, np.ndarray], None]) -> Regions:
        """Cut all components; the regions after it.

        Args:
            rows: provisional labels of rows ``first`` to before ``last``, uint32 ``(n, W)``.
            write: puts rows back, from a first row on.
        """
        bands = self._boxes[:, 0] // TILE
        for band in np.unique(bands):
            here = bands == band
            first, last = int(self._boxes[here, 0].min()), int(self._boxes[here, 2].max())
            block = rows(first, last).copy()
            changed = [self._cut(block, first, chosen) for chosen in self._groups(here)]
            if any(changed):
                write(first, block)
        region = np.arange(self.count + 1)
        region[: len(self._regions.region)] = self._regions.region
        return Regions(region, np.zeros((0, 4), np.int64))

    def _groups(self, here: np.ndarray) -> Iterator[np.ndarray]:
        """Positions of the components that are cut together; a large one alone."""
        positions = np.flatnonzero(here)
        sides = np.maximum(*(self._boxes[positions, 2:] - self._boxes[positions, :2]).T)
        tiles = self._boxes[positions, 1] // TILE
        for tile in np.unique(tiles):
            yield positions[(tiles == tile) & (sides <= TILE // 2)]
        yield from positions[sides > TILE // 2][:, None]

    def _cut(self, block: np.ndarray, first: int, chosen: np.ndarray) -> bool:
        """Cut some components in a block of rows that begins at row ``first``; whether anything changed."""
        if not len(chosen):
            return False
        boxes = self._boxes[chosen]
        top, left = boxes[:, :2].min(axis=0)
        bottom, right = boxes[:, 2:].max(axis=0)
        part = block[top - first : bottom - first, left:right]
        wanted = np.zeros(len(self._regions.region), bool)
        wanted[self._kept[chosen]] = True
        old = np.where(part < len(wanted), part, 0)  # what was cut already is no component any more
        mask = wanted[self._regions.region[old]]
        points = distance_markers(mask) if self.points is None else self.points - (top, left)
        cells = split_at_markers(mask, points)
        number = int(cells.max(initial=0))
        if number == len(chosen) and not (mask & (cells == 0)).any():
            return False
        part[mask] = np.where(cells[mask] > 0, cells[mask].astype(np.uint32) + np.uint32(self.count), LINE)
        self.count += number
        return True
