"""Confusion matrices: which true class was taken for which, as counts and as shares of the true class."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hemoseg.figures.style import INK, figure, shortened

UNITS = {"pixel": "pixels", "cell": "cells"}


def matrices(confusion: pd.DataFrame, unit: str, labels: Mapping[str, str]) -> Figure:
    """A matrix per model: true classes down, predicted ones across.

    Args:
        confusion: ``<experiment>.confusion.csv``.
        unit: ``pixel`` or ``cell``.
        labels: label of each model, in order.
    """
    lines = _without_empty(confusion[confusion["unit"] == unit])
    models = [key for key in labels if key in set(lines["row"])]
    columns = min(len(models), 2)
    rows = -(-len(models) // columns)
    high, wide = lines["true"].nunique(), lines["predicted"].nunique()
    drawn = figure(10.4 if columns > 1 else 6.0, rows * (0.5 * high + 1.25))
    grid = drawn.subplots(rows, columns, squeeze=False).ravel()
    image = None
    for axes, key in zip(grid, models, strict=False):
        image = _matrix(axes, lines[lines["row"] == key], wide)
        axes.set_title(shortened(labels[key], 30))
        axes.set(ylabel=f"true ({UNITS[unit]})", xlabel=f"predicted ({UNITS[unit]})")
    for axes in grid[len(models) :]:
        axes.set_visible(False)
    if image is not None:
        drawn.colorbar(image, ax=list(grid[: len(models)]), label="share of the true class", fraction=0.03, pad=0.01)
    return drawn


def _without_empty(lines: pd.DataFrame) -> pd.DataFrame:
    """Without the lines and columns in brackets that count nothing in any model."""
    for side in ("true", "predicted"):
        counted = lines.groupby(side)["count"].transform("sum") > 0
        lines = lines[counted | ~lines[side].str.startswith("(")]
    return lines


def _matrix(axes: Axes, lines: pd.DataFrame, wide: int):
    true, predicted = (list(dict.fromkeys(lines[side])) for side in ("true", "predicted"))
    shares, counts = (
        lines.pivot(index="true", columns="predicted", values=value).reindex(index=true, columns=predicted)
        for value in ("share", "count")
    )
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row in range(len(true)):
        for column in range(len(predicted)):
            share, count = shares.iat[row, column], counts.iat[row, column]
            look = {"fontsize": 8 if wide < 7 else 7, "color": "white" if share > 0.55 else INK}
            text = _number(count) if pd.isna(share) else f"{_number(count)}\n{share:.1%}"
            axes.text(column, row, text, linespacing=1.1, ha="center", va="center", **look)
    axes.set_xticks(range(len(predicted)), [shortened(name, 12) for name in predicted], fontsize=8.5)
    axes.set_yticks(range(len(true)), [shortened(name, 14) for name in true], fontsize=8.5)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return image


def _number(count: float) -> str:
    """``12``, ``3.5`` (the mean of seeds), ``12.3k``, ``4.56M``."""
    if pd.isna(count):
        return "–"
    if count < 10_000:
        return f"{count:.0f}" if count == round(count) or count >= 100 else f"{count:.1f}"
    return f"{count / 1e3:.1f}k" if count < 1e6 else f"{count / 1e6:.2f}M"
