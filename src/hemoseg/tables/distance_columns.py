"""Columns made from the distances between boundaries.

Boundaries are inner and 8-connected, the image's frame is one, and distances are in pixels of the sample
(`metrics.surfaces`). Ignored pixels are outside every mask, so both sides end where they begin. Distances of images
are averaged, never pooled; shares of boundaries follow ``average``.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.pixel_columns import of_class, overlap
from hemoseg.tables.weighting import Total, mean_of_known, of_totals, ratio

_BOUNDARIES = ("near_gt", "near_pred", "boundary_gt", "boundary_pred")


@of_totals
def hausdorff(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Mean Hausdorff distance of the images in pixels, >= 0; NaN where no image has one."""
    rows = of_class(run, class_id)
    return _mean(rows, rows["hausdorff"], conventions, total)


@of_totals
def hausdorff_95(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Mean 95th percentile of the distances in pixels, >= 0; NaN where no image has one."""
    rows = of_class(run, class_id)
    return _mean(rows, rows["hausdorff_95"], conventions, total)


@of_totals
def assd(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Mean over the images of the mean over all boundary pixels of both sides, in pixels, >= 0."""
    rows = of_class(run, class_id)
    sums, numbers = (rows[f"{name}_gt"] + rows[f"{name}_pred"] for name in ("surface", "boundary"))
    return _mean(rows, ratio(sums, numbers), conventions, total)


@of_totals
def masd(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Mean over the images of the mean of both directed means, in pixels, >= 0."""
    rows = of_class(run, class_id)
    there, back = (ratio(rows[f"surface_{side}"], rows[f"boundary_{side}"]) for side in ("gt", "pred"))
    return _mean(rows, (there + back) / 2, conventions, total)


@of_totals
def hausdorff_undefined(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Images where the class is on one side only, so that no distance exists."""
    rows = of_class(run, class_id)
    return total(rows, _is_one_sided(rows))


@of_totals
def surface_dice(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Share of the boundary pixels of both sides that are within the tolerance of the other side, in [0, 1]."""
    return overlap(
        *(run, class_id, conventions, total),
        lambda near_gt, near_pred, gt, pred: (near_gt + near_pred, gt + pred),
        _BOUNDARIES,
    )


@of_totals
def boundary_f1(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Harmonic mean of both sides' shares of boundary pixels within the tolerance of the other side, in [0, 1]."""
    return overlap(
        *(run, class_id, conventions, total),
        lambda near_gt, near_pred, gt, pred: (2 * near_gt * near_pred, near_gt * pred + near_pred * gt),
        _BOUNDARIES,
    )


def _mean(rows: pd.DataFrame, distances: ArrayLike, conventions: Conventions, total: Total) -> np.ndarray:
    """Mean over the images, with the convention for those that lack the class on one side."""
    distances = np.asarray(distances, float)
    if conventions.hausdorff_missing == "diagonal":
        distances = np.where(_is_one_sided(rows), rows["diagonal"], distances)
    return mean_of_known(total, rows, distances)


def _is_one_sided(rows: pd.DataFrame) -> pd.Series:
    return rows["hausdorff_case"].isin(("missed", "spurious"))


_BETWEEN = "between the inner 8-connected boundaries (the image's frame is a boundary)"
_MEAN = (
    "in pixels of the sample; mean over the images; where the class is neither there nor found the image is left out; "
    "{hausdorff_rule}"
)
_NEAR = (
    "boundary pixels (inner, 8-connected) that lie within the tolerance of the other side's; {average_rule}; "
    "{empty_rule}; 0 where the class is on one side only"
)


def _distance(key: str, score, definition: str, source: str) -> Column:
    return Column(key, score, True, "px", 3, "low", definition, source)


COLUMNS = (
    _distance(
        "hausdorff",
        hausdorff,
        f"largest distance {_BETWEEN}, both directions, no percentile, {_MEAN}",
        "doi:10.1109/34.232073",
    ),
    _distance(
        "hausdorff_95",
        hausdorff_95,
        f"95th percentile of the distances {_BETWEEN}, linear between two of them, the larger of both directions, "
        f"{_MEAN}",
        "doi:10.1038/s41592-023-02151-z",
    ),
    _distance(
        "assd",
        assd,
        f"average symmetric surface distance: mean distance {_BETWEEN}, over the pixels of both together, {_MEAN}",
        "doi:10.1109/TMI.2009.2013851",
    ),
    _distance(
        "masd",
        masd,
        f"mean average surface distance: mean distance {_BETWEEN} in each direction, then of both directions, {_MEAN}",
        "doi:10.1038/s41592-023-02151-z",
    ),
    Column(
        "hausdorff_undefined",
        hausdorff_undefined,
        True,
        "images",
        1,
        "low",
        "images in which the class is there and was not found, or was found and is not there",
        "",
    ),
    Column(
        "nsd",
        surface_dice,
        True,
        "",
        3,
        "high",
        f"normalised surface Dice: share of the {_NEAR}",
        "doi:10.2196/26151",
    ),
    Column(
        "boundary_f1",
        boundary_f1,
        True,
        "",
        3,
        "high",
        f"harmonic mean of the shares, of the prediction's (precision) and of the truth's (recall), of {_NEAR}",
        "doi:10.5244/C.27.32",
    ),
)
