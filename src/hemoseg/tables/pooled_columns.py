"""Columns of overlap that are always made of the pixels of all images of a test fold together."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.pixel_columns import of_class
from hemoseg.tables.weighting import Total, mean_of_classes, of_totals, ratio


@of_totals
def mean_iu(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Pooled Jaccard, its mean over all classes that are there or found, background included, in [0, 1]."""
    return mean_of_classes([_pooled_jaccard(of_class(run, c), total) for c in run.class_names])


@of_totals
def kind_mean_iu(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Mean of the pooled Jaccards of background and a class, over the images whose kind bears the class's name.

    In [0, 1]; where there is one class only, all images are of its kind. NaN for the background and for a class that
    names no kind.
    """
    if not class_id:
        return np.nan
    alone = len(run.class_names) == 2
    of_kind = run.pixels[alone | (run.pixels["kind"] == run.class_names[class_id])]
    return mean_of_classes([_pooled_jaccard(of_kind[of_kind["class"] == c], total) for c in (0, class_id)])


@of_totals
def frequency_weighted_iou(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Pooled Jaccard of the classes, weighted by their share of the true pixels, in [0, 1]."""
    weighted, pixels = 0.0, 0.0
    for class_id in run.class_names:
        rows = of_class(run, class_id)
        size = total(rows, rows["tp"] + rows["fn"])
        weighted, pixels = weighted + np.where(size > 0, size * _pooled_jaccard(rows, total), 0), pixels + size
    return ratio(weighted, pixels)


def _pooled_jaccard(rows: pd.DataFrame, total: Total) -> np.ndarray:
    """Jaccard of the summed pixels of a class; NaN where it neither is nor was found."""
    tp, fp, fn = (total(rows, rows[name]) for name in ("tp", "fp", "fn"))
    return ratio(tp, tp + fp + fn)


COLUMNS = (
    Column(
        "mean_iu",
        mean_iu,
        False,
        "",
        4,
        "high",
        "pooled Jaccard of each class, background included, and the mean of the classes that are there or found",
        "doi:10.1109/CVPR.2015.7298965",
    ),
    Column(
        "kind_mean_iu",
        kind_mean_iu,
        True,
        "",
        4,
        "high",
        "pooled Jaccard of background and of the class, and their mean, over the images whose kind is the class's name "
        "(all images where there is one class only)",
        "",
    ),
    Column(
        "fw_iou",
        frequency_weighted_iou,
        False,
        "",
        4,
        "high",
        "pooled Jaccard weighted by each class's share of the true pixels",
        "doi:10.1109/CVPR.2015.7298965",
    ),
)
