"""Boxes around the cells that count as an error, as scd2020 draws them: red, yellow and blue (green for types)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from hemoseg.figures.style import plain
from hemoseg.metrics import cell_errors


@dataclass(frozen=True)
class Mark:
    """How one kind of error is boxed: its colour, its line, and whose cell it is on (gt or pred)."""

    colour: str
    line: Any
    side: str
    words: str


# By column of the table. The lines differ too, for those who do not tell the colours apart.
MARKS = {
    "merged": Mark("#ff4b3e", "-", "pred", "touching cells not separated"),
    "artefacts": Mark("#ffd23f", (0, (4, 2)), "pred", "noise taken for a cell"),
    "spurious": Mark("#ffd23f", (0, (4, 2)), "pred", "no cell there"),
    "incomplete": Mark("#4aa8ff", (0, (1, 1.2)), "gt", "cell incomplete or missed"),
    "missed": Mark("#4aa8ff", (0, (1, 1.2)), "gt", "cell missed"),
    "two_types": Mark("#5fd07a", (0, (5, 1.5, 1, 1.5)), "gt", "cell of two types"),
    "wrong_type": Mark("#e58be0", (0, (3, 1)), "gt", "cell of the wrong type"),
}
MARGIN = 2.5  # pixels between a cell and its box


def errors(cells: pd.DataFrame, columns: Sequence[str], thresholds: Mapping[str, Fraction]) -> pd.DataFrame:
    """The cells that the columns of a table count: sample, kind, cell, side.

    Args:
        cells: ``cells.csv`` of one run, or of one model.
        columns: ids of the table's columns; those that count no errors of cells are passed over.
        thresholds: found, artefact, incomplete, two_types.
    """
    counted = cells[cells["counted"].astype(bool)] if len(cells) else cells
    found = [pd.DataFrame(columns=["sample", "kind", "cell", "side"])]
    for kind in columns:
        if kind in MARKS and len(counted):
            rows = counted[counted["side"] == MARKS[kind].side]
            hit = rows[_is(kind, rows, thresholds)]
            found.append(hit[["sample", "cell", "side"]].assign(kind=kind))
    known = [table for table in found if len(table)] or found[:1]
    return pd.concat(known, ignore_index=True)


def _is(kind: str, rows: pd.DataFrame, thresholds: Mapping[str, Fraction]) -> np.ndarray:
    area = rows["area"].to_numpy(np.int64)
    if kind == "merged":
        return cell_errors.is_merging(rows["hosted"].to_numpy(np.int64))
    if kind in ("spurious", "artefacts"):
        on_truth, on_ignored = (rows[name].to_numpy(np.int64) for name in ("on_truth", "on_ignored"))
        return cell_errors.is_spurious(on_truth, area, on_ignored, thresholds["artefact"])
    covered = rows["covered"].to_numpy(np.int64)
    if kind == "incomplete":
        return cell_errors.below(covered, area, thresholds["incomplete"])
    missed = cell_errors.is_missed(covered, area, thresholds["found"])
    if kind == "missed":
        return missed
    as_class = rows[[name for name in rows if name.startswith("as_class_")]].to_numpy(np.int64)
    two = cell_errors.is_of_two_types(as_class, area, thresholds["two_types"]) & ~missed
    if kind == "two_types":
        return two
    return (cell_errors.majority(as_class) != rows["class"].to_numpy()) & ~missed & ~two


def draw(axes: Axes, marks: pd.DataFrame, gt: np.ndarray | None, pred: np.ndarray | None) -> None:
    """Boxes around the marked cells of one sample, on a picture of the sample.

    Args:
        axes: shows the sample, a pixel a unit.
        marks: of `errors`, one sample's.
        gt: true cells ``(H, W)``.
        pred: predicted cells ``(H, W)``.
    """
    for cell, side, kind in zip(marks["cell"], marks["side"], marks["kind"], strict=True):
        labels = gt if side == "gt" else pred
        if labels is None or not (labels == cell).any():
            continue
        rows, columns = np.nonzero(labels == cell)
        grown = MARGIN + 1.5 * (side == "pred")  # boxes of both sides around one cell stay apart
        corner = (columns.min() - grown, rows.min() - grown)
        size = (np.ptp(columns) + 2 * grown, np.ptp(rows) + 2 * grown)
        mark = MARKS[kind]
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor="black", linewidth=2.6, alpha=0.55))
        box = {"fill": False, "edgecolor": mark.colour, "linestyle": mark.line, "linewidth": 1.5}
        axes.add_patch(Rectangle(corner, *size, **box))


def handles(headers: Mapping[str, str]) -> list[Line2D]:
    """Entries of a legend for the kinds of a table, by column id and header."""
    return [
        Line2D([], [], color=MARKS[kind].colour, linestyle=MARKS[kind].line, linewidth=2,
               label=plain(f"{header}: {MARKS[kind].words}"))
        for kind, header in headers.items()
        if kind in MARKS
    ]  # fmt: skip
