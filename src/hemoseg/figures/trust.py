"""Pictures of the trust page: frames with the outlines of automatic label and model, and agreement of every frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.ndimage import find_objects

from hemoseg.data.placement import agreeing
from hemoseg.figures.pictures import as_rgb, show
from hemoseg.figures.style import INK, SOFT, figure, shortened

LABEL, MODEL = "#e69f00", "#0b5fa5"  # told apart by the colour-blind; the widths of their lines differ, too
FIRST = "#c0293f"  # dots of the frames to correct first, diamonds besides
ACROSS = 3  # frames in a line


@dataclass(frozen=True)
class Disputed:
    """One frame as the page shows it.

    Attributes:
        name: of the frame.
        image: float ``(C, H, W)`` in [0, 1].
        label: cells of the automatic label, int ``(H, W)``.
        found: cells of the model, int ``(H, W)``.
        facts: its row of the table.
    """

    name: str
    image: np.ndarray
    label: np.ndarray
    found: np.ndarray
    facts: Mapping[str, float]


def frames(shown: Sequence[Disputed], across: int = ACROSS) -> Figure:
    """Frames with the outlines of both, and the cells without a partner tinted in the colour of their side."""
    lines = max(-(-len(shown) // across), 1)
    side = 10.4 / across
    shape = np.mean([one.label.shape[0] / one.label.shape[1] for one in shown]) if shown else 1
    drawn = figure(10.4, lines * (side * min(max(shape, 0.2), 1.6) + 0.5) + 0.4)
    grid = drawn.subplots(lines, across, squeeze=False).ravel()
    for axes, one in zip(grid, shown, strict=False):
        _draw(axes, one)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    handles = [
        Line2D([], [], color=LABEL, linewidth=3.2, label="automatic label"),
        Line2D([], [], color=MODEL, linewidth=1.4, label="model"),
        Patch(facecolor=to_rgba(LABEL, 0.5), edgecolor=INK, hatch="....", linewidth=0, label="only in the label"),
        Patch(facecolor=to_rgba(MODEL, 0.5), edgecolor="white", hatch="////", linewidth=0, label="only by the model"),
    ]
    drawn.legend(handles=handles, loc="outside lower left", ncols=4, fontsize=9)
    return drawn


def _draw(axes: Axes, one: Disputed) -> None:
    facts = one.facts
    show(axes, as_rgb(one.image))
    pairs = np.array(agreeing(one.label, one.found)).reshape(-1, 2)
    _tint(axes, one.label, pairs[:, 0], LABEL, "....", INK)
    _tint(axes, one.found, pairs[:, 1], MODEL, "////", "white")
    axes.add_collection(LineCollection(outlines(one.label), colors=LABEL, linewidths=2.4))
    axes.add_collection(LineCollection(outlines(one.found), colors=MODEL, linewidths=0.9))
    counts = f"{facts['cells']:.0f} cells, label {facts['label_cells']:.0f}"
    told = f"{counts} · disputed {100 * facts['disputed']:.0f} % · Dice {facts['dice']:.3f}"
    axes.set_title(f"{facts['rank']:.0f}. {shortened(one.name, 34)}\n{told}", fontsize=8.5, fontweight="normal")


def _tint(axes: Axes, cells: np.ndarray, shared: np.ndarray, colour: str, hatch: str, edge: str) -> None:
    """Tint and hatch the cells that are not shared."""
    alone = (cells > 0) & ~np.isin(cells, shared)
    if not alone.any():
        return
    tinted = np.zeros((*cells.shape, 4), np.float32)
    tinted[alone] = to_rgba(colour, 0.45)
    axes.imshow(tinted, interpolation="nearest")
    if min(cells.shape) > 1:
        axes.contourf(alone, levels=[0.5, 1.5], colors="none", hatches=[hatch]).set(edgecolor=edge, linewidth=0)


def outlines(cells: np.ndarray) -> list[np.ndarray]:
    """Closed outlines of every cell, float ``(n, 2)`` each: column and row of its outermost pixels."""
    found = []
    for number, part in enumerate(find_objects(cells), start=1):
        if part is None:
            continue
        own = (cells[part] == number).astype(np.uint8)
        contours, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            line = contour[:, 0] + np.array([part[1].start, part[0].start], float)
            found.append(np.concatenate([line, line[:1]]))
    return found


def every_frame(table: pd.DataFrame, first: int) -> Figure:
    """Two plots of all frames: cells by the model against cells of the label; Dice against the disputed share."""
    drawn = figure(10.4, 4.0)
    left, right = drawn.subplots(1, 2)
    most = max(table[["cells", "label_cells"]].max().max(), 1)
    left.plot([0, most], [0, most], color=SOFT, linewidth=1, linestyle="--", zorder=1)
    _dots(left, table["label_cells"], table["cells"], first)
    left.set(xlabel="cells of the automatic label, per frame", ylabel="cells by the model, per frame")
    _dots(right, 100 * table["disputed"], table["dice"], first)
    right.set(xlabel="disputed cells, % of both sides' cells", ylabel="Dice of label and model")
    for axes in (left, right):
        axes.grid(axis="both")
    _legend(drawn, min(first, len(table)))
    return drawn


def against_truth(held: pd.DataFrame, first: int) -> Figure:
    """Share of wrong cells of every frame against that of disputed ones (`tables.trust.held_against_truth`)."""
    drawn = figure(6.4, 4.0)
    axes = drawn.subplots()
    _dots(axes, 100 * held["disputed"], 100 * held["wrong_share"], first)
    axes.set(xlabel="disputed cells, % of both sides' cells", ylabel="wrong cells, 100 % − F1")
    axes.grid(axis="both")
    _legend(drawn, first)
    return drawn


def _legend(drawn: Figure, first: int) -> None:
    marked = {"marker": "D", "linestyle": "", "markerfacecolor": FIRST, "markeredgecolor": "white"}
    others = {"marker": "o", "linestyle": "", "markerfacecolor": MODEL, "markeredgecolor": "white"}
    handles = [
        Line2D([], [], **marked, label=f"the first {first} to correct"),
        Line2D([], [], **others, label="the other frames"),
    ]
    drawn.legend(handles=handles, loc="outside lower left", ncols=2, fontsize=9)


def _dots(axes: Axes, across: pd.Series, up: pd.Series, first: int) -> None:
    edge = {"edgecolors": "white", "linewidths": 0.6}
    axes.scatter(across[first:], up[first:], s=34, color=MODEL, **edge, zorder=2)
    axes.scatter(across[:first], up[:first], s=44, color=FIRST, marker="D", **edge, zorder=3)
