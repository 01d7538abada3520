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

MOST = 60  # images of a kind among which one is chosen
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
    drawn, grid = grid_of(len(chosen), 1 + 2 * len(pairs))
    for row, one in zip(grid, chosen, strict=True):
        part = middle(one.image.shape[1:])
        show(row[0], as_rgb(one.image)[part], name_of(one))
        sides = [(title, way, own) for title, pair in pairs.items() for way, own in zip(("no", "+"), pair, strict=True)]
        for axes, (title, way, own) in zip(row[1:], sides, strict=True):
            mask = one.by(own).mask[part]
            show(axes, _grey(mask > 0), f"{plain(title)}, {way} Gaussian\n{_parts(mask)}")
    return drawn


def contours(seen: Sequence[Seen], settings: Mapping[str, Any]) -> Figure:
    """Per kind the image with the most contours that are too small: threshold, contours, filled mask, truth."""
    chosen = [max(group, key=lambda one: _small(one, settings)) for group in by_kind(seen)]
    drawn, grid = grid_of(len(chosen), 5)
    for row, one in zip(grid, chosen, strict=True):
        part, made = middle(one.image.shape[1:]), one.by(settings)
        everything, _ = contours_of(made.mask, True)
        show(row[0], as_rgb(one.image)[part], name_of(one))
        show(row[1], _grey(made.mask[part] > 0), f"threshold\n{_parts(made.mask[part])}")
        show(row[2], _drawn_contours(made, everything)[part], "outermost contours\nsmall ones in orange")
        show(row[3], coloured(made.filled[part]), f"filled\n{count_of(number_of(made.filled[part]), 'cell')}")
        draw_truth(row[4], one, part)
    return drawn


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
    return number_of(contours_of(made.mask, True)[0]) - number_of(made.filled)


def _drawn_contours(made: Stages, everything: np.ndarray) -> np.ndarray:
    """The grey image with the contours that are kept in white, those that are too small in orange."""
    picture = np.repeat(0.75 * made.grey[..., None] / 255, 3, axis=2)
    rim = outlines(everything)
    picture[rim & (made.filled > 0)] = 1
    picture[rim & (made.filled == 0)] = to_rgb(DROPPED)
    return picture


def draw_truth(axes: Axes, one: Seen, part: tuple[slice, slice]) -> None:
    """The true cells of a part of an image, nothing where they are not known."""
    if one.cells is None:
        axes.set_visible(False)
        return
    show(axes, coloured(one.cells[part]), f"truth\n{count_of(number_of(one.cells[part]), 'cell')}")


def grid_of(rows: int, columns: int) -> tuple[Figure, np.ndarray]:
    """A figure of square pictures with room for two lines above each, and its axes ``(rows, columns)``."""
    side = 10.4 / columns
    drawn = figure(10.4, rows * (side + 0.45))
    return drawn, drawn.subplots(rows, columns, squeeze=False)


def _grey(mask: np.ndarray) -> np.ndarray:
    return np.repeat(mask[..., None].astype(np.float32), 3, axis=2)


def _parts(mask: np.ndarray) -> str:
    return count_of(int(connected_components(mask > 0).max(initial=0)), "part")


def number_of(labels: np.ndarray) -> int:
    """How many cells are seen."""
    return len(np.setdiff1d(labels, 0))


def name_of(one: Seen) -> str:
    """Kind and id of an image, as a title."""
    return f"{shortened(one.kind, 20)}\n{shortened(one.name, 20)}" if one.kind else shortened(one.name, 20)
