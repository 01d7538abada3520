"""Columns that ask whether predicted probabilities are as often right as they say (`metrics.calibration`)."""

import numpy as np
from numpy.typing import ArrayLike

from hemoseg.metrics.calibration import calibration_error
from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.pixel_columns import of_class, pixels_of
from hemoseg.tables.weighting import Total, of_totals, ratio

_TOP = -1  # the plane of the most probable class


@of_totals
def brier(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Squared error of the probabilities, summed over the classes, mean over all pixels, in [0, 2]."""
    return ratio(total(run.pixels, run.pixels["squared_error"]), pixels_of(run, total))


@of_totals
def brier_class(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Squared error of one class's probability, mean over all pixels, in [0, 1]."""
    return ratio(total(of_class(run, class_id), of_class(run, class_id)["squared_error"]), pixels_of(run, total))


def ece(run: Run, _: int, conventions: Conventions) -> float:
    """Expected calibration error of the most probable class, in [0, 1]."""
    return float(_error(run, _TOP, _once(run))[0])


def weighted_ece(run: Run, _: int, conventions: Conventions, weights: np.ndarray) -> np.ndarray:
    """The error under each weighting of the images, float ``(B,)``."""
    return _error(run, _TOP, weights)


def ece_class(run: Run, class_id: int, conventions: Conventions) -> float:
    """Expected calibration error of one class's probability against all others, in [0, 1]."""
    return float(_error(run, class_id, _once(run))[0])


def weighted_ece_class(run: Run, class_id: int, conventions: Conventions, weights: np.ndarray) -> np.ndarray:
    """The error under each weighting of the images, float ``(B,)``."""
    return _error(run, class_id, weights)


def _error(run: Run, plane: int, weights: np.ndarray) -> np.ndarray:
    """Error of one plane of the reliability under weights ``(B, N)``; NaN for a method without probabilities."""
    if run.image_reliability is None:
        return np.full(len(weights), np.nan)
    return calibration_error(np.tensordot(weights, run.image_reliability[:, plane], 1))


def _once(run: Run) -> np.ndarray:
    return np.ones((1, len(run.samples)))


_POOLED = "the pixels of a test fold are always pooled; blank for a method without probabilities"
_BINS = "bins of equal width (`confidence_bins` in `evaluate`)"
COLUMNS = (
    Column(
        "brier",
        brier,
        False,
        "",
        4,
        "low",
        f"squared error of the probabilities, summed over the classes (at most 2), mean over the pixels; {_POOLED}",
        "doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    ),
    Column(
        "brier_class",
        brier_class,
        True,
        "",
        4,
        "low",
        f"squared error of the class's probability against all others (at most 1), mean over the pixels; {_POOLED}",
        "doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    ),
    Column(
        "ece",
        ece,
        False,
        "",
        4,
        "low",
        "expected calibration error: how far the probability of the most probable class is from the share of pixels "
        f"where it is the true one, mean over the pixels by {_BINS}; {_POOLED}; where most pixels are background it "
        "tells of the background",
        "doi:10.1609/aaai.v29i1.9602, arXiv:1706.04599",
        weighted=weighted_ece,
    ),
    Column(
        "ece_class",
        ece_class,
        True,
        "",
        4,
        "low",
        "expected calibration error of the class against all others: how far its probability is from the share of "
        f"pixels that are of it, mean over the pixels by {_BINS}; {_POOLED}",
        "doi:10.1609/aaai.v29i1.9602, arXiv:1910.12656",
        weighted=weighted_ece_class,
    ),
)
