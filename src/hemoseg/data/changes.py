"""What a correction changed: the cells of an image before and after, held against each other id by id."""

from typing import NamedTuple

import numpy as np


class Shared(NamedTuple):
    """Pairs of a cell and one of before that have pixels in common, ``(n,)`` each."""

    cell: np.ndarray
    before: np.ndarray
    shared: np.ndarray
    area: np.ndarray
    area_before: np.ndarray


def shared_pixels(cells: np.ndarray, before: np.ndarray) -> Shared:
    """Which cells of two label images ``(H, W)`` share how many pixels, and the areas of both."""
    areas, areas_before = (np.unique(labels, return_counts=True) for labels in (cells, before))
    both = (cells > 0) & (before > 0)
    pairs, shared = np.unique((cells[both].astype(np.int64) << 32) + before[both], return_counts=True)
    cell, old = pairs >> 32, pairs & (2**32 - 1)
    area, area_before = (
        counts[np.searchsorted(ids, wanted)] for (ids, counts), wanted in ((areas, cell), (areas_before, old))
    )
    return Shared(cell, old, shared, area, area_before)
