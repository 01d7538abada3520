"""Touching cells of a large image cut apart component by component, each with what it needs of its surroundings."""

from collections.abc import Callable, Iterator

import numpy as np

from hemoseg.labels.points import pixels_at
from hemoseg.labels.regions import LINE, Regions
from hemoseg.labels.watershed import distance_markers, split_at_markers

TILE = 2048  # pixels: components that begin in one tile are cut together
MOST = 2**24  # pixels of a component's box; one with more is no heap of cells, and is left whole


class Splitter:
    """Cuts the components of a provisional label image in place.

    Each component is cut alone, so that what is cut of it does not depend on where it lies and what lies around it. It
    is the cut of `hemoseg.inference.cells.find_cells`, but where seeds lie equally deep: of the whole image's seeds one
    of those is flooded first, and which one depends on all of them.

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
        corner, end = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        part = block[corner[0] - first : end[0] - first, corner[1] : end[1]]
        old = np.where(part < len(self._regions.region), part, 0)  # what was cut already is no component any more
        regions = self._regions.region[old]
        wanted = np.zeros(len(self._regions.region), bool)
        wanted[self._kept[chosen]] = True
        mask = wanted[regions]
        points = distance_markers(mask) if self.points is None else self.points - corner
        rows, columns = pixels_at(points, mask.shape)
        inside = mask[rows, columns]
        points = np.stack([rows[inside], columns[inside]], axis=1)
        owners = regions[points[:, 0], points[:, 1]]
        names, counts = np.unique(owners, return_counts=True)
        several = chosen[np.isin(self._kept[chosen], names[counts > 1])]
        return sum(self._cut_one(part, regions, place, points, owners, corner) for place in several) > 0

    def _cut_one(
        self,
        part: np.ndarray,
        regions: np.ndarray,
        place: int,
        points: np.ndarray,
        owners: np.ndarray,
        corner: np.ndarray,
    ) -> bool:
        """Cut one component, alone: of seeds equally deep scikit-image floods one first by what else there is."""
        number = self._kept[place]
        top, left, bottom, right = self._boxes[place] - np.tile(corner, 2)
        mask = regions[top:bottom, left:right] == number
        cells = split_at_markers(mask, points[owners == number] - (top, left))
        count = int(cells.max(initial=0))
        if count < 2:
            return False
        numbers = np.where(cells > 0, cells.astype(np.uint32) + np.uint32(self.count), LINE)
        part[top:bottom, left:right][mask] = numbers[mask]
        self.count += count
        return True
