"""The failure that touching names: two markers in one cell, which a watershed then cuts in two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hemoseg.figures.case_panels import FOCUS, OTHER, PREDICTED, outline
from hemoseg.figures.cases import of_truth, window
from hemoseg.figures.panels import Shown
from hemoseg.figures.pictures import as_rgb, show
from hemoseg.figures.proposals import BOX, draw_boxes
from hemoseg.figures.style import figure, shortened
from hemoseg.figures.words import count_of

TITLES = {"markers": "marked twice", "guests": "cut in two"}  # by the fact of a true cell that is 2 or more
SIDE = 3.2  # of a picture, inches
LEAST = 40  # side of a window in pixels, so that neighbours show


@dataclass(frozen=True)
class Fault:
    """A true cell of a sample that a row marked twice or cut in two; ``kind`` is a key of `TITLES`."""

    kind: str
    model: str
    sample: str
    cell: int
    markers: int
    guests: int


def choose(cells: Mapping[str, pd.DataFrame]) -> list[Fault]:
    """The cell that holds most markers and the one that is cut into most parts; a kind that never occurs has none.

    Of equal ones that of the other fact, then the largest, then the first counts; the second is another cell than the
    first where there is one.

    Args:
        cells: facts of cells (``cells.csv``) of each row that starts a watershed from boxes, by key.
    """
    true = [of_truth(rows).reset_index().assign(model=key) for key, rows in cells.items()]
    if not true:
        return []
    known, found = pd.concat(true, ignore_index=True), []
    for kind, other in (("markers", "guests"), ("guests", "markers")):
        hit = known[known[kind] >= 2].sort_values([kind, other, "area"], ascending=False, kind="stable")
        ranked = [
            Fault(kind, str(row.model), str(row.sample), int(row.cell), int(row.markers), int(row.guests))
            for row in hit.itertuples()
        ]
        taken = {(fault.model, fault.sample, fault.cell) for fault in found}
        new = [one for one in ranked if (one.model, one.sample, one.cell) not in taken]
        found += (new or ranked)[:1]
    return found


def draw(faults: Sequence[Fault], shown: Mapping[str, Shown], labels: Mapping[str, str]) -> Figure:
    """A line per fault: raw | truth | predicted cells with the boxes, their centres and scores.

    Args:
        faults: of `choose`, at least one.
        shown: their samples with what the rows said of them, by id.
        labels: label of each row.
    """
    drawn = figure(3 * SIDE, len(faults) * (SIDE + 0.5) + 0.4)
    for line, fault in zip(drawn.subplots(len(faults), 3, squeeze=False), faults, strict=True):
        one = shown[fault.sample]
        mask = one.instances == fault.cell
        where = window(mask, LEAST)
        raw = as_rgb(one.image)[where]
        show(line[0], raw, f"{TITLES[fault.kind]} · {raw.shape[0]}\u00d7{raw.shape[1]} px")
        line[0].set_xlabel(shortened(f"{fault.sample}, cell {fault.cell}", 34), fontsize=8)
        show(line[1], raw, one.compared_with)
        outline(line[1], one.instances[where], OTHER, "-")
        outline(line[1], mask[where], FOCUS, "-")
        show(line[2], 0.75 * raw, shortened(labels[fault.model], 26))
        outline(line[2], mask[where], FOCUS, (0, (2, 1.2)))
        outline(line[2], one.pred_instances[fault.model][where], PREDICTED, "-")
        draw_boxes(line[2], one.boxes[fault.model], where, scores=True)
        holds = f"{count_of(fault.markers, 'marker')}; mostly in it {count_of(fault.guests, 'predicted cell')}"
        line[2].set_xlabel(holds, fontsize=8.5)
    kinds = {
        "the cell": (FOCUS, (0, (2, 1.2))),
        "other cells of the truth": ("#9aa3af", "-"),
        "predicted cells": (PREDICTED, "-"),
        "boxes, centres and scores": (BOX, "-"),
    }
    handles = [Line2D([], [], color=c, linestyle=way, linewidth=2, label=text) for text, (c, way) in kinds.items()]
    drawn.legend(handles=handles, loc="outside lower left", ncols=4, fontsize=8.5, handlelength=2.6)
    return drawn


CAPTION = (
    "Two markers in one cell, the failure that the paper names: of all test samples and rows whose watershed starts "
    "from boxes, first seed, the cell that holds most centres of boxes (marked twice) and the one that most predicted "
    "cells lie in with more than half of themselves (cut in two). Where two blue outlines meet inside the orange one, "
    "the watershed cut. n = 1 cell each; how many there are stands below. Sizes in pixels of the sample."
)


def sentences(cells: Mapping[str, pd.DataFrame], labels: Mapping[str, str], overlaps: Mapping[str, float]) -> list[str]:
    """How many cells hold no marker, one, or more, and how many are cut, by row; where none is, why.

    Args:
        cells: as for `choose`.
        labels: label of each row.
        overlaps: IoU above which the worse of two boxes was left out, by row.
    """
    return [f"{labels[key]}: {_said(of_truth(rows), overlaps[key])}" for key, rows in cells.items()]


def _said(true: pd.DataFrame, overlap: float) -> str:
    none, one, twice = (int(hit.sum()) for hit in (true["markers"] == 0, true["markers"] == 1, true["markers"] >= 2))
    cut, both = int((true["guests"] >= 2).sum()), int(((true["markers"] >= 2) & (true["guests"] >= 2)).sum())
    told = f"of {len(true)} true cells {one} hold one marker, {none} none, {twice} two or more; "
    told += f"{cut} are cut in two or more" + (f", {both} of them marked twice." if cut else ".")
    if not twice:
        told += (
            f" No cell is marked twice: of two boxes whose IoU is above {overlap:g} the worse one is left out, and no "
            "two that were left have their centres in one cell."
        )
    if twice and not cut:
        told += (
            " None of those marked twice is cut: one of its markers lies outside the predicted cells or beside the "
            "other, or what was cut off is too small to count or lies mostly elsewhere."
        )
    if not twice and not cut:
        told += " So none is cut either, since a watershed cuts between two markers."
    return told
