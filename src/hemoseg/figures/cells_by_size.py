"""How well cells are outlined against how large they are and how near the next cell is."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hemoseg.figures.style import figure, plain
from hemoseg.figures.words import count_of
from hemoseg.metrics.bootstrap import interval_of_mean

MARKERS = "osD^vP*X"
SIZES = 5  # bins of cells by area, alike in number: ours
GAPS = (1.5, 3.5, 6.5)  # px, ends of the bins of the gap to the next cell; ours: touching cells are at most 1.5 apart
FEWEST = 3  # cells in a bin of one row; fewer show nothing


def true_cells(cells: pd.DataFrame, most: int = 8) -> pd.DataFrame:
    """True cells that count with the IoU of their best match, mean over the seeds and the splits that test an image.

    Args:
        cells: ``cells.csv`` of all runs with ``model``; empty where the truth has no instances.
        most: rows; the first ones are kept.

    Returns:
        Columns model, sample, frame, cell, area (px), gap (px, infinite where none is within reach), iou.
    """
    true = cells[(cells["side"] == "gt") & cells["counted"].astype(bool)]
    true = true[true["model"].isin(list(dict.fromkeys(true["model"]))[:most])]
    keys = ["model", "sample", "frame", "cell"]
    filled = true.assign(frame=true["frame"].fillna(""), gap=true["gap"].fillna(np.inf), iou=true["iou"].fillna(0.0))
    found = filled.groupby(keys, sort=False, as_index=False).agg(
        area=("area", "first"), gap=("gap", "first"), iou=("iou", "mean")
    )
    return found


def draw(true: pd.DataFrame, labels: Mapping[str, str], colours: Mapping[str, str]) -> Figure:
    """Mean IoU of true cells by their area (left) and by the gap to the next true cell (right), a line per row.

    Args:
        true: of `true_cells`.
        labels: label of each row, in the order to draw.
        colours: of each row.
    """
    shown = {key: label for key, label in labels.items() if key in set(true["model"])}
    drawn = figure(10.4, 4.2)
    left, right = drawn.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    ends = np.unique(np.quantile(true["area"], np.linspace(0, 1, SIZES + 1)))
    ends = np.repeat(ends, 2) if len(ends) == 1 else ends  # all cells are of one size: one bin
    _lines(left, true, "area", ends, shown, colours)
    left.set(xlabel="area of the true cell (px of the sample)", ylabel="IoU with the best match", title="Size")
    _lines(right, true, "gap", np.array([0.0, *GAPS, np.inf]), shown, colours)
    right.set(xlabel="gap to the next true cell (px)", title="Crowding")
    drawn.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(shown), 5), fontsize=9)
    return drawn


def by_bin(true: pd.DataFrame, what: str, ends: np.ndarray) -> pd.DataFrame:
    """Mean IoU of each model's cells in each bin, with a 95 % interval over frames.

    Args:
        true: of `true_cells`.
        what: ``area`` or ``gap``.
        ends: of the bins, B + 1 of them, rising; the last one belongs to the last bin.

    Returns:
        Columns model, bin, iou, low, high (NaN with one frame), cells; bins with less than `FEWEST` cells are left out.
    """
    which = np.clip(np.searchsorted(ends, true[what], side="right") - 1, 0, len(ends) - 2)
    lines = []
    for (model, place), rows in true.groupby(["model", which], sort=False):
        if len(rows) < FEWEST:
            continue
        sums = rows.groupby("frame")["iou"].agg(["sum", "count"]).to_numpy()
        low, high = interval_of_mean(sums) if len(sums) > 1 else (np.nan, np.nan)
        lines.append((model, place, rows["iou"].mean(), low, high, len(rows)))
    return pd.DataFrame(lines, columns=["model", "bin", "iou", "low", "high", "cells"])


def _lines(
    axes: Axes, true: pd.DataFrame, what: str, ends: np.ndarray, labels: Mapping[str, str], colours: Mapping[str, str]
) -> None:
    found = by_bin(true, what, ends)
    for number, (model, label) in enumerate(labels.items()):
        own = found[found["model"] == model].sort_values("bin")
        at = own["bin"] + 0.06 * (number - (len(labels) - 1) / 2)
        axes.vlines(at, own["low"], own["high"], color=colours[model], linewidth=1.3, alpha=0.7)
        marker = MARKERS[number % len(MARKERS)]
        axes.plot(at, own["iou"], color=colours[model], marker=marker, markersize=5, linewidth=1.2, label=plain(label))
    cells = true.drop_duplicates(["sample", "cell"])
    which = np.clip(np.searchsorted(ends, cells[what], side="right") - 1, 0, len(ends) - 2)
    counts = np.bincount(which, minlength=len(ends) - 1)
    ticks = [f"{_span(*pair)}\nn = {n}" for pair, n in zip(pairwise(ends), counts, strict=True)]
    axes.set_xticks(range(len(ticks)), ticks, fontsize=8)


def _span(low: float, high: float) -> str:
    if np.isinf(high):
        return f"> {low:g}"
    if low == high:
        return f"{low:g}"
    return f"{low:.0f}–{high:.0f}" if low >= 10 else f"{low:g}–{high:g}"


def caption(true: pd.DataFrame) -> str:
    """Under the figure of `draw`."""
    cells, frames = len(true.drop_duplicates(["sample", "cell"])), true["frame"].nunique()
    return (
        f"Intersection over union of each of {count_of(cells, 'true cell')} of {count_of(frames, 'frame')} with the "
        "predicted cell that matches it best (0 where none does), mean of the seeds: left by the area of the cell "
        f"({SIZES} bins of as many cells), right by the gap to the next true cell. Bars: 95 % bootstrap interval over "
        f"frames, none with one frame; n: cells of the bin. Bins with fewer than {FEWEST} cells are left out."
    )
