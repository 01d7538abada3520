"""Columns of cells by class: found and given the right class, quality per class, agreement on the class.

Cells are matched whatever their class, and counted per class then (`tables.matching`). The class of a cell is that of
most of its pixels (`metrics.cells`). Numbers are summed over the images of a run. The background has no cells, and
where the truth has no instances nothing is known: NaN.
"""

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from hemoseg.tables.column import Column, Run, share
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.matching import is_match, matches_of_class, true_class
from hemoseg.tables.weighting import Total, of_totals, ratio

_CLASSES, _KAPPA = "doi:10.1016/j.media.2019.101563", "doi:10.1177/001316446002000104"


@of_totals
def class_precision_50(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """The share tp / (tp + fp), in [0, 1]; 0 where no cell of the class was found, NaN where none is there either."""
    return _but_background(class_id, matches_of_class(run, class_id, total).precision)


@of_totals
def class_recall_50(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """The share tp / (tp + fn), in [0, 1]; 0 where none of the class is there but found, NaN where neither is."""
    return _but_background(class_id, matches_of_class(run, class_id, total).recall)


@of_totals
def class_f1_50(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """2 tp / (2 tp + fp + fn), in [0, 1]; NaN where no cell of the class is there or was found."""
    return _but_background(class_id, matches_of_class(run, class_id, total).f1)


@of_totals
def panoptic_per_class(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Summed IoU of the matches / (tp + fp / 2 + fn / 2), in [0, 1]; NaN where no cell is there or was found."""
    return _but_background(class_id, matches_of_class(run, class_id, total, above=True).panoptic)


@of_totals
def kappa(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Cohen's kappa of the classes of matched cells, in [-1, 1]; NaN where none is matched, or all are of one class."""
    kind, truth = run.pred["class"].to_numpy(), true_class(run)
    known = is_match(run, 0.5) & (truth > 0)
    n = total(run.pred, known)
    observed = ratio(total(run.pred, known & (kind == truth)), n)
    both = [[total(run.pred, known & (side == c)) for side in (kind, truth)] for c in run.class_names]
    expected = ratio(sum(said * true for said, true in both), n * n)
    return ratio(observed - expected, 1 - expected)


def _but_background(class_id: int, number: ArrayLike) -> ArrayLike:
    return number if class_id else np.nan


_share = partial(share, source=_CLASSES, per_class=True)
_MATCH = (
    "cells matched one to one (mutual best match) {least} to a cell of the same class; summed over the images of a "
    "test fold; a predicted cell mostly on true cells too small to count, on ignored pixels, or on a true cell without "
    "a class is no error; the background has no cells"
)
_AT_LEAST, _ABOVE = (_MATCH.replace("{least}", least) for least in ("at an IoU of at least 0.5", "at an IoU > 0.5"))
COLUMNS = (
    _share("class_precision_50", class_precision_50, f"tp / (tp + fp) of {_AT_LEAST}; 0 where none was found"),
    _share("class_recall_50", class_recall_50, f"tp / (tp + fn) of {_AT_LEAST}; 0 where none is there"),
    _share("class_f1_50", class_f1_50, f"2 tp / (2 tp + fp + fn) of {_AT_LEAST}"),
    _share(
        "panoptic_per_class",
        panoptic_per_class,
        f"panoptic quality: summed IoU / (tp + fp / 2 + fn / 2) of {_ABOVE}",
    ),
    Column(
        "kappa",
        kappa,
        False,
        "",
        3,
        "high",
        "Cohen's kappa between the true and the predicted class of the cells that are matched at an IoU of at least "
        "0.5, 0 for chance and 1 for full agreement; blank where no cell is matched, and where there is one class only",
        _KAPPA,
    ),
)
