"""What each part of the automatic labels does to an image, as autocsc shows it: threshold, contours, morphology."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from hemoseg.figures.pictures import as_rgb, outlines, show
from hemoseg.figures.style import figure, plain, shortened
from hemoseg.figures.words import count_of
from hemoseg.labels.autolabel import Stages, contours_of, stages
from hemoseg.labels.autolabel_kinds import DEFAULTS, checked, of_kind
from hemoseg.labels.components import connected_components

MOST = 24  # images of a kind among which one is chosen
SIDE = 128  # pixels of a picture at most
# Cells next to each other differ in brightness too; Okabe and Ito's colours without black.
CELLS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
DROPPED = "#d55e00"

THRESHOLDS = (
    "Adaptive threshold without and with the Gaussian filter (3x3, sigma 0.8), a row per kind: of the first {most} "
    "test images of the kind the one that the filter changes most, n = 1 each. A window below 1 is a part of the "
    "smaller side, else pixels. White: taken for cell, with the number of connected parts."
)
CONTOURS = (
    "From contours to labels, a row per kind: of the first {most} test images of the kind the one with the most "
    "outermost contours that are too small, n = 1 each. Contours on the smoothed grey image, those that are dropped in "
    "orange; filled cells and true cells in arbitrary colours."
)
ADHESION = (
    "Cells that stick together before and after morphology (erosion, then dilation, 3x3), a row per kind: of the first "
    "{most} test images of the kind the one in which most true cells are parted, of equal ones that in which most "
    "stick together, n = 1 each, with the number of cells that are seen. Colours are arbitrary; a piece keeps that of its cell, a further one has its own."
)


@dataclass(frozen=True)
class Seen:
    """One image of a kind with its true cells int ``(H, W)``, None where they are not known."""

    name: str
    kind: str
    image: np.ndarray
    cells: np.ndarray | None = None

    def by(self, settings: Mapping[str, Any]) -> Stages:
        """What the settings of a row make of it."""
        return stages(self.image, of_kind(checked(settings), self.kind))


def pairs(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Mapping, Mapping]]:
    """By title, the settings of two rows that differ in the Gaussian filter alone, none of them with morphology.

    Args:
        rows: settings of each row, by key.
    """
    complete = [{**DEFAULTS, **own} for own in rows.values()]
    known = [own for own in complete if not own["morphology"] and not own["search"]]
    both = [(own, {**own, "gaussian": True}) for own in known if not own["gaussian"]]
    return {f"window {pair[0]['window']:g}": pair for pair in both if pair[1] in known}


def row_with(rows: Mapping[str, Mapping[str, Any]], *parts: str) -> str | None:
    """Key of the first row with these parts of the chain (``gaussian``, ``morphology``) that is not searched."""
    known = {key: {**DEFAULTS, **own} for key, own in rows.items()}
    return next((key for key, own in known.items() if all(own[p] for p in parts) and not own["search"]), None)


def thresholds(seen: Sequence[Seen], pairs: Mapping[str, tuple[Mapping, Mapping]]) -> Figure:
    """Per kind the image that the Gaussian filter changes most: raw, and per pair the threshold without and with it.

    Args:
        seen: images to choose from, of one or more kinds.
        pairs: by title, the settings without and with the filter; the first pair chooses the image.
    """
    first = next(iter(pairs.values()))
    chosen = [max(group, key=lambda one: _changed(one, first)) for group in by_kind(seen)]
    drawn, grid = _grid(len(chosen), 1 + 2 * len(pairs))
    for row, one in zip(grid, chosen, strict=True):
        part = middle(one.image.shape[1:])
        show(row[0], as_rgb(one.image)[part], _name(one))
        sides = [(title, way, own) for title, pair in pairs.items() for way, own in zip(("no", "+"), pair, strict=True)]
        for axes, (title, way, own) in zip(row[1:], sides, strict=True):
            mask = one.by(own).mask[part]
            show(axes, _grey(mask > 0), f"{plain(title)}, {way} Gaussian\n{_parts(mask)}")
    return drawn


def contours(seen: Sequence[Seen], settings: Mapping[str, Any]) -> Figure:
    """Per kind the image with the most contours that are too small: threshold, contours, filled mask, truth."""
    chosen = [max(group, key=lambda one: _small(one, settings)) for group in by_kind(seen)]
    drawn, grid = _grid(len(chosen), 5)
    for row, one in zip(grid, chosen, strict=True):
        part, made = middle(one.image.shape[1:]), one.by(settings)
        everything, _ = contours_of(made.mask, True)
        show(row[0], as_rgb(one.image)[part], _name(one))
        show(row[1], _grey(made.mask[part] > 0), f"threshold\n{_parts(made.mask[part])}")
        show(row[2], _drawn_contours(made, everything)[part], "outermost contours\nsmall ones in orange")
        show(row[3], coloured(made.filled[part]), f"filled\n{count_of(_number(made.filled[part]), 'cell')}")
        _truth(row[4], one, part)
    return drawn


def adhesion(seen: Sequence[Seen], settings: Mapping[str, Any]) -> Figure:
    """Per kind the image in which morphology parts the most cells: raw, before it, after it, truth."""
    chosen = [max(group, key=lambda one: _stuck_and_parted(one, settings)) for group in by_kind(seen)]
    drawn, grid = _grid(len(chosen), 4)
    for row, one in zip(grid, chosen, strict=True):
        made = one.by(settings)
        part = middle(one.image.shape[1:], _worst(made, one.cells))
        before, after = made.filled[part], like(made.filled, made.labels)[part]
        show(row[0], as_rgb(one.image)[part], _name(one))
        show(row[1], coloured(before), f"before\n{count_of(_number(before), 'cell')}")
        show(row[2], coloured(after), f"after\n{count_of(_number(after), 'cell')}")
        _truth(row[3], one, part)
    return drawn


def adhesion_sentence(seen: Sequence[Seen], settings: Mapping[str, Any]) -> str:
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


def by_kind(seen: Sequence[Seen]) -> list[list[Seen]]:
    """The first `MOST` images of each kind, kinds in their order."""
    kinds = dict.fromkeys(one.kind for one in seen)
    return [[one for one in seen if one.kind == kind][:MOST] for kind in kinds]


def middle(size: tuple[int, int], at: tuple[int, int] | None = None) -> tuple[slice, slice]:
    """Rows and columns of a square of at most `SIDE` pixels about a place, the middle of the image if none is given."""
    at = at or (size[0] // 2, size[1] // 2)
    sides = [min(SIDE, length) for length in size]
    starts = [
        min(max(place - side // 2, 0), length - side) for place, side, length in zip(at, sides, size, strict=True)
    ]
    return tuple(slice(start, start + side) for start, side in zip(starts, sides, strict=True))


def coloured(labels: np.ndarray) -> np.ndarray:
    """Cells ``(H, W)`` in colours by number on dark ground, black where two meet, ``(H, W, 3)``."""
    picture = np.full((*labels.shape, 3), to_rgb("#14181f"), np.float32)
    for number, colour in enumerate(CELLS):
        picture[(labels > 0) & (labels % len(CELLS) == number)] = to_rgb(colour)
    picture[outlines(labels)] *= 0.45
    return picture


def _changed(one: Seen, pair: tuple[Mapping, Mapping]) -> int:
    without, with_filter = (one.by(own).mask > 0 for own in pair)
    return int((without != with_filter).sum())


def _small(one: Seen, settings: Mapping[str, Any]) -> int:
    made = one.by(settings)
    return _number(contours_of(made.mask, True)[0]) - _number(made.filled)


def _stuck_and_parted(one: Seen, settings: Mapping[str, Any]) -> tuple[int, int]:
    """True cells that morphology parts from others, and those that were stuck to another one before it.

    Where no truth is known: how many more cells there are after it, and 0.
    """
    made = one.by(settings)
    if one.cells is None:
        return _number(made.labels) - _number(made.filled), 0
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


def _drawn_contours(made: Stages, everything: np.ndarray) -> np.ndarray:
    """The grey image with the contours that are kept in white, those that are too small in orange."""
    picture = np.repeat(0.75 * made.grey[..., None] / 255, 3, axis=2)
    rim = outlines(everything)
    picture[rim & (made.filled > 0)] = 1
    picture[rim & (made.filled == 0)] = to_rgb(DROPPED)
    return picture


def _truth(axes: Axes, one: Seen, part: tuple[slice, slice]) -> None:
    if one.cells is None:
        axes.set_visible(False)
        return
    show(axes, coloured(one.cells[part]), f"truth\n{count_of(_number(one.cells[part]), 'cell')}")


def _grid(rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    side = 10.4 / columns
    drawn = figure(10.4, rows * (side + 0.45))
    return drawn, drawn.subplots(rows, columns, squeeze=False)


def _grey(mask: np.ndarray) -> np.ndarray:
    return np.repeat(mask[..., None].astype(np.float32), 3, axis=2)


def _parts(mask: np.ndarray) -> str:
    return count_of(int(connected_components(mask > 0).max(initial=0)), "part")


def _number(labels: np.ndarray) -> int:
    return len(np.setdiff1d(labels, 0))


def _name(one: Seen) -> str:
    return f"{shortened(one.kind, 20)}\n{shortened(one.name, 20)}" if one.kind else shortened(one.name, 20)
