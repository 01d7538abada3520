"""Columns made from the histograms of predicted probability."""

from collections.abc import Callable

import numpy as np

from hemoseg.metrics import precision_recall, roc
from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions


def auc(run: Run, class_id: int, conventions: Conventions) -> float:
    """Area under the ROC curve of a class against all others, in [0, 1]; NaN where there is none."""
    return roc.auc(run.histograms[class_id]) if run.histograms is not None else np.nan


def weighted_auc(run: Run, class_id: int, conventions: Conventions, weights: np.ndarray) -> np.ndarray:
    """The area under each weighting of the images, float ``(B,)``."""
    return _weighted(roc.auc, run, class_id, weights)


def average_precision(run: Run, class_id: int, conventions: Conventions) -> float:
    """Precision of a class against all others averaged over the steps of recall, in [0, 1]; NaN where there is none."""
    return precision_recall.average_precision(run.histograms[class_id]) if run.histograms is not None else np.nan


def weighted_average_precision(run: Run, class_id: int, conventions: Conventions, weights: np.ndarray) -> np.ndarray:
    """The average precision under each weighting of the images, float ``(B,)``."""
    return _weighted(precision_recall.average_precision, run, class_id, weights)


def _weighted(measure: Callable[[np.ndarray], np.ndarray], run: Run, class_id: int, weights: np.ndarray) -> np.ndarray:
    """A measure of the histograms of a class under weights ``(B, N)``; NaN for a method without probabilities."""
    if run.image_histograms is None:
        return np.full(len(weights), np.nan)
    of_images = run.image_histograms[:, class_id]
    flat = weights @ of_images.reshape(len(of_images), -1).astype(float)
    return measure(flat.reshape(-1, *of_images.shape[1:]))


_BINS = (
    "the pixels of a test fold are always pooled; probabilities fall into bins of equal width (`bins` in `evaluate`), "
    "the first and the last divided further"
)


COLUMNS = (
    Column(
        "auc",
        auc,
        True,
        "",
        3,
        "high",
        f"area under the ROC curve of the pixels of the class against all others; {_BINS}, and pixels of one bin count "
        "one half; blank for a method without probabilities and where no pixel of the fold is of the class",
        "doi:10.1016/j.patrec.2005.10.010",
        weighted=weighted_auc,
    ),
    Column(
        "average_precision",
        average_precision,
        True,
        "",
        3,
        "high",
        "average precision: precision of the pixels of the class against all others at each threshold, weighted by the "
        f"step of recall; {_BINS}, and pixels of one bin share a threshold; chance has the class's share of the "
        "pixels; blank for a method without probabilities and where no pixel of the fold is of the class",
        "doi:10.1145/1143844.1143874",
        weighted=weighted_average_precision,
    ),
)
