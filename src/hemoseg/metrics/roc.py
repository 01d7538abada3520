"""Receiver operating characteristic of one class against all others, from histograms of its probability.

Shapes: ``histogram`` is int ``(2, bins)``, index 1 the pixels that are of the class, index 0 those that are not, bins
of rising probability (`metrics.pixels.probability_histograms`). What shares a bin shares a threshold: pixels of one bin
are tied, as equal probabilities are. Definitions: Fawcett 2006, doi:10.1016/j.patrec.2005.10.010.
"""

import numpy as np


def roc_points(histogram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at every threshold between bins, the strictest first, float64 ``(bins + 1,)`` each.

    Both run from 0 to 1. NaN where the class is in no pixel or in all: then there is no curve.
    """
    stricter = np.cumsum(histogram[:, ::-1].astype(np.int64), axis=1)
    rates = np.pad(stricter, ((0, 0), (1, 0))).astype(float)
    if not stricter[:, -1].all():
        return tuple(np.full_like(rates, np.nan))
    return tuple(rates / stricter[:, -1:])


def auc(histogram: np.ndarray) -> float | np.ndarray:
    """Area under the curve, in [0, 1]: how often a pixel of the class has a higher probability than one that is not.

    Pixels of one bin count one half. NaN where the class is in no pixel or in all. Of several histograms, ``(..., 2,
    bins)``, or of ones whose pixels have weights, float, it is the area of each.
    """
    counts = histogram if np.issubdtype(histogram.dtype, np.floating) else histogram.astype(np.int64)
    others, own = counts[..., 0, :], counts[..., 1, :]
    pairs = own.sum(axis=-1).astype(float) * others.sum(axis=-1).astype(float)
    below = np.cumsum(others, axis=-1) - others
    won = (own * (below + others / 2)).sum(axis=-1)
    area = np.divide(won, pairs, out=np.full(np.shape(pairs), np.nan), where=pairs > 0)
    return area if area.ndim else float(area)


def true_positive_rate(histogram: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """True positive rate at each false positive rate of ``grid``, linear between thresholds, float ``(len(grid),)``.

    Where a curve rises at one false positive rate, the highest value counts.
    """
    false, true = roc_points(histogram)
    last = np.append(np.diff(false) != 0, True)
    return np.interp(grid, false[last], true[last])
