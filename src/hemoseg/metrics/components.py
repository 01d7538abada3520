"""The cells of a class map, which has no instances."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components as connected

from hemoseg.labels.components import connected_components
from hemoseg.metrics.runs import Runs, runs_of


def counts_of_classes(classes: np.ndarray, valid: np.ndarray, n_classes: int, min_area: float) -> np.ndarray:
    """Number of components of each class 1..K with at least ``min_area`` valid pixels, int ``(K,)``.

    The components are those of `counted_components`, found for all classes at once among runs of equal pixels.
    """
    # A background column between rows: no run goes on in the next row, and neighbours are near in the flat image.
    framed = np.pad(classes, ((0, 0), (0, 1)))
    known = np.pad(valid, ((0, 0), (0, 1)))
    runs = runs_of((framed, known))
    kind = runs.take(framed)
    cells = (kind > 0) & (kind < n_classes)
    runs = Runs(runs.starts[cells], runs.lengths[cells], framed.shape)
    kind, number = kind[cells], len(runs.starts)
    pairs = _neighbours(runs, kind)
    graph = coo_array((np.ones(pairs.shape[1], np.int8), tuple(pairs)), shape=(number, number))
    size, part = connected(graph, directed=False)
    whole = np.bincount(part, runs.lengths, size)
    left = np.bincount(part, runs.lengths * runs.take(known), size)
    of_part = np.zeros(size, np.int64)
    of_part[part] = kind
    return np.bincount(of_part[_counts(whole, left, min_area)], minlength=n_classes)[1:]


def _neighbours(runs: Runs, kind: np.ndarray) -> np.ndarray:
    """Pairs of runs of one class, by number, that are 8-neighbours in one row or in successive ones, ``(2, n)``."""
    starts, ends, width = runs.starts, runs.starts + runs.lengths, runs.shape[1]
    first = np.searchsorted(ends, starts + width)  # in the next row, from the diagonal neighbour on
    stop = np.searchsorted(starts, ends + width, side="right")
    upper = np.repeat(np.arange(len(starts)), stop - first)
    lower = np.arange(len(upper)) + np.repeat(first - np.append(0, np.cumsum(stop - first)[:-1]), stop - first)
    beside = np.flatnonzero(starts[1:] == ends[:-1])
    pairs = np.stack([np.append(upper, beside), np.append(lower, beside + 1)])
    return pairs[:, kind[pairs[0]] == kind[pairs[1]]]


def count_of_class(classes: np.ndarray, valid: np.ndarray, class_id: int, min_area: float) -> int:
    """8-connected components of one class with at least ``min_area`` valid pixels; see `counted_components`."""
    return int(counts_of_classes((classes == class_id).view(np.uint8), valid, 2, min_area)[0])


def counted_components(classes: np.ndarray, valid: np.ndarray, class_id: int, min_area: float) -> np.ndarray:
    """The 8-connected components of one class that count, numbered 1..n in reading order.

    A component that lies mostly on ignored pixels is not counted: what is left of it is a piece of something unknown.

    Args:
        classes: class map, int ``(H, W)``.
        valid: bool ``(H, W)``, False where a pixel is ignored.
        class_id: the class.
        min_area: least number of valid pixels.

    Returns:
        int32 ``(H, W)``, 0 where no component counts; the ignored pixels of one that does are part of it.
    """
    parts = connected_components(classes == class_id)
    whole = np.bincount(parts.ravel())[1:]
    left = np.bincount(parts[valid], minlength=len(whole) + 1)[1:]
    kept = _counts(whole, left, min_area)
    numbers = np.append(0, np.where(kept, np.cumsum(kept), 0)).astype(np.int32)
    return numbers[parts]


def _counts(whole: np.ndarray, left: np.ndarray, min_area: float) -> np.ndarray:
    """Whether components of so many pixels, of which so many are valid, count."""
    return (left >= min_area) & (2 * left >= whole) & (left > 0)
