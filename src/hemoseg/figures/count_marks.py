"""Counts drawn on the frame: every cell that counts outlined and numbered, truth beside the predictions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal, Stroke
from scipy.ndimage import center_of_mass

from hemoseg.data.samples import IGNORE
from hemoseg.figures.panels import Shown
from hemoseg.figures.pictures import as_rgb, outline_classes, show
from hemoseg.figures.style import class_colour, class_line, figure, plain, shortened
from hemoseg.metrics.components import counted_components

ACROSS = 3  # pictures side by side: three leave room for numbers
DROPPED = "#8a8f99"


def samples_to_show(counts: pd.DataFrame) -> dict[str, str]:
    """Up to two sample ids with the reason: the farthest off, and one in the middle by the number of its true cells.

    Args:
        counts: of `figures.bland_altman.counts_of_images`.
    """
    off = (counts["found"] - counts["true"]).abs().groupby(counts["sample"], sort=False).sum()
    true = counts.drop_duplicates(["sample", "class"]).groupby("sample", sort=False)["true"].sum()
    if off.empty:
        return {}
    farthest = str(off.idxmax())
    rest = true.drop(farthest)
    middle = {str((rest - rest.median()).abs().idxmin()): "a median number of true cells"} if len(rest) else {}
    return {farthest: "the counts are farthest off, summed over classes and models"} | middle


def draw(one: Shown, labels: Mapping[str, str], class_names: Sequence[str], min_area: float) -> Figure:
    """The truth, then each model: outlines and running numbers of the cells that count, and what was too small.

    Args:
        one: the sample with the class map of each model.
        labels: of the models shown, in order.
        class_names: background first.
        min_area: least area of a cell, in pixels.
    """
    maps = {one.compared_with: one.gt} | {labels[key]: one.predictions[key] for key in labels}
    height, width = one.gt.shape
    side = 10.4 / ACROSS
    lines = -(-len(maps) // ACROSS)
    drawn = figure(10.4, lines * (side * min(max(height / width, 0.2), 1.6) + 0.42) + 0.55)
    grid = drawn.subplots(lines, ACROSS, squeeze=False).ravel()
    valid = one.gt != IGNORE
    true = numbers(one.gt, valid, class_names, min_area)
    for axes, (name, classes) in zip(grid, maps.items(), strict=False):
        found = numbers(classes, valid, class_names, min_area)
        said = _words(found, None if name == one.compared_with else true, class_names)
        show(axes, as_rgb(one.image), f"{shortened(name, 44)}\n{said}")
        _mark(axes, classes, found, one.colours)
    for axes in grid[len(maps) :]:
        axes.set_visible(False)
    _legend(drawn, class_names, one.colours)
    return drawn


def numbers(
    classes: np.ndarray, valid: np.ndarray, class_names: Sequence[str], min_area: float
) -> dict[int, np.ndarray]:
    """The cells that count of each class 1, 2, ..., numbered, int32 ``(H, W)``, as `evaluate` counts them."""
    return {c: counted_components(classes, valid, c, min_area) for c in range(1, len(class_names))}


def _words(found: Mapping[int, np.ndarray], true: Mapping[int, np.ndarray] | None, class_names: Sequence[str]) -> str:
    """``rbc 41 (−2) · macrophage 5 (±0)``."""
    told = []
    for c, labels in found.items():
        count = int(labels.max(initial=0))
        off = None if true is None else count - int(true[c].max(initial=0))
        sign = "" if off is None else f" ({off:+d})".replace("-", "\N{MINUS SIGN}").replace("+0", "±0")
        told.append(f"{shortened(class_names[c], 18)} {count}{sign}")
    return " · ".join(told)


def _mark(axes: Axes, classes: np.ndarray, found: Mapping[int, np.ndarray], colours: Sequence[str]) -> None:
    counted = np.any([labels > 0 for labels in found.values()], axis=0)
    dropped = (classes > 0) & (classes != IGNORE) & ~counted
    if dropped.any() and min(classes.shape) > 1:
        axes.contour(dropped, levels=[0.5], colors="white", linewidths=1.4)
        axes.contour(dropped, levels=[0.5], colors=DROPPED, linewidths=0.9, linestyles=":")
    outline_classes(axes, np.where(counted, classes, 0), colours)
    size = 8.0 if max((labels.max(initial=0) for labels in found.values()), default=0) < 60 else 5.5
    shadow = [Stroke(linewidth=1.6, foreground="black"), Normal()]
    for labels in found.values():
        ids = range(1, int(labels.max(initial=0)) + 1)
        for number, (row, column) in zip(ids, center_of_mass(labels > 0, labels, ids), strict=True):
            axes.text(column, row, str(number), color="white", fontsize=size, ha="center", va="center",
                      path_effects=shadow)  # fmt: skip


def _legend(drawn: Figure, class_names: Sequence[str], colours: Sequence[str]) -> None:
    handles = [
        Line2D([], [], color=class_colour(c, colours), linestyle=class_line(c), linewidth=2, label=plain(name))
        for c, name in enumerate(class_names)
        if c > 0
    ]
    handles.append(Line2D([], [], color=DROPPED, linestyle=":", linewidth=1.4, label="not counted: too small"))
    drawn.legend(handles=handles, loc="outside lower left", ncols=5, fontsize=9)


def least_area(pixels: pd.DataFrame, sample: str) -> float:
    """Least area of a cell in pixels where a sample was tested; of several splits that test it the last counts."""
    return float(pixels["min_area"][pixels["sample"] == sample].iloc[-1])


def caption(one: Shown, min_area: float) -> str:
    """Under the picture."""
    return (
        f"Sample {one.name}, shown because: {one.note}. Each cell that counts has its number, classes apart, in "
        f"reading order: an 8-connected component of its class of at least {min_area:.3g} px. Cells that touch are one "
        "component and get one number. Above each picture: the numbers, in brackets what they differ from those of "
        f"the {one.compared_with}."
    )
