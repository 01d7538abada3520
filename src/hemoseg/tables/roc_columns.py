"""Columns made from the histograms of predicted probability."""

import numpy as np

from hemoseg.metrics import roc
from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions


def auc(run: Run, class_id: int, conventions: Conventions) -> float:
    """Area under the ROC curve of a class against all others, in [0, 1]; NaN where there is none."""
    return roc.auc(run.histograms[class_id]) if run.histograms is not None else np.nan


def weighted_auc(run: Run, class_id: int, conventions: Conventions, weights: np.ndarray) -> np.ndarray:
    """The area under each weighting of the images, float ``(B,)``."""
    if run.image_histograms is None:
        return np.full(len(weights), np.nan)
    of_images = run.image_histograms[:, class_id]
    flat = weights @ of_images.reshape(len(of_images), -1).astype(float)
    return roc.auc(flat.reshape(-1, *of_images.shape[1:]))


COLUMNS = (
    Column(
        "auc",
        auc,
        True,
        "",
        3,
        "high",
        "area under the ROC curve of the pixels of the class against all others; the pixels of a test fold are always "
        "pooled; probabilities fall into bins of equal width (`bins` in `evaluate`), the first and the last divided "
        "further, and pixels of one bin count one half; blank for a method without probabilities and where no pixel of "
        "the fold is of the class",
        "doi:10.1016/j.patrec.2005.10.010",
        weighted=weighted_auc,
    ),
)
