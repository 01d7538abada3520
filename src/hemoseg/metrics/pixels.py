"""Counts per pixel: the confusion of two class maps, cross-entropy, histograms of probability.

Shapes: ``gt`` and ``pred`` are class maps, int ``(H, W)``; ``valid`` is bool ``(H, W)``, False where a pixel is
ignored; ``probability`` is float ``(C, H, W)`` with C = K + 1 classes, background first.
"""

from functools import cache

import numpy as np

from hemoseg.metrics.runs import runs_of

# The smallest positive float16. Stored probabilities are float16, where less than half of this becomes 0:
# a true class of probability 0 costs log(2**24) = 16.6 nats, not infinity.
LEAST_PROBABILITY = 2.0**-24
SUM_TOLERANCE = 0.02  # float16 rounding of C probabilities stays far below


def confusion(gt: np.ndarray, pred: np.ndarray, valid: np.ndarray, n_classes: int) -> np.ndarray:
    """Pixels per (true class, predicted class), int ``(C, C)``; only valid pixels count.

    Raises:
        ValueError: shapes differ, or a valid pixel holds a class outside 0..C-1.
    """
    runs = runs_of((gt, pred, valid))
    known = runs.take(valid)
    true, found = (runs.take(image)[known].astype(np.int64) for image in (gt, pred))
    for name, values in (("truth", true), ("prediction", found)):
        if values.size and not 0 <= values.min() <= values.max() < n_classes:
            raise ValueError(f"the {name} holds class {values.max()}, the classes are 0..{n_classes - 1}")
    table = np.bincount(true * n_classes + found, weights=runs.lengths[known], minlength=n_classes**2)
    return table.astype(np.int64).reshape(n_classes, n_classes)  # sums of whole numbers: exact in float64


def counts(matrix: np.ndarray) -> dict[str, np.ndarray]:
    """True and false positives and negatives of each class, int ``(C,)``, from a confusion ``(C, C)``."""
    tp = np.diag(matrix)
    fn, fp = matrix.sum(axis=1) - tp, matrix.sum(axis=0) - tp
    return {"tp": tp, "fp": fp, "fn": fn, "tn": matrix.sum() - tp - fn - fp}


def cross_entropy(probability: np.ndarray, gt: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Sum of -log p(true class) over the valid pixels of each true class, in nats, float64 ``(C,)``.

    Probabilities are normalised first, -log(p / sum) = log(1 + others / p): near p = 1, where float16 has steps of
    5e-4, the small probabilities of the other classes still carry the digits.

    Raises:
        ValueError: shapes differ, or somewhere the probabilities do not sum to 1 (within 0.02).
    """
    _require_same_shape(gt, valid, *probability)
    values = _within(probability, valid).astype(np.float32, order="C")
    total = values.sum(axis=0)
    if not np.all(np.abs(total - 1) <= SUM_TOLERANCE):
        raise ValueError("the probabilities of some pixels do not sum to 1")
    true = gt[valid].astype(np.intp)
    place = true * true.size + np.arange(true.size)
    own = values.ravel()[place]
    values.ravel()[place] = 0
    nll = np.log1p(values.sum(axis=0) / np.maximum(own, LEAST_PROBABILITY))
    return np.bincount(true, weights=nll, minlength=len(probability))


def probability_edges(bins: int) -> np.ndarray:
    """Edges of the bins of probability, rising, float64: ``bins`` of equal width, the first and last divided further.

    Where a class is rare nearly all probabilities lie in the first bin, and a ranking needs to tell them apart: it is
    cut into four parts an octave down to the smallest float16, 2^-24. The last is cut alike, as far as float16 has
    steps there, 2^-11.
    """
    fine = 2.0 ** -np.arange(0, 24.25, 0.25)
    low, high = fine[fine < 1 / bins], fine[(fine < 1 / bins) & (fine >= 2.0**-11)]
    return np.unique(np.concatenate([np.linspace(0, 1, bins + 1), low, 1 - high]))


def probability_histograms(probability: np.ndarray, gt: np.ndarray, valid: np.ndarray, bins: int) -> np.ndarray:
    """How often each class was given which probability, int32 ``(C, 2, len(edges) - 1)``.

    Index 1 of the second axis: pixels that are of the class; index 0: pixels that are not. A bin of `probability_edges`
    holds its lower edge and not its upper one; p = 1 falls in the last bin. ROC and precision-recall follow.
    """
    _require_same_shape(gt, valid, *probability)
    true, size = gt[valid], len(probability_edges(bins)) - 1
    result = np.zeros((len(probability), 2, size), np.int32)
    for class_id, plane in enumerate(_within(probability, valid)):
        index = _bins_of(plane, bins) + size * (true == class_id)
        result[class_id] = np.bincount(index, minlength=2 * size).reshape(2, size)
    return result


def _within(probability: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Probabilities of the valid pixels, ``(C, pixels)``; no copy where all are."""
    return probability.reshape(len(probability), -1) if valid.all() else probability[:, valid]


def _bins_of(values: np.ndarray, bins: int) -> np.ndarray:
    """Bin of `probability_edges` of each probability; those of float16 are looked up in a table of all there are."""
    if values.dtype == np.float16:
        return _bins_of_float16(bins)[np.ascontiguousarray(values).view(np.uint16)]
    edges = probability_edges(bins)
    return np.clip(np.searchsorted(edges, values.astype(np.float64), side="right") - 1, 0, len(edges) - 2)


@cache
def _bins_of_float16(bins: int) -> np.ndarray:
    return _bins_of(np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float64), bins)


def _require_same_shape(*arrays: np.ndarray) -> None:
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise ValueError(f"arrays of one sample differ in shape: {shapes}")
