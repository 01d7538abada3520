"""The cases of `figures.cases` drawn: raw, truth and each network beside each other, with what it made of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hemoseg.figures.cases import TITLES, Case, focus, of_truth, said, window
from hemoseg.figures.panels import Shown
from hemoseg.figures.pictures import as_rgb, show
from hemoseg.figures.style import figure, shortened

FOCUS, OTHER, PREDICTED = "#f0a30a", "#ffffff", "#3fb6ff"  # told apart by the colour-blind; their lines differ too


def draw(
    cases: Sequence[Case],
    shown: Mapping[str, Shown],
    cells: Mapping[str, pd.DataFrame],
    labels: Mapping[str, str],
    names: Sequence[str],
) -> Figure:
    """A row per case: raw | truth | each network.

    Args:
        cases: of `cases.choose`.
        shown: their samples, by id.
        cells: facts of cells of each network, by key, in the order of the columns.
        labels: label of each network.
        names: of the classes, background first.
    """
    count = 2 + len(cells)
    side = 10.4 / max(count, 4)
    drawn = figure(side * count, len(cases) * (side + 0.5) + 0.4)
    grid = drawn.subplots(len(cases), count, squeeze=False)
    for line, case in zip(grid, cases, strict=True):
        one = shown[case.sample]
        mask = focus(case, one)
        where = window(mask)
        raw = as_rgb(one.image)[where]
        height, width = raw.shape[:2]
        show(line[0], raw, f"{TITLES[case.kind]} · {height}\u00d7{width} px")
        line[0].set_xlabel(shortened(case.sample, 30), fontsize=8)
        show(line[1], raw, one.compared_with)
        outline(line[1], one.instances[where], OTHER, "-")
        outline(line[1], mask[where], FOCUS, "-")
        for axes, (key, rows) in zip(line[2:], cells.items(), strict=True):
            show(axes, raw, shortened(labels[key], 22))
            outline(axes, mask[where], FOCUS, (0, (2, 1.2)))
            outline(axes, one.pred_instances[key][where], PREDICTED, "-")
            axes.set_xlabel(_lines(said(case, one, key, of_truth(rows), names)), fontsize=8.5)
    drawn.legend(handles=_handles(), loc="outside lower left", ncols=3, fontsize=8.5, handlelength=2.6)
    return drawn


def outline(axes: Axes, labels: np.ndarray, colour: str, line: object) -> None:
    """The outline of each cell of a label image (or of a mask) with a dark rim, so that it shows on any ground."""
    for cell in np.setdiff1d(np.unique(labels), (0,)):
        mask = np.pad(labels == cell, 1).astype(float)
        rows, columns = np.arange(-1, labels.shape[0] + 1), np.arange(-1, labels.shape[1] + 1)
        axes.contour(columns, rows, mask, levels=[0.5], colors="black", linewidths=2.8, alpha=0.5)
        axes.contour(columns, rows, mask, levels=[0.5], colors=colour, linewidths=1.5, linestyles=[line])


def _lines(words: str) -> str:
    """A line for each part of a sentence."""
    return "\n".join(shortened(part, 40) for part in words.split("; "))


def _handles() -> list[Line2D]:
    kinds = {
        "what the row is about": (FOCUS, (0, (2, 1.2))),
        "other cells of the truth": ("#9aa3af", "-"),
        "predicted cells": (PREDICTED, "-"),
    }
    return [Line2D([], [], color=c, linestyle=line, linewidth=2, label=text) for text, (c, line) in kinds.items()]
