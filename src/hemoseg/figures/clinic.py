"""Pictures of the clinic page: shares of classes, densities, and how area and shape are spread, per patient."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import gaussian_kde

from hemoseg.figures.clinic_tables import SHAPE_NAMES, name_of, unit
from hemoseg.figures.clinic_words import MOST
from hemoseg.figures.style import INK, SOFT, figure, shortened
from hemoseg.metrics.counting import EVERY, SHAPES, Counted

OURS, TRUE = "#2b6cb0", "#e69f00"
LEAST_FOR_CURVE = 8  # cells below which only dots are drawn


def shares(table: pd.DataFrame, classes: Sequence[str], colours: Sequence[str]) -> Figure:
    """A panel per class: the share in each patient with its interval, and the true share.

    Args:
        table: of `tables.clinic.patient_table`.
        classes: names of the classes, the background left out.
        colours: of the classes by id, the background's first.
    """
    lines = table[table["measure"] == "share"]
    names = _names(lines)
    columns = min(len(classes), 4)
    drawn = figure(10.4, (0.34 * len(names) + 1.0) * -(-len(classes) // columns) + 0.4)
    grid = drawn.subplots(-(-len(classes) // columns), columns, squeeze=False, sharey=True).ravel()
    for axes, name, colour in zip(grid, classes, colours[1:], strict=False):
        part = lines[lines["class"] == name].head(len(names))
        _intervals(axes, part.assign(**{c: 100 * part[c] for c in ("value", "low", "high", "truth")}), colour)
        axes.set_title(shortened(name, 24))
        axes.set_xlabel("% of the cells")
        axes.set_xlim(left=0)
    for axes in grid[len(classes) :]:
        axes.set_visible(False)
    grid[0].set_yticks(range(len(names)), names)
    grid[0].invert_yaxis()
    _legend(drawn, lines["truth"].notna().any())
    return drawn


def _names(lines: pd.DataFrame) -> list[str]:
    """What stands along the vertical axis, with n."""
    first = lines.drop_duplicates(["group", "frame"]).head(MOST)
    return [f"{shortened(name_of(row), 22)} (n = {row['n']:.0f})" for row in first.to_dict("records")]


def _intervals(axes: Axes, part: pd.DataFrame, colour: str) -> None:
    places = np.arange(len(part))
    axes.hlines(places, part["low"], part["high"], color=colour, linewidth=4, alpha=0.45)
    axes.plot(part["value"], places, "o", color=colour, markersize=6, markeredgecolor=INK, markeredgewidth=0.6)
    axes.plot(part["truth"], places, "D", color="none", markeredgecolor=INK, markersize=7, markeredgewidth=1.1)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)


def _legend(drawn: Figure, truth: bool) -> None:
    handles = [Line2D([], [], marker="o", color=SOFT, linewidth=4, alpha=0.7, label="model, with interval")]
    if truth:
        handles.append(Line2D([], [], marker="D", linestyle="", color="none", markeredgecolor=INK, label="truth"))
    drawn.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9)


def densities(frames: pd.DataFrame, patients: pd.DataFrame) -> Figure:
    """The density of every frame as a dot, of every patient with its interval, and the true ones.

    Args:
        frames: of `tables.clinic.frame_table`.
        patients: of `tables.clinic.patient_table`.
    """
    rows = patients[(patients["measure"] == "density") & (patients["class"] == EVERY)].head(MOST)
    dots = frames[(frames["measure"] == "density") & (frames["class"] == EVERY)]
    drawn = figure(10.4, 0.4 * len(rows) + 1.5)
    axes = drawn.subplots()
    _intervals(axes, rows, OURS)
    for place, row in enumerate(rows.to_dict("records")):
        of = dots if row["group"] == EVERY else dots[dots["group"] == row["group"]]
        shift = place + np.linspace(-0.24, 0.24, len(of))
        axes.plot(of["value"], shift, ".", color=SOFT, markersize=4, alpha=0.7, zorder=1)
    axes.set_yticks(range(len(rows)), _names(rows))
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel(unit(rows["unit"].iloc[0]))
    _legend(drawn, rows["truth"].notna().any())
    return drawn


def distributions(found: Counted) -> Figure:
    """How area, perimeter, eccentricity and form factor of whole cells are spread in each patient, found and true."""
    cells = found.cells[found.cells["whole"].astype(bool)]
    groups = list(dict.fromkeys(found.frames["group"]))[:MOST]
    drawn = figure(10.4, 2 * (0.52 * len(groups) + 0.9) + 0.4)
    grid = drawn.subplots(2, 2, sharey=True).ravel()
    units = {"area": unit(f"{found.length}2"), "perimeter": unit(found.length)}
    for axes, measure in zip(grid, SHAPES, strict=True):
        most = cells[measure].quantile(0.995) if len(cells) else 1
        for place, group in enumerate(groups):
            of = cells[cells["group"] == group]
            for side, colour, up in (("pred", OURS, -1), ("gt", TRUE, 1)):
                _spread(axes, of.loc[of["side"] == side, measure].to_numpy(), place, colour, up)
        axes.set_xlabel(" in ".join(filter(None, [SHAPE_NAMES[measure], units.get(measure)])))
        axes.set_xlim(0, 1.05 * max(most, 1e-9))
        axes.grid(axis="x")
    labels = [f"{shortened(group or 'all frames', 20)} (n = {_found(cells, group)})" for group in groups]
    for axes in grid[::2]:
        axes.set_yticks(range(len(groups)), labels)
    grid[0].set_ylim(len(groups) - 0.4, -0.6)
    sides = [("model", OURS), ("truth", TRUE)] if found.has_truth else [("model", OURS)]
    handles = [Line2D([], [], color=colour, linewidth=6, alpha=0.6, label=name) for name, colour in sides]
    drawn.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9)
    return drawn


def _found(cells: pd.DataFrame, group: str) -> int:
    return int(((cells["group"] == group) & (cells["side"] == "pred")).sum())


def _spread(axes: Axes, values: np.ndarray, place: int, colour: str, up: int) -> None:
    """Half a violin above or below a line, its median, and dots where there are few cells."""
    if len(values) >= LEAST_FOR_CURVE and np.ptp(values) > 0:
        at = np.linspace(values.min(), values.max(), 120)
        height = gaussian_kde(values)(at)
        axes.fill_between(at, place, place + up * 0.42 * height / height.max(), color=colour, alpha=0.55, linewidth=0)
    else:
        axes.plot(values, np.full(len(values), place + up * 0.15), ".", color=colour, markersize=5)
    if len(values):
        axes.plot([np.median(values)] * 2, [place, place + up * 0.42], color=INK, linewidth=1.4)
