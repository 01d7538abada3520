"""Columns that other fields score instances by: matched cells, panoptic quality, aggregated Jaccard, cut nuclei.

All are made of sums over the images of a run, of the cells of every type together. Which cells are matched says
`tables.matching`. A predicted cell without a partner that lies mostly on true cells too small to count, or on ignored
pixels, is no error, as in the errors of cells (`tables.cell_columns`). Where the truth has no instances they are NaN:
blank, not guessed.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hemoseg.tables.column import Column, Run, share
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.matching import SUMMED, UNMATCHED, at_half, matches, over_thresholds
from hemoseg.tables.weighting import Total, of_totals, ratio, sum_of_known

_F1, _PANOPTIC = "doi:10.1038/s41592-019-0612-7", "doi:10.1109/CVPR.2019.00963"
_AJI = "doi:10.1109/TMI.2017.2677499, with one-to-one partners: doi:10.1016/j.media.2019.101563"


@of_totals
def panoptic(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Summed IoU of the matches / (tp + fp / 2 + fn / 2), in [0, 1]; NaN where there is no cell."""
    return matches(run, 0.5, total, above=True).panoptic


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


_MATCH = "matched one to one at an IoU of at least 0.5 (mutual best match)"
COLUMNS = (
    share(
        "precision_50",
        at_half("precision"),
        f"share of the predicted cells that are {_MATCH}; {SUMMED}; 0 where none was found; {UNMATCHED}",
        _F1,
    ),
    share(
        "recall_50",
        at_half("recall"),
        f"share of the true cells that are {_MATCH}; {SUMMED}; 0 where none is there; {UNMATCHED}",
        _F1,
    ),
    share("f1_50", at_half("f1"), f"2 tp / (2 tp + fp + fn) of cells {_MATCH}; {SUMMED}; {UNMATCHED}", _F1),
    share(
        "f1_50_95",
        over_thresholds("f1"),
        "2 tp / (2 tp + fp + fn) of cells matched one to one, its mean over the least IoUs 0.5, 0.55, ... 0.95; "
        f"{SUMMED}; {UNMATCHED}",
        _F1,
    ),
    share(
        "panoptic",
        panoptic,
        "panoptic quality: sum of the IoU of the pairs of cells with IoU > 0.5 / (tp + fp / 2 + fn / 2); "
        f"{SUMMED}; {UNMATCHED}",
        _PANOPTIC,
    ),
    share(
        "panoptic_segmentation",
        panoptic_segmentation,
        "segmentation quality, a factor of panoptic quality: mean IoU of the pairs of cells with IoU > 0.5 over the "
        "images of a test fold; blank where there is no such pair",
        _PANOPTIC,
    ),
    share(
        "panoptic_recognition",
        panoptic_recognition,
        "recognition quality, a factor of panoptic quality: tp / (tp + fp / 2 + fn / 2) of the pairs of cells with "
        f"IoU > 0.5; {SUMMED}; {UNMATCHED}",
        _PANOPTIC,
    ),
    share(
        "aji_plus",
        aji_plus,
        "aggregated Jaccard index: pixels that partners share / (pixels in either partner + pixels of true and of "
        "predicted cells without a partner), the partners being the one-to-one assignment of the cells of an image "
        f"with the largest summed IoU; {SUMMED}; {UNMATCHED}",
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
