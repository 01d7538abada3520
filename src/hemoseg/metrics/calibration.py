"""Whether predicted probabilities are as often right as they say: squared errors, and what each bin of them holds.

``probability`` is float ``(C, H, W)``, C = K + 1 classes, background first, and is normalised to sum to 1 first;
``gt`` is a class map ``(H, W)`` and ``valid`` bool ``(H, W)``, False where a pixel is ignored.
"""

from typing import NamedTuple

import numpy as np

PIXELS, RIGHT, SUM = range(3)  # what `Calibration.reliability` holds of a bin
MOST_PROBABLE = "(most probable)"  # name of its last plane, beside the names of classes
GIVEN = "(given)"  # the class that a cell was given, beside them too


class Calibration(NamedTuple):
    """Sums over the valid pixels of one image.

    Attributes:
        squares: per class, of the squared differences between its probability and 1 where it is the true class or 0
            where it is not, float64 ``(C,)``. Over the pixels, summed over the classes, it is the score of Brier 1950,
            doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
        reliability: float64 ``(C + 1, 3, bins)``: of each bin of equal width of a probability its pixels (`PIXELS`),
            those of them that are of the class (`RIGHT`), and the summed probability (`SUM`). The first C are each
            class against all others; the last is the most probable class of every pixel (the lowest of equal ones),
            right where it is the true one: Guo et al. 2017, arXiv:1706.04599. Bin m of M holds m/M < p <= (m + 1)/M,
            the first p = 0 too.
    """

    squares: np.ndarray
    reliability: np.ndarray


def calibration(probability: np.ndarray, gt: np.ndarray, valid: np.ndarray, bins: int) -> Calibration:
    """Squared errors and bins of one image.

    Raises:
        ValueError: shapes differ.
    """
    if probability.shape[1:] != gt.shape or gt.shape != valid.shape:
        raise ValueError(f"arrays of one sample differ in shape: {probability.shape}, {gt.shape}, {valid.shape}")
    values, true = _normalised(probability, valid), gt[valid]
    top, label = values[0].copy(), np.zeros(true.shape, gt.dtype)
    squares, binned = [], []
    for class_id, plane in enumerate(values):
        is_class = true == class_id
        squares.append(((plane - is_class) ** 2).sum(dtype=np.float64))
        binned.append(in_bins(plane, is_class, bins))
        if class_id:
            np.copyto(label, class_id, where=plane > top)
            np.maximum(top, plane, out=top)
    return Calibration(np.array(squares), np.stack([*binned, in_bins(top, label == true, bins)]))


def in_bins(values: np.ndarray, right: np.ndarray, bins: int) -> np.ndarray:
    """Number of values, of those that are right, and sum of the values, by bin, float64 ``(3, bins)``.

    Args:
        values: probabilities, float ``(n,)``.
        right: bool ``(n,)``.
        bins: of equal width, each with its upper edge.
    """
    index = np.ceil(np.multiply(values, bins, dtype=np.float64)).astype(np.intp)
    np.maximum(index - 1, 0, out=index)
    sums = np.bincount(index, values, bins)
    both = np.bincount(index + bins * right, minlength=2 * bins).reshape(2, bins)
    return np.stack([both.sum(axis=0), both[1], sums])


def calibration_error(reliability: np.ndarray) -> np.ndarray:
    """Expected calibration error of bins ``(..., 3, bins)``, in [0, 1], float ``(...)``; NaN where no pixel counts.

    The mean over the pixels of how far the mean probability of their bin is from the share that is right: Naeini et
    al. 2015, doi:10.1609/aaai.v29i1.9602.
    """
    gaps = np.abs(reliability[..., RIGHT, :] - reliability[..., SUM, :]).sum(axis=-1)
    number = reliability[..., PIXELS, :].sum(axis=-1)
    return np.divide(gaps, number, out=np.full(np.shape(gaps), np.nan), where=number > 0)


def _normalised(probability: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Probabilities of the valid pixels that sum to 1, float32 ``(C, n)``."""
    given = probability.reshape(len(probability), -1) if valid.all() else probability[:, valid]
    values = given.astype(np.float32)
    values /= values.sum(axis=0)
    return values
