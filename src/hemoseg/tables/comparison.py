"""The table of folders of masks: which columns it has, and its lines as they stand in a terminal."""

from collections.abc import Sequence

import pandas as pd

from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.markdown import number
from hemoseg.tables.table import AVERAGE

OF_PIXELS = {
    "dice": "Dice",
    "jaccard": "Jaccard",
    "precision": "Precision",
    "recall": "Recall",
    "boundary_f1": "Boundary F1",
    "nsd": "NSD",
    "hausdorff": "Hausdorff",
    "hausdorff_95": "Hausdorff 95",
}
OF_CLASSES = {"mean_iu": "mIoU", "fw_iou": "FWIoU"}
OF_PARTS = {"count_bias": "Count bias", "count_mae": "Count error"}
OF_CELLS = {
    "f1_50": "F1 of cells",
    "precision_50": "Precision of cells",
    "recall_50": "Recall of cells",
    "ap_50": "AP",
    "ap_50_95": "AP 50-95",
    "panoptic": "PQ",
    "panoptic_segmentation": "SQ",
    "panoptic_recognition": "RQ",
    "aji_plus": "AJI+",
    "seg": "SEG",
    "missed": "Missed",
    "spurious": "Spurious",
    "merged": "Merged",
    "split_cells": "Split",
    "incomplete": "Incomplete",
    "cell_bias": "Count bias",
    "cell_mae": "Count error",
}
OF_TYPES = {"class_f1_50": "F1 of class", "wrong_type": "Wrong type", "kappa": "Kappa"}
HEADERS = OF_PIXELS | OF_CLASSES | OF_PARTS | OF_CELLS | OF_TYPES
ARROWS = {"high": "↑", "low": "↓", "zero": "→ 0"}


def columns(several_classes: bool, with_cells: bool, chosen: Sequence[str] = ()) -> dict[str, str]:
    """Headers of the columns by id: those chosen, else what the folders tell: pixels, classes, cells, types."""
    if chosen:
        return {key: HEADERS.get(key, key.replace("_", " ")) for key in chosen}
    parts = [OF_PIXELS, OF_CLASSES if several_classes else {}, OF_CELLS if with_cells else OF_PARTS]
    parts.append(OF_TYPES if several_classes and with_cells else {})
    return {key: header for part in parts for key, header in part.items()}


def lead(shown: Sequence[str]) -> str:
    """Which of the columns who is better is said by: cells before pixels, else the first one that has a better side."""
    ranked = [key for key in shown if COLUMNS[key].better]
    return next((key for key in ("f1_50", "dice") if key in ranked), ranked[0] if ranked else "")


def in_terminal(table: pd.DataFrame, wide: int = 34) -> str:
    """The tidy table with columns down and rows across; of several classes their average, where there is one.

    Args:
        table: of `tables.table.tabulate`.
        wide: longest name of a row; a longer one loses its beginning.
    """
    several = table.groupby("column")["class"].transform("nunique") > 1
    lines = table[~several | (table["class"] == AVERAGE)]
    labels = list(dict.fromkeys(lines["label"]))
    heads = ["", *(label if len(label) <= wide else f"…{label[1 - wide :]}" for label in labels)]
    body = []
    for key, of_column in lines.groupby("column", sort=False):
        column, by_label = COLUMNS[key], of_column.set_index("label")["mean"]
        unit = f", {column.unit}" if column.unit else ""
        name = f"{of_column['header'].iloc[0]}{unit} {ARROWS.get(column.better, '')}".rstrip()
        body.append([name, *(number(by_label.get(label), float("nan"), column.digits) for label in labels)])
    widths = [max(len(line[i]) for line in (heads, *body)) for i in range(len(heads))]
    return "\n".join(_line(line, widths) for line in (heads, *body))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if not i else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()
