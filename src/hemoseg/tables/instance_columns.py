"""Columns that other fields score instances by: matched cells, panoptic quality, aggregated Jaccard, cut nuclei.

All are made of sums over the images of a run, of the cells of every type together. Which cells are matched says
`tables.matching`. A predicted cell without a partner that lies mostly on true cells too small to count, or on ignored
pixels, is no error, as in the errors of cells (`tables.cell_columns`). Where the truth has no instances they are NaN:
blank, not guessed.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hemoseg.tables.column import Column, Run, Score
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.matching import THRESHOLDS, matches
from hemoseg.tables.weighting import Total, of_totals, ratio, sum_of_known

_F1, _PANOPTIC = "doi:10.1038/s41592-019-0612-7", "doi:10.1109/CVPR.2019.00963"
_AJI = "doi:10.1109/TMI.2017.2677499, with one-to-one partners: doi:10.1016/j.media.2019.101563"


@of_totals
def precision_50(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """The share tp / (tp + fp) at IoU >= 0.5, in [0, 1]; 0 where no cell was found, NaN where none is there either."""
    found = matches(run, 0.5, total)
    return ratio(found.tp, found.tp + found.fp, np.where(found.fn > 0, 0.0, np.nan))


@of_totals
def recall_50(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """The share tp / (tp + fn) at IoU >= 0.5, in [0, 1]; 0 where none is there but found, NaN where neither is."""
    found = matches(run, 0.5, total)
    return ratio(found.tp, found.tp + found.fn, np.where(found.fp > 0, 0.0, np.nan))


@of_totals
def f1_50(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """F1 of cells at IoU >= 0.5, in [0, 1]; NaN where there is no cell."""
    return matches(run, 0.5, total).f1


@of_totals
def f1_50_95(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Mean F1 of cells over `THRESHOLDS`, in [0, 1]; NaN where there is no cell."""
    return np.mean([matches(run, least, total).f1 for least in THRESHOLDS], axis=0)


@of_totals
def panoptic(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Summed IoU of the matches / (tp + fp / 2 + fn / 2), in [0, 1]; NaN where there is no cell."""
    found = matches(run, 0.5, total, above=True)
    return ratio(found.iou, found.tp + (found.fp + found.fn) / 2)


@of_totals
def panoptic_segmentation(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Mean IoU of the matches, in (0.5, 1]; NaN where there is none."""
    found = matches(run, 0.5, total, above=True)
    return ratio(found.iou, found.tp)


@of_totals
def panoptic_recognition(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """F1 of cells at IoU > 0.5, in [0, 1]; NaN where there is no cell."""
    return matches(run, 0.5, total, above=True).f1


@of_totals
def aji_plus(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Pixels shared by partners / (pixels in either partner + pixels of cells without one), NaN where no cell is."""
    gt, pred = run.gt, run.pred
    with_partner = gt[gt["partner"] > 0]
    taken = _is_in(pred, with_partner.assign(cell=with_partner["partner"]))
    shared = total(with_partner, with_partner["shared"])
    area = total(gt, gt["area"]) + total(pred, np.where(taken | ~run.excused, pred["area"], 0))
    return ratio(shared, area - shared)


@of_totals
def split_cells(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """True cells in which two or more predicted cells each lie with more than half their area."""
    return total(run.gt, run.gt["guests"] >= 2) if run.knows_cells else np.nan


@of_totals
def marked_twice(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """True cells with two or more markers; NaN where nothing marked cells."""
    markers = run.gt["markers"].to_numpy(float)
    return sum_of_known(total, run.gt, np.where(np.isnan(markers), np.nan, markers >= 2))


def _is_in(cells: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Whether each cell is among others, by sample and number, bool ``(n,)``."""
    mine, theirs = (
        pd.MultiIndex.from_frame(table[["sample", "cell"]].astype({"cell": np.int64})) for table in (cells, others)
    )
    return mine.isin(theirs)


def _share(key: str, score: Score, definition: str, source: str) -> Column:
    return Column(key, score, False, "", 3, "high", definition, source)


_MATCH = "matched one to one at an IoU of at least 0.5 (mutual best match)"
_SUMMED = "cells of all types, summed over the images of a test fold"
_UNMATCHED = (
    "a predicted cell mostly on true cells too small to count or on ignored pixels is no error; blank where there is "
    "neither a true nor a predicted cell"
)
COLUMNS = (
    _share(
        "precision_50",
        precision_50,
        f"share of the predicted cells that are {_MATCH}; {_SUMMED}; 0 where none was found; {_UNMATCHED}",
        _F1,
    ),
    _share(
        "recall_50",
        recall_50,
        f"share of the true cells that are {_MATCH}; {_SUMMED}; 0 where none is there; {_UNMATCHED}",
        _F1,
    ),
    _share("f1_50", f1_50, f"2 tp / (2 tp + fp + fn) of cells {_MATCH}; {_SUMMED}; {_UNMATCHED}", _F1),
    _share(
        "f1_50_95",
        f1_50_95,
        "2 tp / (2 tp + fp + fn) of cells matched one to one, its mean over the least IoUs 0.5, 0.55, ... 0.95; "
        f"{_SUMMED}; {_UNMATCHED}",
        _F1,
    ),
    _share(
        "panoptic",
        panoptic,
        "panoptic quality: sum of the IoU of the pairs of cells with IoU > 0.5 / (tp + fp / 2 + fn / 2); "
        f"{_SUMMED}; {_UNMATCHED}",
        _PANOPTIC,
    ),
    _share(
        "panoptic_segmentation",
        panoptic_segmentation,
        "segmentation quality, a factor of panoptic quality: mean IoU of the pairs of cells with IoU > 0.5 over the "
        "images of a test fold; blank where there is no such pair",
        _PANOPTIC,
    ),
    _share(
        "panoptic_recognition",
        panoptic_recognition,
        "recognition quality, a factor of panoptic quality: tp / (tp + fp / 2 + fn / 2) of the pairs of cells with "
        f"IoU > 0.5; {_SUMMED}; {_UNMATCHED}",
        _PANOPTIC,
    ),
    _share(
        "aji_plus",
        aji_plus,
        "aggregated Jaccard index: pixels that partners share / (pixels in either partner + pixels of true and of "
        "predicted cells without a partner), the partners being the one-to-one assignment of the cells of an image "
        f"with the largest summed IoU; {_SUMMED}; {_UNMATCHED}",
        _AJI,
    ),
    Column(
        "split_cells",
        split_cells,
        False,
        "cells",
        1,
        "low",
        "true cells in which two or more predicted cells each lie with more than half their area",
        "",
    ),
    Column(
        "marked_twice",
        marked_twice,
        False,
        "cells",
        1,
        "low",
        "true cells that hold two or more markers (centres of the proposed boxes); blank where no boxes are proposed",
        "",
    ),
)
