"""Touching cells cut apart by a watershed from markers (touching: the centres of proposed boxes)."""

import numpy as np
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from hemoseg.labels.components import connected_components
from hemoseg.labels.distance import distance_to_outside
from hemoseg.labels.points import pixels_at

# Each pair of 8-neighbours once: right, below, below to the right, below to the left.
_ALL, _HEAD, _TAIL = slice(None), slice(None, -1), slice(1, None)
_NEIGHBOURS = (
    ((_ALL, _HEAD), (_ALL, _TAIL)),
    ((_HEAD, _ALL), (_TAIL, _ALL)),
    ((_HEAD, _HEAD), (_TAIL, _TAIL)),
    ((_HEAD, _TAIL), (_TAIL, _HEAD)),
)
DEPTH = 1.0  # not stated, ours: the distance on a pixel grid has bumps of less than a pixel


def split_at_markers(mask: np.ndarray, markers: np.ndarray, *, lines: bool = True) -> np.ndarray:
    """Cells of a mask, where each 8-connected component is cut into one cell per marker in it.

    The cut is scikit-image's watershed over 8 neighbours, flooded from the markers, on the negative distance to what is
    outside the mask (`depth_map`). A component with one marker or none stays one cell: with no more anywhere the result
    is that of `connected_components`. Two markers in one cell cut it in two: that is the failure that the source names.
    Another one: a marker nearer to the cell's edge than half the width of the neck to its neighbour keeps little, since
    the flood from the neighbour passes the neck before it begins.
    A marker outside the mask or the image, or one that is not finite, marks nothing; markers in the same pixel or in
    8-neighbours are one, since no line fits between them.

    With ``lines`` pixels where two floods meet become background, so that no two cells are 8-connected: of each pair of
    8-neighbours in different cells the one nearer to what is outside the mask, never a marker. scikit-image's own lines
    are not taken: where lines meet lines it visits pixels ever more often (0.26: minutes and gigabytes at 256x256).

    Args:
        mask: bool ``(H, W)``.
        markers: rows and columns in pixel indices, float ``(n, 2)``; a half is rounded up.
        lines: whether lines part the cells.

    Returns:
        int32 ``(H, W)``, 0 background and lines, cells 1..n in reading order. A line may part a cell from a piece that
        keeps its number: these labels are the cells, do not make them anew from their mask.

    Raises:
        ValueError: the markers are not ``(n, 2)``.
    """
    components = connected_components(mask)
    seeds = connected_components(_marked(markers, mask))
    rows, columns = np.nonzero(seeds)
    pairs = np.unique(np.stack([components[rows, columns], seeds[rows, columns]]), axis=1)
    several = (np.bincount(pairs[0], minlength=components.max() + 1) > 1)[components]
    if not several.any():
        return components
    depth = depth_map(mask)
    parts = watershed(-depth, np.where(several, seeds, 0), connectivity=2, mask=several)
    if lines:
        parts = np.where(_on_lines(parts, np.where(seeds > 0, np.inf, depth)), 0, parts)
    # Behind the numbers of the components, and then anew in reading order.
    return _in_reading_order(np.where(several, np.where(parts > 0, parts + components.max(), 0), components))


def distance_markers(mask: np.ndarray, depth: float = DEPTH) -> np.ndarray:
    """Classical markers: the maxima of the distance to what is outside the mask, one per maximum.

    A maximum counts where it rises at least ``depth`` above the highest pass to a higher one (h-maxima, Soille 2003,
    doi:10.1007/978-3-662-05088-0, section 6.3.4); of maxima joined by passes less deep the highest pixel stays, of
    equal ones the first in reading order. So each 8-connected component has at least one.

    Args:
        mask: bool ``(H, W)``.
        depth: > 0, in pixels.

    Returns:
        Rows and columns, float ``(n, 2)``, in reading order.

    Raises:
        ValueError: the depth is not positive.
    """
    if not depth > 0:
        raise ValueError(f"depth {depth} of a maximum must be positive")
    if not mask.any():
        return np.zeros((0, 2))
    # Background lies so low that no flooded maximum of a small cell reaches it, and frames the image.
    framed = np.pad(mask, 1)
    distance = np.where(framed, depth_map(framed), -depth - 1).astype(np.float64)
    flooded = reconstruction(distance - depth, distance, footprint=np.ones((3, 3)))
    tops = connected_components(local_maxima(flooded, connectivity=2).astype(bool) & framed)
    rows, columns = np.nonzero(tops)
    order = np.lexsort((-distance[rows, columns], tops[rows, columns]))  # stable: of equal ones the first in reading
    _, first = np.unique(tops[rows, columns][order], return_index=True)
    chosen = np.sort(order[first])
    return np.stack([rows[chosen], columns[chosen]], axis=1) - 1.0


def depth_map(mask: np.ndarray) -> np.ndarray:
    """Exact distance of each pixel's centre to that of the nearest pixel outside the mask, float32 ``(H, W)``.

    What lies beyond the image is outside the mask, so a mask over the whole image has a distance too.
    """
    return distance_to_outside(np.pad(mask, 1))[1:-1, 1:-1]


def _marked(markers: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Pixels of the mask that hold a marker, bool ``(H, W)``."""
    marked = np.zeros(mask.shape, bool)
    marked[pixels_at(markers, mask.shape)] = True
    return marked & mask


def _on_lines(parts: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The less deep one of each pair of 8-neighbours in different parts, bool ``(H, W)``; of equal ones the later one.

    Two markers are never neighbours, so that of a pair with one, as deep as can be, the other is taken.
    """
    lines = np.zeros(parts.shape, bool)
    for one, other in _NEIGHBOURS:
        apart = (parts[one] != parts[other]) & (parts[one] > 0) & (parts[other] > 0)
        first = depth[one] < depth[other]
        lines[one] |= apart & first
        lines[other] |= apart & ~first
    return lines


def _in_reading_order(labels: np.ndarray) -> np.ndarray:
    """The same cells numbered 1..n by their first pixels, int32 ``(H, W)``."""
    flat = labels.ravel()
    there = np.flatnonzero(flat)
    ids, first = np.unique(flat[there], return_index=True)
    numbers = np.zeros(int(flat.max(initial=0)) + 1, np.int32)
    numbers[ids[np.argsort(first)]] = np.arange(1, len(ids) + 1)
    return numbers[labels]
