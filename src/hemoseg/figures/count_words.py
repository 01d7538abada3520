"""What counts say: who is nearest, by totals and image by image, and by how much."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hemoseg.figures.words import count_of
from hemoseg.metrics.agreement import Interval, Limits, limits_of_agreement

NOTHING = "–"
CANCELLING = (
    "The ratio of totals is what the paper prints. A cell missed in one image and one made up in another cancel in it; "
    "bias, limits of agreement, mean absolute error (MAE) and exact counts are of the single images, in cells."
)


def limits_of(counts: pd.DataFrame, model: str, class_name: str) -> Limits:
    """Limits of agreement of a model's counts of one class (`figures.bland_altman.counts_of_images`)."""
    rows = counts[(counts["model"] == model) & (counts["class_name"] == class_name)]
    return limits_of_agreement((rows["found"] - rows["true"]).to_numpy())


def signed(value: float, digits: int = 2) -> str:
    """``+1.20``, ``−0.50``, ``0.00``; a dash without a value."""
    if np.isnan(value):
        return NOTHING
    text = f"{value:+.{digits}f}"
    return f"{0:.{digits}f}" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def table(counts: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """Totals and agreement image by image, a row per model and class, for people.

    Args:
        counts: of `figures.bland_altman.counts_of_images`.
        labels: of the models, in order.
    """
    lines = []
    for key, name in ((key, name) for key in labels for name in dict.fromkeys(counts["class_name"])):
        rows = counts[(counts["model"] == key) & (counts["class_name"] == name)]
        if rows.empty:
            continue
        found, true, limits = rows["found"].sum(), rows["true"].sum(), limits_of(counts, key, name)
        lines.append(
            {
                "model": labels[key],
                "class": name,
                "images": len(rows),
                "predicted / true": f"{found:.0f} / {true:.0f}",
                "ratio": f"{100 * found / true:.2f} %" if true else NOTHING,
                "bias per image (95 % interval)": f"{signed(limits.bias)} {_between(limits.of_bias)}",
                "limits of agreement": _limits(limits),
                "MAE": f"{(rows['found'] - rows['true']).abs().mean():.2f}",
                "exact": f"{int((rows['found'] == rows['true']).sum())} of {len(rows)}",
            }
        )
    return pd.DataFrame(lines)


def verdict(counts: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Who is nearest to the true numbers of each class, image by image and by totals."""
    told = []
    for name, of_class in counts.groupby("class_name", sort=False):
        rows = of_class.assign(off=of_class["found"] - of_class["true"])
        sums = rows.groupby("model", sort=False)[["true", "found"]].sum()
        if not (sums["true"] > 0).all():
            continue
        errors = rows.groupby("model", sort=False)["off"].agg(_mean_size)
        ratios = 100 * sums["found"] / sums["true"]
        best, closest = errors.idxmin(), (ratios - 100).abs().idxmin()
        said = f"{name}: {labels[best]} is nearest image by image ({errors[best]:.2f} cells per image off on average, "
        said += f"totals {ratios[best]:.2f} % of the true ones)"
        if closest != best:
            said += (
                f"; by totals it is {labels[closest]}, {ratios[closest]:.2f} % ({errors[closest]:.2f} per image off)"
            )
        told.append(said)
    images = counts["sample"].nunique()
    return f"{'. '.join(told)}. Of {count_of(images, 'test image')}, first seed." if told else ""


def _mean_size(values: pd.Series) -> float:
    return float(values.abs().mean())


def _limits(limits: Limits) -> str:
    if np.isnan(limits.sd):
        return NOTHING
    return f"{signed(limits.low, 1)} to {signed(limits.high, 1)}"


def _between(interval: Interval) -> str:
    return "" if np.isnan(interval.low) else f"({signed(interval.low)} to {signed(interval.high)})"


def caption(counts: pd.DataFrame, min_areas: Sequence[float]) -> str:
    """Under the figure; ``min_areas`` are the least areas of a cell in pixels, one per split."""
    images, frames = counts["sample"].nunique(), counts["frame"].nunique()
    cut = f", of {count_of(frames, 'frame')}" if frames < images else ""
    least = " or ".join(dict.fromkeys(f"{area:.3g}" for area in sorted(min_areas)))
    return (
        f"Cells per test image, predicted minus true, against the mean of both, a dot per image (n = {images}{cut}; "
        "the larger a dot, the more images lie there; first seed; of several splits that test an image the last "
        "counts). "
        "Solid: bias, the mean difference. Dashed: limits of agreement, bias ± 1.96 standard deviations of the "
        "differences (Bland and Altman 1986), between which 95 % of images would lie, were the differences normal. "
        "Bands: 95 % intervals of these three lines, which take the images as independent. A cell is an 8-connected "
        f"component of its class of at least {least} px."
    )


def cancelling(counts: pd.DataFrame, labels: Mapping[str, str]) -> list[str]:
    """How many cells a ratio of totals hides: misses and false finds that cancel over the images."""
    told = []
    for (key, name), rows in counts.groupby(["model", "class_name"], sort=False):
        off = rows["found"] - rows["true"]
        net, gross, true = abs(off.sum()), off.abs().sum(), rows["true"].sum()
        if true and gross > net:
            ratio, share = 100 * rows["found"].sum() / true, 100 * gross / true
            told.append(
                f"{labels[key]}, {name}: the totals are {rows['found'].sum():.0f} and {true:.0f} ({ratio:.2f} %), "
                f"{net:.0f} apart; image by image {gross:.0f} cells are off ({share:.2f} % of the true ones), of which "
                f"{gross - net:.0f} cancel in the totals."
            )
    return told
