"""Numbers of cells per image, predicted against true: difference against mean, with bias and limits of agreement."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hemoseg.figures.count_words import limits_of, signed
from hemoseg.figures.style import INK, SOFT, figure, shortened
from hemoseg.metrics.agreement import Limits

ACROSS = 5  # panels side by side


def counts_of_images(pixels: pd.DataFrame, seeds: Mapping[str, int]) -> pd.DataFrame:
    """True and predicted number of cells of each class in every test image.

    Args:
        pixels: ``pixels.csv`` of all runs with ``model``, ``split``, ``seed``.
        seeds: the seed of each model that counts. Of several splits that test an image the last one counts.

    Returns:
        Columns model, sample, frame, class, class_name, true, found; the background is left out.
    """
    rows = pixels[(pixels["class"] > 0) & (pixels["seed"] == pixels["model"].map(seeds))]
    last = rows.groupby(["model", "sample"], sort=False)["split"].transform("last")
    rows = rows[rows["split"] == last].rename(columns={"gt_count": "true", "pred_count": "found"})
    return rows[["model", "sample", "frame", "class", "class_name", "true", "found"]].reset_index(drop=True)


def draw(counts: pd.DataFrame, labels: Mapping[str, str], colours: Mapping[str, str]) -> Figure:
    """A line of panels per class, a panel per model; the panels of a class share their axes.

    Args:
        counts: of `counts_of_images`, at least one row.
        labels: of the models, in the order to draw.
        colours: of the models.
    """
    counts = counts[counts["model"].isin(labels)]
    models = [key for key in labels if key in set(counts["model"])]
    classes = list(dict.fromkeys(counts["class_name"]))
    across = min(max(len(models), 2), ACROSS)
    blocks = -(-len(models) // across)
    drawn = figure(10.4, 2.6 * len(classes) * blocks + 0.6)
    grid = drawn.subplots(len(classes) * blocks, across, squeeze=False)
    for number, name in enumerate(classes):
        of_class = counts[counts["class_name"] == name]
        panels = grid[number * blocks : (number + 1) * blocks].ravel()
        limits = {key: limits_of(of_class, key, name) for key in models}
        for axes, key in zip(panels, models, strict=False):
            _panel(axes, of_class[of_class["model"] == key], limits[key], colours[key])
            axes.set_title(f"{shortened(labels[key], 22)}\n{_words(limits[key])}", fontsize=8.5)
        _share_axes(panels[: len(models)], of_class, limits)
        for axes in panels[::across]:
            axes.set_ylabel(f"{shortened(name, 20)}\npredicted − true, cells", fontsize=9)
        for axes in panels[len(models) :]:
            axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel("mean of both, cells", fontsize=8.5)
    _legend(drawn)
    return drawn


def _panel(axes: Axes, rows: pd.DataFrame, limits: Limits, colour: str) -> None:
    places = pd.DataFrame({"x": (rows["found"] + rows["true"]) / 2, "y": rows["found"] - rows["true"]})
    several = places.value_counts().reset_index()
    for at, of, width in (
        (limits.bias, limits.of_bias, 1.6),
        (limits.low, limits.of_low, 1.1),
        (limits.high, limits.of_high, 1.1),
    ):
        if not np.isnan(of.low):
            axes.axhspan(*of, color=colour, alpha=0.13, linewidth=0)
        axes.axhline(at, color=INK, linewidth=width, linestyle="-" if width > 1.5 else (0, (5, 3)))
    axes.axhline(0, color=SOFT, linewidth=0.9, linestyle=":")
    axes.scatter(several["x"], several["y"], s=16 * several["count"], color=colour, alpha=0.75, edgecolors="white",
                 linewidths=0.6, zorder=3)  # fmt: skip
    axes.tick_params(labelsize=8)


def _share_axes(panels: np.ndarray, counts: pd.DataFrame, limits: Mapping[str, Limits]) -> None:
    """The same limits of both axes in all panels of a class, each point and each line within them."""
    half = (counts["found"] + counts["true"]) / 2
    shown = [*(counts["found"] - counts["true"]), 0, *(value for of in limits.values() for value in _ends(of))]
    shown = [value for value in shown if np.isfinite(value)]
    rim = 0.08 * max(np.ptp(shown), 1)
    side = 0.08 * max(np.ptp(half), 1)
    for axes in panels:
        axes.set(ylim=(min(shown) - rim, max(shown) + rim), xlim=(half.min() - side, half.max() + side))
        axes.locator_params(axis="both", integer=True, nbins=6)


def _ends(limits: Limits) -> tuple[float, ...]:
    return (limits.low, limits.high, limits.of_low.low, limits.of_high.high)


def _words(limits: Limits) -> str:
    if np.isnan(limits.sd):
        return f"bias {signed(limits.bias)}, n = {limits.n}"
    return f"bias {signed(limits.bias)}, n = {limits.n}\nlimits {signed(limits.low, 1)} to {signed(limits.high, 1)}"


def _legend(drawn: Figure) -> None:
    handles = [
        Line2D([], [], marker="o", linestyle="none", color=SOFT, markersize=4, label="an image"),
        Line2D([], [], marker="o", linestyle="none", color=SOFT, markersize=8, label="four images at one place"),
        Line2D([], [], color=INK, linewidth=1.6, label="bias"),
        Line2D([], [], color=INK, linewidth=1.1, linestyle=(0, (5, 3)), label="95 % limits of agreement"),
        Patch(color=SOFT, alpha=0.25, linewidth=0, label="their 95 % intervals"),
    ]
    drawn.legend(handles=handles, loc="outside lower left", ncols=5, fontsize=8.5)
