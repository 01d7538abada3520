"""Cells that stick together in automatic labels, and what morphology makes of them, as autocsc shows it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hemoseg.figures.autolabel_chain import (
    CELLS,
    Seen,
    by_kind,
    coloured,
    draw_truth,
    grid_of,
    middle,
    name_of,
    number_of,
)
from hemoseg.figures.pictures import as_rgb, show
from hemoseg.figures.words import count_of
from hemoseg.labels.autolabel import Stages

CAPTION = (
    "Cells that stick together before and after morphology (erosion, then dilation, 3x3), a row per kind: of the first "
    "{most} test images of the kind the one in which most true cells are parted, of equal ones that in which most "
    "stick together, n = 1 each, with the number of cells that are seen. Colours are arbitrary; a piece keeps that of "
    "its cell, a further one has its own."
)


def draw(seen: Sequence[Seen], settings: Mapping[str, Any]) -> Figure:
    """Per kind the image in which morphology parts the most cells: raw, before it, after it, truth."""
    chosen = [max(group, key=lambda one: _stuck_and_parted(one, settings)) for group in by_kind(seen)]
    drawn, grid = grid_of(len(chosen), 4)
    for row, one in zip(grid, chosen, strict=True):
        made = one.by(settings)
        part = middle(one.image.shape[1:], _worst(made, one.cells))
        before, after = made.filled[part], like(made.filled, made.labels)[part]
        show(row[0], as_rgb(one.image)[part], name_of(one))
        show(row[1], coloured(before), f"before\n{count_of(number_of(before), 'cell')}")
        show(row[2], coloured(after), f"after\n{count_of(number_of(after), 'cell')}")
        draw_truth(row[3], one, part)
    return drawn


def sentence(seen: Sequence[Seen], settings: Mapping[str, Any]) -> str:
    """How many true cells stick to another one before morphology, and how many of them it parts, by kind."""
    told = []
    for group in by_kind([one for one in seen if one.cells is not None]):
        both = [_stuck_and_parted(one, settings) for one in group]
        parted, stuck = (sum(column) for column in zip(*both, strict=True))
        kind = f"{group[0].kind}: " if group[0].kind else ""
        told.append(f"{kind}{parted} of {stuck} in {count_of(len(group), 'image')}")
    return f"True cells that stick to another one in a label and are parted: {'; '.join(told)}." if told else ""


def like(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Pieces of cells with the cells' own numbers, so that they look alike; further pieces of a cell get new ones.

    Args:
        before: cells int ``(H, W)``.
        after: pieces of them, each within one cell.
    """
    numbers = np.zeros(int(after.max(initial=0)) + 1, np.int32)
    taken, last = set(), int(before.max(initial=0))
    for piece in np.setdiff1d(after, 0):
        cell = int(before[after == piece].max())
        if cell in taken:
            last += 1 + (cell + 3 - last - 1) % len(CELLS)  # the next number of another colour
        numbers[piece] = last if cell in taken else cell
        taken.add(cell)
    return numbers[after]


def _stuck_and_parted(one: Seen, settings: Mapping[str, Any]) -> tuple[int, int]:
    """True cells that morphology parts from others, and those that were stuck to another one before it.

    Where no truth is known: how many more cells there are after it, and 0.
    """
    made = one.by(settings)
    if one.cells is None:
        return number_of(made.labels) - number_of(made.filled), 0
    before, after = (sum(len(cells) - 1 for cells in held(labels, one.cells).values()) for labels in made[2:])
    return before - after, before


def held(labels: np.ndarray, cells: np.ndarray) -> dict[int, list[int]]:
    """True cells with more than half their area in a label, by label; labels without any are left out."""
    found: dict[int, list[int]] = {}
    for cell in np.setdiff1d(cells, 0):
        counts = np.bincount(labels[cells == cell])
        label = int(counts.argmax())
        if label and 2 * counts[label] > counts.sum():
            found.setdefault(label, []).append(int(cell))
    return found


def _worst(made: Stages, cells: np.ndarray | None) -> tuple[int, int] | None:
    """Middle of the label before morphology that holds most true cells, of equal ones that which is parted most."""
    inside = held(made.filled, cells) if cells is not None else {}
    if not inside:
        return None
    pieces = {label: len(np.setdiff1d(made.labels[made.filled == label], 0)) for label in inside}
    rows, columns = np.nonzero(made.filled == max(inside, key=lambda label: (len(inside[label]), pieces[label])))
    return int(rows.mean()), int(columns.mean())
