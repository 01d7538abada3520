"""Columns made from pixels: loss and overlap."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.weighting import Total, mean_of_known, of_totals, ratio

Terms = Callable[..., tuple[ArrayLike, ArrayLike]]

COUNTS = ("tp", "fp", "fn")
EMPTY = {"one": 1.0, "zero": 0.0, "skip": np.nan}
_DOI_2018, _DOI_2020 = "doi:10.1007/978-3-030-00937-3_79", "doi:10.1109/JBHI.2020.3000484"


def of_class(run: Run, class_id: int) -> pd.DataFrame:
    """Rows of one class, one per image."""
    return run.pixels[run.pixels["class"] == class_id]


@of_totals
def loss(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Cross-entropy per pixel in nats, >= 0; NaN for a method without probabilities."""
    return ratio(total(run.pixels, run.pixels["nll"]), pixels_of(run, total))


@of_totals
def pixel_error(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Share of pixels with the wrong class, in [0, 1]."""
    return ratio(total(run.pixels, run.pixels["fn"]), pixels_of(run, total))


@of_totals
def rmse(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Root of the mean squared error of hard masks over pooled pixels, in [0, 1]: the root of the pixel error."""
    return np.sqrt(pixel_error.definition(run, _, conventions, total))


@of_totals
def dice(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """2 tp / (2 tp + fp + fn), in [0, 1]."""
    return overlap(run, class_id, conventions, total, lambda tp, fp, fn: (2 * tp, 2 * tp + fp + fn))


@of_totals
def jaccard(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """The share tp / (tp + fp + fn), in [0, 1]."""
    return overlap(run, class_id, conventions, total, lambda tp, fp, fn: (tp, tp + fp + fn))


@of_totals
def jaccard_above(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Share of the images whose Jaccard of a class is above the threshold, in [0, 1]; NaN where no image counts."""
    return _share_above.definition(run, [class_id], conventions, total)


@of_totals
def _share_above(run: Run, classes: Sequence[int], conventions: Conventions, total: Total) -> ArrayLike:
    """Share of the images whose mean Jaccard over ``classes`` is above the threshold; NaN where no image counts."""
    rows = run.pixels[run.pixels["class"].isin(classes)]
    counts: dict[str, list[tuple[int, int]]] = {sample: [] for sample in run.samples}
    for sample, tp, wrong in zip(rows["sample"], rows["tp"], rows["fp"] + rows["fn"], strict=True):
        counts[sample].append((int(tp), int(tp + wrong)))
    means = [_mean_jaccard(of_image, conventions) for of_image in counts.values()]
    above = [np.nan if mean is None else float(mean > conventions.jaccard_above) for mean in means]
    return mean_of_known(total, pd.DataFrame({"sample": run.samples}), above)


def _mean_jaccard(counts: Sequence[tuple[int, int]], conventions: Conventions) -> Fraction | None:
    """Mean of intersections over unions, exactly; None where ``empty: skip`` leaves them all out."""
    found = []
    for shared, union in counts:
        if union:
            found.append(Fraction(shared, union))
        elif conventions.empty != "skip":
            found.append(Fraction(conventions.empty == "one"))
    return sum(found, Fraction(0)) / len(found) if found else None


@of_totals
def precision(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """The share tp / (tp + fp), in [0, 1]; 0 where the class is there and nothing was found."""
    return overlap(run, class_id, conventions, total, lambda tp, fp, fn: (tp, tp + fp))


@of_totals
def recall(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """The share tp / (tp + fn), in [0, 1]; 0 where something was found and the class is not there."""
    return overlap(run, class_id, conventions, total, lambda tp, fp, fn: (tp, tp + fn))


@of_totals
def specificity(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """The share tn / (tn + fp), in [0, 1]; NaN where the class fills every image."""
    rows = of_class(run, class_id)
    if conventions.average == "pooled":
        tn, fp = (total(rows, rows[name]) for name in ("tn", "fp"))
        return ratio(tn, tn + fp)
    return mean_of_known(total, rows, ratio(rows["tn"], rows["tn"] + rows["fp"]))


def pixels_of(run: Run, total: Total) -> np.ndarray:
    """Pixels that are not ignored, over all images."""
    return total(run.pixels, run.pixels["tp"] + run.pixels["fn"])


def overlap(
    run: Run, class_id: int, conventions: Conventions, total: Total, terms: Terms, of: Sequence[str] = COUNTS
) -> ArrayLike:
    """A ratio of counts per image or pooled, with the convention for what is empty on both sides.

    Args:
        run: of whose images the counts are.
        class_id: the class.
        conventions: say ``average`` and ``empty``.
        total: see `weighting.of_totals`.
        terms: from the counts to numerator and denominator; 0 / 0 is 0 where some count is not.
        of: names of the counts; the class neither is nor was found where all are 0.
    """
    rows = of_class(run, class_id)
    pooled = conventions.average == "pooled"
    counts = [total(rows, rows[name]) if pooled else rows[name].to_numpy(float) for name in of]
    absent = sum(counts) == 0
    score = np.where(absent, EMPTY[conventions.empty], ratio(*terms(*counts), empty=0.0))
    return score if pooled else mean_of_known(total, rows, score)


_BOTH = "{average_rule}; {empty_rule}"
COLUMNS = (
    Column(
        "loss", loss, False, "nats/px", 4, "low", "cross-entropy of the true class, mean over all pixels", _DOI_2018
    ),
    Column("dice", dice, True, "", 3, "high", f"2 tp / (2 tp + fp + fn) of pixels; {_BOTH}", _DOI_2020),
    Column("jaccard", jaccard, True, "", 3, "high", f"tp / (tp + fp + fn) of pixels; {_BOTH}", _DOI_2020),
    Column(
        "jaccard_above",
        jaccard_above,
        True,
        "",
        3,
        "high",
        "share of the images whose Jaccard (for the average: the mean of its classes' in the image) is above "
        "{jaccard_above}; {empty_rule}",
        "",
        average=_share_above,
    ),
    Column(
        "precision",
        precision,
        True,
        "",
        3,
        "high",
        f"tp / (tp + fp) of pixels; {_BOTH}; 0 where the class is there and nothing was found",
        "",
    ),
    Column(
        "recall",
        recall,
        True,
        "",
        3,
        "high",
        f"tp / (tp + fn) of pixels; {_BOTH}; 0 where something was found and the class is not there",
        "",
    ),
    Column(
        "specificity",
        specificity,
        True,
        "",
        4,
        "high",
        "tn / (tn + fp) of pixels; {average_rule}; an image that the class fills is left out; near 1 for whatever is "
        "rare",
        "doi:10.1186/s12880-015-0068-x",
    ),
    Column("pixel_error", pixel_error, False, "", 4, "low", "share of wrong pixels, over pooled pixels", ""),
    Column("rmse", rmse, False, "", 4, "low", "root of the share of wrong pixels: taken on hard masks", ""),
)
