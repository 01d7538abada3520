"""Columns made from pixels: loss, overlap, distance."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions

EMPTY = {"one": 1.0, "zero": 0.0, "skip": np.nan}
_DOI_2018, _DOI_2020 = "doi:10.1007/978-3-030-00937-3_79", "doi:10.1109/JBHI.2020.3000484"


def of_class(run: Run, class_id: int) -> pd.DataFrame:
    """Rows of one class, one per image."""
    return run.pixels[run.pixels["class"] == class_id]


def mean_of_known(values: np.ndarray) -> float:
    """Mean of the values that are no NaN; NaN where none is."""
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    return float(known.mean()) if known.size else np.nan


def loss(run: Run, _: int, conventions: Conventions) -> float:
    """Cross-entropy per pixel in nats, >= 0; NaN for a method without probabilities."""
    return float(run.pixels["nll"].sum(skipna=False) / _pixels(run))


def pixel_error(run: Run, _: int, conventions: Conventions) -> float:
    """Share of pixels with the wrong class, in [0, 1]."""
    return float(run.pixels["fn"].sum() / _pixels(run))


def rmse(run: Run, _: int, conventions: Conventions) -> float:
    """Root of the mean squared error of hard masks over pooled pixels, in [0, 1]: the root of the pixel error."""
    return float(np.sqrt(pixel_error(run, _, conventions)))


def dice(run: Run, class_id: int, conventions: Conventions) -> float:
    """2 tp / (2 tp + fp + fn), in [0, 1]."""
    return _overlap(run, class_id, conventions, lambda c: (2 * c.tp, 2 * c.tp + c.fp + c.fn))


def jaccard(run: Run, class_id: int, conventions: Conventions) -> float:
    """The share tp / (tp + fp + fn), in [0, 1]."""
    return _overlap(run, class_id, conventions, lambda c: (c.tp, c.tp + c.fp + c.fn))


def jaccard_above(run: Run, class_id: int, conventions: Conventions) -> float:
    """Share of the images whose Jaccard of a class is above the threshold, in [0, 1]; NaN where no image counts."""
    return _share_above(run, [class_id], conventions)


def _share_above(run: Run, classes: Sequence[int], conventions: Conventions) -> float:
    """Share of the images whose mean Jaccard over ``classes`` is above the threshold; NaN where no image counts."""
    counts = run.pixels.set_index(["sample", "class"])[["tp", "fp", "fn"]].astype(int)
    images = [_mean_jaccard(one.droplevel("sample"), classes, conventions) for _, one in counts.groupby("sample")]
    known = [image for image in images if image is not None]
    return sum(image > conventions.jaccard_above for image in known) / len(known) if known else np.nan


def _mean_jaccard(counts: pd.DataFrame, classes: Sequence[int], conventions: Conventions) -> Fraction | None:
    """Mean Jaccard of one image over classes, exactly; None where ``empty: skip`` leaves them all out."""
    found = []
    for tp, fp, fn in counts.loc[list(classes)].itertuples(index=False):
        if tp + fp + fn:
            found.append(Fraction(int(tp), int(tp + fp + fn)))
        elif conventions.empty != "skip":
            found.append(Fraction(conventions.empty == "one"))
    return sum(found, Fraction(0)) / len(found) if found else None


def precision(run: Run, class_id: int, conventions: Conventions) -> float:
    """The share tp / (tp + fp), in [0, 1]; 0 where the class is there and nothing was found."""
    return _overlap(run, class_id, conventions, lambda c: (c.tp, c.tp + c.fp))


def recall(run: Run, class_id: int, conventions: Conventions) -> float:
    """The share tp / (tp + fn), in [0, 1]; 0 where something was found and the class is not there."""
    return _overlap(run, class_id, conventions, lambda c: (c.tp, c.tp + c.fn))


def mean_iu(run: Run, _: int, conventions: Conventions) -> float:
    """Pooled Jaccard, its mean over all classes that are there or found, background included, in [0, 1]."""
    c = run.pixels.groupby("class")[["tp", "fp", "fn"]].sum()
    union = (c.tp + c.fp + c.fn).to_numpy(float)
    return mean_of_known(np.where(union > 0, c.tp / np.maximum(union, 1), np.nan))


def kind_mean_iu(run: Run, class_id: int, conventions: Conventions) -> float:
    """Mean of the pooled Jaccards of background and a class, over the images whose kind bears the class's name.

    In [0, 1]; where there is one class only, all images are of its kind. NaN for the background and for a class that
    names no kind.
    """
    alone = len(run.class_names) == 2
    of_kind = run.pixels[alone | (run.pixels["kind"] == run.class_names[class_id])]
    c = of_kind[of_kind["class"].isin((0, class_id))].groupby("class")[["tp", "fp", "fn"]].sum()
    union = (c.tp + c.fp + c.fn).to_numpy(float)
    return mean_of_known(np.where(union > 0, c.tp / np.maximum(union, 1), np.nan)) if class_id else np.nan


def frequency_weighted_iou(run: Run, _: int, conventions: Conventions) -> float:
    """Pooled Jaccard of the classes, weighted by their share of the true pixels, in [0, 1]."""
    c = run.pixels.groupby("class")[["tp", "fp", "fn"]].sum()
    size, union = c.tp + c.fn, c.tp + c.fp + c.fn
    return float((size * c.tp / union.clip(lower=1)).sum() / size.sum()) if size.sum() else np.nan


def hausdorff(run: Run, class_id: int, conventions: Conventions) -> float:
    """Mean Hausdorff distance of the images in pixels, >= 0; NaN where no image has one."""
    rows = of_class(run, class_id)
    distance = rows["hausdorff"].to_numpy(float)
    if conventions.hausdorff_missing == "diagonal":
        distance = np.where(rows["hausdorff_case"].isin(("missed", "spurious")), rows["diagonal"], distance)
    return mean_of_known(distance)


def hausdorff_undefined(run: Run, class_id: int, conventions: Conventions) -> float:
    """Images where the class is on one side only, so that no distance exists."""
    return float(of_class(run, class_id)["hausdorff_case"].isin(("missed", "spurious")).sum())


def _pixels(run: Run) -> float:
    """Pixels that are not ignored, over all images; NaN where there is none."""
    return (run.pixels["tp"] + run.pixels["fn"]).sum() or np.nan


def _overlap(run: Run, class_id: int, conventions: Conventions, terms) -> float:
    """A ratio of counts per image or pooled, with the convention for what is empty on both sides."""
    counts = of_class(run, class_id)[["tp", "fp", "fn"]].astype(float)
    if conventions.average == "pooled":
        counts = counts.sum().to_frame().T
    over, under = (term.to_numpy() for term in terms(counts))
    ratio = over / np.maximum(under, 1)
    absent = counts.sum(axis=1).to_numpy() == 0
    return mean_of_known(np.where(absent, EMPTY[conventions.empty], ratio))


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
        "hausdorff",
        hausdorff,
        True,
        "px",
        3,
        "low",
        "largest distance between the inner 8-connected boundaries (the image's frame is a boundary), both directions, "
        "no percentile, in pixels of the sample; mean over the images; where the class is neither there nor found the "
        "image is left out; {hausdorff_rule}",
        "doi:10.1109/34.232073",
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
    Column("pixel_error", pixel_error, False, "", 4, "low", "share of wrong pixels, over pooled pixels", ""),
    Column("rmse", rmse, False, "", 4, "low", "root of the share of wrong pixels: taken on hard masks", ""),
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
