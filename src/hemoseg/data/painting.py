"""Polygons and runs back to a label image: which pixels a cell has, and whose a pixel is that several claim."""

from collections.abc import Sequence

import numpy as np

from hemoseg.labels.pixel_runs import PixelRuns

PIXELS_AT_ONCE = 2**24  # that are painted together, so that memory is bounded
MOST_CROSSINGS = 2**27  # of sides and rows: a slide of 400,000 cells has a quarter of that; more would fill the memory
MOST_TIMES = 100  # that cells may cover an image
FARTHEST = 1e9  # pixels from the origin: beyond lies no image, and floats no longer tell pixels apart


def filled(polygons: Sequence[tuple[int, Sequence[np.ndarray]]], size: tuple[int, int]) -> PixelRuns:
    """Runs of the pixels whose middle lies within polygons; what lies beyond the image is left out.

    Args:
        polygons: label and rings of each; a point (column, row) is a corner of pixels where it is whole. A ring may be
            closed by its first point again or not. Within is what an odd number of the polygon's rings go round.
        size: rows and columns of the image.

    Returns:
        A run may be there twice where two polygons of a label overlap.

    Raises:
        ValueError: a point that is no number or too far away, or more and longer sides than cells have.
    """
    label = [label for label, rings in polygons for _ in rings]
    polygon = [number for number, (_, rings) in enumerate(polygons) for _ in rings]
    rings = [np.asarray(ring, np.float64).reshape(-1, 2) for _, some in polygons for ring in some]
    if not rings or not sum(map(len, rings)):
        return PixelRuns(*(np.zeros(0, np.int64) for _ in range(4)))
    points = np.concatenate(rings)
    if not (np.abs(points) <= FARTHEST).all():
        raise ValueError("a point that is no number, or too far away")
    lengths = np.array([len(ring) for ring in rings])
    ends = np.cumsum(lengths)
    after = np.arange(1, len(points) + 1)
    after[ends[lengths > 0] - 1] = (ends - lengths)[lengths > 0]
    side, row, column = _crossings(points, points[after], size)
    order = np.lexsort((column, row, np.repeat(polygon, lengths)[side]))
    row, column, owner = row[order], column[order], np.repeat(label, lengths)[side[order]]
    runs = PixelRuns(owner[::2].astype(np.int64), row[::2], column[::2], column[1::2])
    return PixelRuns(*(part[runs.length > 0] for part in runs))


def _crossings(begin: np.ndarray, end: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Where sides cross the middles of rows: side, row and the first column whose middle is not left of it."""
    height, width = size
    upper = np.minimum(begin[:, 1], end[:, 1])
    lower = np.maximum(begin[:, 1], end[:, 1])
    first = np.clip(np.ceil(upper - 0.5), 0, height).astype(np.int64)
    last = np.clip(np.ceil(lower - 0.5), 0, height).astype(np.int64)
    rows = last - first
    if rows.sum() > MOST_CROSSINGS:
        raise ValueError("more and longer sides than cells have")
    side = np.repeat(np.arange(len(begin)), rows)
    row = np.arange(len(side)) - np.repeat(np.cumsum(rows) - rows, rows) + first[side]
    (x0, y0), (x1, y1) = begin[side].T, end[side].T
    x = x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
    return side, row, np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)


def painted(runs: PixelRuns, size: tuple[int, int]) -> tuple[np.ndarray, int]:
    """A label image, int32 ``(H, W)``, and how many of its pixels several labels claimed.

    A pixel that several claim is the smallest's, of equal ones the later label's: what lies within another cell stays
    to be seen. A label has no pixel left only where smaller ones cover all of it.

    Args:
        runs: of labels 1..n.
        size: rows and columns.

    Raises:
        ValueError: the labels together are `MOST_TIMES` as large as the image.
    """
    area = np.bincount(runs.label, runs.length)
    if area.sum() > MOST_TIMES * size[0] * size[1]:
        raise ValueError(f"cells that cover the image more than {MOST_TIMES} times over")
    order = np.lexsort((runs.label, -area[runs.label]))
    image = np.zeros(size[0] * size[1], np.int32)
    begin = runs.row * size[1] + runs.start
    contested = np.zeros(0, np.int64)
    for part in np.array_split(order, max(1, int(area.sum()) // PIXELS_AT_ONCE)):
        length = runs.length[part]
        within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        where = np.repeat(begin[part], length) + within
        label = np.repeat(runs.label[part], length)
        before = image[where]
        image[where] = label
        # Claimed before by another, or in this part by one that came later and won.
        taken = ((before > 0) & (before != label)) | (image[where] != label)
        contested = np.union1d(contested, where[taken])
    return image.reshape(size), len(contested)
