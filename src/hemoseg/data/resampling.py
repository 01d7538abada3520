"""An image at another size, row by row: each new row depends on its place alone, so strips have no seams."""

from collections.abc import Callable

import numpy as np
from scipy import sparse

# Rows ``first`` to before ``last`` of an image, ``(C, last - first, W)``.
Rows = Callable[[int, int], np.ndarray]


def axis_weights(source: int, target: int) -> sparse.csr_matrix:
    """How much each of ``source`` pixels counts in each of ``target`` pixels, float64 ``(target, source)``.

    An axis that shrinks is averaged over area, one that grows is interpolated linearly between the pixels' centres, as
    `hemoseg.data.resize.resize_image` does.
    """
    edges = np.arange(target + 1) * (source / target)
    if target >= source:
        centre = np.clip((edges[:-1] + edges[1:]) / 2 - 0.5, 0, source - 1)
        low = np.minimum(centre.astype(np.int64), max(source - 2, 0))
        share = centre - low
        rows, columns = np.repeat(np.arange(target), 2), np.stack([low, np.minimum(low + 1, source - 1)], 1).ravel()
        values = np.stack([1 - share, share], axis=1).ravel()
    else:
        first = np.floor(edges[:-1]).astype(np.int64)
        counts = np.minimum(np.ceil(edges[1:]).astype(np.int64), source) - first
        rows = np.repeat(np.arange(target), counts)
        columns = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts) + first[rows]
        covered = np.minimum(columns + 1, edges[1:][rows]) - np.maximum(columns, edges[:-1][rows])
        values = covered / np.bincount(rows, covered, target)[rows]
    return sparse.csr_matrix((values, (rows, columns)), shape=(target, source))


class Resampled:
    """An image at another size.

    Args:
        rows: of the image.
        source: its rows and columns.
        target: rows and columns wanted.
    """

    def __init__(self, rows: Rows, source: tuple[int, int], target: tuple[int, int]):
        self._rows, self.size = rows, target
        self._down, self._across = (axis_weights(one, other) for one, other in zip(source, target, strict=True))

    def rows(self, first: int, last: int) -> np.ndarray:
        """Rows ``first`` to before ``last``, ``(C, last - first, W)`` in the image's own type, rounded."""
        weights = self._down[first:last]
        begin, end = int(weights.indices.min()), int(weights.indices.max()) + 1
        block = self._rows(begin, end)
        down = weights[:, begin:end]
        planes = [(self._across @ (down @ plane.astype(np.float64)).T).T for plane in block]
        limit = np.iinfo(block.dtype)
        return np.clip(np.rint(np.stack(planes)), limit.min, limit.max).astype(block.dtype)
