"""Pictures of labels that a model finds wrong: each cell as it is, and with the outlines of label and model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hemoseg.figures.pictures import as_rgb, show
from hemoseg.figures.style import figure, shortened
from hemoseg.figures.trust import LABEL, MODEL, outlines
from hemoseg.metrics.label_errors import OF_FOUND

ACROSS = 4  # labels in a line, two pictures each


@dataclass(frozen=True)
class Doubtful:
    """One label as the page shows it, with its surroundings.

    Attributes:
        image: float ``(C, h, w)`` in [0, 1].
        label: labelled cells, int ``(h, w)``.
        found: cells of the model, int ``(h, w)``.
        cell: number of the cell that is meant, in ``found`` for the problems `OF_FOUND`, else in ``label``.
        aspect: height of a pixel by its width.
        facts: its row of the list.
    """

    image: np.ndarray
    label: np.ndarray
    found: np.ndarray
    cell: int
    aspect: float
    facts: Mapping[str, Any]


def cells(shown: Sequence[Doubtful]) -> Figure:
    """Labels in lines, each as the model saw it and once more with both outlines; the cell that is meant is thick."""
    lines = max(-(-len(shown) // ACROSS), 1)
    drawn = figure(10.4, lines * 1.75 + 0.35)
    grid = drawn.subplots(lines, 2 * ACROSS, squeeze=False).ravel()
    for axes in grid[2 * len(shown) :]:
        axes.set_visible(False)
    for number, one in enumerate(shown):
        _draw(grid[2 * number], grid[2 * number + 1], one)
    handles = [
        Line2D([], [], color=LABEL, linewidth=3, label="label that is meant"),
        Line2D([], [], color=LABEL, linewidth=1.2, linestyle=":", label="other labels"),
        Line2D([], [], color=MODEL, linewidth=1.4, label="model"),
    ]
    drawn.legend(handles=handles, loc="outside lower left", ncols=3, fontsize=9)
    return drawn


def _draw(plain: Axes, marked: Axes, one: Doubtful) -> None:
    picture, facts = as_rgb(one.image), one.facts
    for axes in (plain, marked):
        show(axes, picture)
        axes.set_aspect(one.aspect)
    own = one.facts["problem"] in OF_FOUND
    for cells_of, colour, mine in ((one.label, LABEL, not own), (one.found, MODEL, own)):
        meant = np.where(cells_of == one.cell, cells_of, 0) if mine else np.zeros_like(cells_of)
        rest = np.where(meant > 0, 0, cells_of)
        style = {"linewidths": 1.1, "linestyles": ":" if colour == LABEL else "-"}
        marked.add_collection(LineCollection(outlines(rest), colors=colour, **style))
        marked.add_collection(LineCollection(outlines(meant), colors=colour, linewidths=2.6 if not own else 1.8))
    place = f"{shortened(facts['frame'], 24)} ({facts['row']}, {facts['column']})"
    told = f"{facts['rank']:.0f}. {_change(facts)} · {facts['score']:.2f}\n{place}"
    plain.set_title(told, fontsize=8, fontweight="normal")  # over both pictures


def _change(facts: Mapping[str, Any]) -> str:
    """The label and what the model says instead."""
    label, suggested = (shortened(facts[side], 13) for side in ("label", "suggested"))
    return f"{label} → {suggested}" if facts["problem"] in ("wrong_class", "missed", "not_there") else label


def scores(table: pd.DataFrame, problems: Sequence[str]) -> Figure:
    """Score of every doubtful label by its rank within its problem."""
    drawn = figure(7.4, 3.4)
    axes = drawn.subplots()
    styles = {name: (colour, line) for name, colour, line in zip(problems, COLOURS, LINES, strict=False)}
    for problem in problems:
        own = table.loc[table["problem"] == problem, "score"].to_numpy()
        if len(own):
            colour, line = styles[problem]
            label = f"{problem.replace('_', ' ')} (n = {len(own)})"
            axes.plot(np.arange(1, len(own) + 1), own, line, color=colour, label=label, marker=".", markersize=5)
    axes.set(xlabel="labels of one problem, surest first (rank)", ylabel="score (0 to 1)", ylim=(0, 1.02))
    axes.legend(fontsize=9, loc="lower left")
    return drawn


COLOURS = ("#0b5fa5", "#e69f00", "#1d2430", "#009e73", "#cc79a7", "#56b4e9")  # Okabe and Ito's, and ink
LINES = ("-", "--", "-.", ":", "-", "--")
