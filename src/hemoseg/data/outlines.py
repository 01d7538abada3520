"""Outlines of cells as polygons along the edges of their pixels, from which the very same pixels come back.

A point is (column, row) of a pixel's corner: pixel (0, 0) is the square from (0, 0) to (1, 1). Pixels that share a side
belong together; where two of a cell meet at a corner only, the outline passes between them. So every ring is simple and
every polygon valid by OGC 06-103r4: one shell, and holes that touch it or each other in points at most. A cell of
several parts has several polygons.
"""

from collections.abc import Iterator
from itertools import groupby, pairwise
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from hemoseg.labels.pixel_runs import PixelRuns

Polygon = list[np.ndarray]  # its shell, then its holes: int64 (n, 2) each, no point twice
RUNS_AT_ONCE = 2**17  # cells are looked at in groups, so that memory is bounded


def outlines_of(runs: PixelRuns) -> Iterator[tuple[int, list[Polygon]]]:
    """The polygons of each label, labels upwards; shells go round with the cell on their left, holes as well."""
    runs = runs.by_label()
    ends = np.flatnonzero(np.diff(runs.label, append=0)) + 1
    begin = 0
    while begin < len(runs.label):
        end = int(ends[min(np.searchsorted(ends, begin + RUNS_AT_ONCE), len(ends) - 1)])
        yield from _traced(PixelRuns(*(part[begin:end] for part in runs)))
        begin = end


class _Corners(NamedTuple):
    """Corners of the outlines, ``(2n,)`` each: 2i and 2i + 1 are the upper and lower end of vertical side i."""

    label: np.ndarray
    x: np.ndarray
    y: np.ndarray
    right: np.ndarray  # whether the side is a cell's right one


def _traced(runs: PixelRuns) -> Iterator[tuple[int, list[Polygon]]]:
    corners = _corners(runs)
    # At a corner where two pixels meet diagonally the right side comes first: each is joined with its own pixel's.
    order = np.lexsort((~corners.right, corners.x, corners.y, corners.label))
    label, x, y = corners.label[order], corners.x[order], corners.y[order]
    diagonal = set(label[1:][(x[1:] == x[:-1]) & (y[1:] == y[:-1]) & (label[1:] == label[:-1])].tolist())
    beside = np.empty_like(order)  # the corner at the other end of the horizontal side
    beside[order[::2]], beside[order[1::2]] = order[1::2], order[::2]
    walk, begins = _walks(order, beside, corners.right)
    points = np.stack([corners.x[walk], corners.y[walk]], axis=1)
    owners = corners.label[walk[begins[:-1]]].tolist()
    for of, group in groupby(zip(owners, pairwise(begins), strict=True), key=itemgetter(0)):
        rings = [points[begin:end] for _, (begin, end) in group]
        if of in diagonal:
            rings = [part for ring in rings for part in _simple(ring)]
        yield of, _polygons(rings)


def _corners(runs: PixelRuns) -> _Corners:
    """Ends of the vertical sides: the sides of runs, joined where one stands on another."""
    label, row = np.tile(runs.label, 2), np.tile(runs.row, 2)
    x = np.concatenate([runs.start, runs.stop])
    right = np.repeat([False, True], len(runs.label))
    order = np.lexsort((row, x, right, label))
    label, row, x, right = label[order], row[order], x[order], right[order]
    same = (label[1:] == label[:-1]) & (right[1:] == right[:-1]) & (x[1:] == x[:-1]) & (row[1:] == row[:-1] + 1)
    first, last = np.flatnonzero(np.append(True, ~same)), np.flatnonzero(np.append(~same, True))
    y = np.stack([row[first], row[last] + 1], axis=1).ravel()
    return _Corners(np.repeat(label[first], 2), np.repeat(x[first], 2), y, np.repeat(right[first], 2))


def _walks(order: np.ndarray, beside: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Closed walks over the corners, one behind the other, and where each begins, with the end of the last."""
    across, is_right = beside.tolist(), right.tolist()
    seen = bytearray(len(across) // 2)
    entered: list[int] = []  # of each vertical side the corner at which it is entered
    begins = [0]
    for start in order.tolist():
        if seen[start >> 1]:
            continue
        # Down a left side and up a right one the cell lies on the left. The first corner is an upper end.
        at = start ^ 1 if is_right[start] else start
        while not seen[at >> 1]:
            seen[at >> 1] = 1
            entered.append(at)
            at = across[at ^ 1]
        begins.append(2 * len(entered))
    walk = np.array(entered)
    return np.stack([walk, walk ^ 1], axis=1).ravel(), begins


def _simple(ring: np.ndarray) -> list[np.ndarray]:
    """The ring, cut into rings that pass no point twice."""
    found, walk, places = [], [], {}
    for point in map(tuple, ring.tolist()):
        if point in places:
            begin = places[point]
            found.append(np.array(walk[begin:]))
            for gone in walk[begin:]:
                del places[gone]
            del walk[begin:]
        places[point] = len(walk)
        walk.append(point)
    return [*found, np.array(walk)]


def _polygons(rings: list[np.ndarray]) -> list[Polygon]:
    """Shells with their holes, of the rings of one label."""
    if len(rings) == 1:
        return [rings]
    shells = [[ring] for ring in rings if doubled_area(ring) < 0]
    holes = [ring for ring in rings if doubled_area(ring) > 0]
    if len(shells) == 1:
        return [shells[0] + holes]
    sizes = [doubled_area(shell[0]) for shell in shells]
    for hole in holes:
        # The pixel on the left of the hole's first side is of the cell, and so within the polygon that has the hole.
        (x0, y0), (x1, y1) = hole[0].tolist(), hole[1].tolist()
        along = ((x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0))
        pixel = (x0 + 0.5 * (along[0] + along[1]), y0 + 0.5 * (along[1] - along[0]))
        around = [i for i, shell in enumerate(shells) if _within(pixel, shell[0])]
        shells[max(around, key=lambda i: sizes[i])].append(hole)  # areas of shells are negative: the innermost one
    return shells


def doubled_area(ring: np.ndarray) -> float:
    """Twice the area that a ring ``(n, 2)`` encloses; negative where it lies on the left as one goes round."""
    after = np.roll(ring, -1, axis=0)
    return (ring[:, 0] * after[:, 1] - after[:, 0] * ring[:, 1]).sum().item()


def _within(point: tuple[float, float], ring: np.ndarray) -> bool:
    """Whether the middle of a pixel lies within a ring along pixels' edges: an odd number of sides is on its left."""
    x, y = point
    after = np.roll(ring, -1, axis=0)
    beside = (np.minimum(ring[:, 1], after[:, 1]) < y) & (y < np.maximum(ring[:, 1], after[:, 1])) & (ring[:, 0] < x)
    return bool(beside.sum() % 2)
