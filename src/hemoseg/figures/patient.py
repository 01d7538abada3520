"""Pictures of a patient's report: shares of classes, shapes against the reference, atypical cells, flagged fields."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.stats import gaussian_kde

from hemoseg.figures.pictures import as_rgb, show
from hemoseg.figures.style import INK, LINE, SOFT, figure, plain, shortened
from hemoseg.metrics.reference import FEWEST, SHAPES

OURS, THEIRS = "#2b6cb0", "#b35900"
LEAST_FOR_CURVE = 8  # cells below which only dots are drawn
SHAPE_NAMES = {
    "area": "area", "perimeter": "perimeter", "eccentricity": "eccentricity", "form_factor": "form factor",
    "solidity": "solidity", "mean_intensity": "mean intensity, share of white",
}  # fmt: skip
ACROSS = 6  # pictures of cells beside each other


@dataclass(frozen=True)
class Thumbnail:
    """A part of an image around one cell, or a whole field made small.

    Attributes:
        image: float ``(C, H, W)`` in [0, 1].
        inside: pixels of the cell, bool ``(H, W)``; none of a field.
        said: lines of text below it.
    """

    image: np.ndarray
    inside: np.ndarray | None
    said: Sequence[str]


def shares(table: pd.DataFrame, reference: pd.DataFrame | None) -> Figure:
    """The share of each class with its interval, and below it that of the reference.

    Args:
        table: of `tables.patient.counts`, the patient's.
        reference: likewise, or none.
    """
    sides = [("this patient", table, OURS, "o", -0.14)]
    if reference is not None:
        sides.append(("reference", reference, THEIRS, "D", 0.14))
    names = list(table["class"][1:])
    drawn = figure(8.2, 0.5 * len(names) + 1.3)
    axes = drawn.subplots()
    for _, rows, colour, marker, shift in sides:
        part, places = rows.iloc[1:], np.arange(len(names)) + shift
        axes.hlines(places, 100 * part["low"], 100 * part["high"], color=colour, linewidth=3.5, alpha=0.5)
        axes.plot(100 * part["share"], places, marker, color=colour, markersize=6, markeredgecolor=INK)
    axes.set_yticks(range(len(names)), [shortened(name, 28) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel("% of the cells")
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    handles = [
        Line2D([], [], color=colour, marker=marker, markeredgecolor=INK, linewidth=3.5, alpha=0.8,
               label=f"{name} (n = {int(rows['cells'].iloc[0])} cells)")
        for name, rows, colour, marker, _ in sides
    ]  # fmt: skip
    drawn.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9)
    return drawn


def distributions(cells: pd.DataFrame, reference: pd.DataFrame | None, unit: str) -> Figure:
    """How each shape is spread over whole cells, this patient's filled and the reference's as a dashed line.

    Args:
        cells: of `tables.patient.shapes_of`.
        reference: likewise; none, or too few cells, draw no reference.
        unit: px or µm.
    """
    known = reference is not None and len(reference) >= FEWEST
    drawn = figure(10.4, 5.4)
    for axes, name in zip(drawn.subplots(2, 3).ravel(), SHAPES, strict=True):
        sides = [cells[name].dropna().to_numpy(float)]
        sides += [reference[name].dropna().to_numpy(float)] if known else []
        both = np.concatenate(sides)
        low, high = np.quantile(both, [0.002, 0.998]) if len(both) else (0, 1)
        at = np.linspace(low - 0.05 * (high - low), high + 0.05 * (high - low), 200)
        if known:
            axes.axvspan(*np.quantile(sides[1], [0.025, 0.975]), color=LINE, alpha=0.6, linewidth=0, zorder=0)
            _spread(axes, sides[1], at, THEIRS, filled=False)
        _spread(axes, sides[0], at, OURS, filled=True)
        axes.set_xlabel(SHAPE_NAMES[name] + {"area": f", {unit}²", "perimeter": f", {unit}"}.get(name, ""))
        axes.set_yticks([])
        axes.set_ylim(bottom=0)
        axes.grid(visible=False)
    handles = [Patch(facecolor=OURS, alpha=0.5, label=f"this patient (n = {len(cells)} whole cells), line: median")]
    if known:
        handles.append(Line2D([], [], color=THEIRS, linestyle="--", label=f"reference (n = {len(reference)}), median"))
        handles.append(Patch(facecolor=LINE, label="middle 95 % of the reference"))
    drawn.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=9)
    return drawn


def _spread(axes, values: np.ndarray, at: np.ndarray, colour: str, *, filled: bool) -> None:
    """A density and its median, or dots where there are few cells."""
    if len(values) < LEAST_FOR_CURVE or np.ptp(values) == 0:
        axes.plot(values, np.zeros(len(values)), "o", color=colour, markersize=5, clip_on=False)
        return
    height = gaussian_kde(values)(at)
    height /= height.max()
    if filled:
        axes.fill_between(at, height, color=colour, alpha=0.5, linewidth=0)
    else:
        axes.plot(at, height, color=colour, linestyle="--", linewidth=1.6)
    middle = np.median(values)
    axes.vlines(middle, 0, np.interp(middle, at, height), color=colour if not filled else INK, linewidth=1.6,
                linestyle="-" if filled else "--")  # fmt: skip


def gallery(shown: Sequence[Thumbnail], across: int = ACROSS) -> Figure:
    """Pictures side by side, the outline of the cell drawn, a few lines of text below each."""
    down = -(-len(shown) // across)
    side = 10.4 / across
    lines = max(len(one.said) for one in shown)
    drawn = figure(10.4, down * (0.93 * side + 0.15 * lines + 0.1))
    grid = np.atleast_1d(drawn.subplots(down, across, squeeze=False)).ravel()
    for axes, one in zip(grid, shown, strict=False):
        show(axes, as_rgb(one.image))
        if one.inside is not None and one.inside.any() and not one.inside.all():
            for colour, style, width in (("black", "-", 2.0), ("white", (0, (3, 2)), 1.1)):
                axes.contour(one.inside, levels=[0.5], colors=colour, linestyles=[style], linewidths=width)
        axes.set_xlabel("\n".join(plain(line) for line in one.said), fontsize=7.5, color=SOFT, labelpad=3)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    return drawn
