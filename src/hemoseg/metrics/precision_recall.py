"""Precision and recall of one class against all others at every threshold, from histograms of its probability.

Shapes as in `metrics.roc`: ``histogram`` is int ``(2, bins)``, index 1 the pixels that are of the class, index 0 those
that are not, bins of rising probability; pixels of one bin are tied. Definitions: Davis and Goadrich 2006,
doi:10.1145/1143844.1143874.
"""

import numpy as np


def precision_recall_points(histogram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall at every threshold between bins, the strictest first, float64 ``(..., bins)`` each.

    A pixel is taken for the class from the threshold up. Precision is 1 where nothing is taken; recall ends at 1 and
    is NaN where the class is in no pixel. Of several histograms, ``(..., 2, bins)``, the points of each.
    """
    taken = np.cumsum(histogram[..., ::-1].astype(float), axis=-1)
    own, every = taken[..., 1, :], taken.sum(axis=-2)
    precision = np.divide(own, every, out=np.ones_like(own), where=every > 0)
    there = np.broadcast_to(own[..., -1:], own.shape)
    return precision, np.divide(own, there, out=np.full_like(own, np.nan), where=there > 0)


def average_precision(histogram: np.ndarray) -> float | np.ndarray:
    """Precision averaged over the steps of recall, in [0, 1], no line between thresholds (as in scikit-learn).

    NaN where the class is in no pixel; a ranking by chance has the share of the pixels that are of the class. Of
    several histograms, ``(..., 2, bins)``, that of each.
    """
    precision, recall = precision_recall_points(histogram)
    found = (np.diff(recall, axis=-1, prepend=0) * precision).sum(axis=-1)
    return found if found.ndim else float(found)


def precision_at(histogram: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Precision at the strictest threshold that reaches each recall of ``grid``, float ``(len(grid),)``.

    Recalls lie in (0, 1]. No line is drawn between thresholds: between two of them precision does not run straight.
    """
    precision, recall = precision_recall_points(histogram)
    if np.isnan(recall[-1]):
        return np.full(len(grid), np.nan)
    return precision[np.searchsorted(recall, np.asarray(grid) * (1 - 1e-12))]
