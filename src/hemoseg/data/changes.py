"""What a correction changed: the cells of an image before and after, held against each other id by id."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from hemoseg.labels.pixel_runs import pixel_runs


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


class Change(NamedTuple):
    """What became of one cell.

    Attributes:
        id: the cell's number.
        change: ``added``, ``removed``, ``reshaped``, ``retyped`` or ``reshaped;retyped``.
        iou: pixels that it has now and had before, over those that it has or had; 0 where it is not in both.
        class_before: value of its class, None where it was not there.
        class_after: likewise.
        area_before: pixels.
        area_after: pixels.
        row: of its centroid, now or, where it is gone, before.
        column: likewise.
    """

    id: int
    change: str
    iou: float
    class_before: int | None
    class_after: int | None
    area_before: int
    area_after: int
    row: float
    column: float


def changes(
    before: np.ndarray, kinds_before: Mapping[int, int], after: np.ndarray, kinds_after: Mapping[int, int]
) -> list[Change]:
    """Every cell that is not what it was, by its id.

    Args:
        before: instances ``(H, W)``.
        kinds_before: class of each of its cells.
        after: instances ``(H, W)`` of the same size.
        kinds_after: class of each of its cells.
    """
    found = shared_pixels(after, before)
    same = found.cell == found.before
    shared = dict(zip(found.cell[same].tolist(), found.shared[same].tolist(), strict=True))
    was, now = _places(before), _places(after)
    listed = []
    for cell in sorted(was.keys() | now.keys()):
        area_before, area_after = (places[cell][0] if cell in places else 0 for places in (was, now))
        common = shared.get(cell, 0)
        iou = common / (area_before + area_after - common)
        kinds = kinds_before.get(cell), kinds_after.get(cell)
        if cell not in was or cell not in now:
            change = "added" if cell in now else "removed"
        else:
            change = ";".join(["reshaped"] * (iou < 1) + ["retyped"] * (kinds[0] != kinds[1]))
        if change:
            listed.append(Change(cell, change, iou, *kinds, area_before, area_after, *(now.get(cell) or was[cell])[1:]))
    return listed


def _places(labels: np.ndarray) -> dict[int, tuple[int, float, float]]:
    """Area and centroid of each cell, by its id."""
    runs = pixel_runs(labels)
    ids, where = np.unique(runs.label, return_inverse=True)
    length = runs.length
    area = np.bincount(where, length, len(ids))
    row = np.bincount(where, length * runs.row, len(ids)) / area
    column = np.bincount(where, length * (runs.start + runs.stop - 1) / 2, len(ids)) / area
    facts = zip(area.astype(int).tolist(), row.tolist(), column.tolist(), strict=True)
    return dict(zip(ids.tolist(), facts, strict=True))
