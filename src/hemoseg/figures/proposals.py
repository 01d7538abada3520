"""All variants beside the truth: their cells and the boxes that a network proposed, with scores."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from hemoseg.figures.choices import between_cells
from hemoseg.figures.panels import Shown
from hemoseg.figures.pictures import as_rgb, frame_crop, outlines, show
from hemoseg.figures.style import figure, plain, shortened

COLUMNS = 4
TRUE, FOUND, BOX = "#ffffff", "#3fb6ff", "#f0a30a"  # told apart by the colour-blind; boxes are boxes besides
DENSE_SHARE = 0.3  # side of the dense region, as a share of the shorter side of the sample


def dense_region(instances: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the square that holds most pixels within 3 px of two cells; of equal ones the first.

    Args:
        instances: true cells int ``(H, W)``.
    """
    side = max(1, min(*instances.shape, max(48, round(DENSE_SHARE * min(instances.shape)))))
    sums = np.pad(between_cells(instances).astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(row), int(row) + side), slice(int(column), int(column) + side)


def whole(one: Shown, labels: Mapping[str, str], region: tuple[slice, slice]) -> Figure:
    """Image, truth and every variant with its cells and boxes; the dense region is framed."""
    everything = (slice(0, one.gt.shape[0]), slice(0, one.gt.shape[1]))
    drawn = _grid(one, labels, everything, scores=False)
    frame_crop(drawn.axes[0], *region)
    return drawn


def zoomed(one: Shown, labels: Mapping[str, str], region: tuple[slice, slice]) -> Figure:
    """The region alone, with the score of each box."""
    return _grid(one, labels, region, scores=True)


def caption(one: Shown, score: float, overlap: float) -> str:
    """What is drawn, for both figures."""
    boxes = ", ".join(f"{len(boxes)}" for boxes in one.boxes.values())
    return (
        f"Test sample {one.name}: white, the truth; blue, predicted cells; orange boxes with a dot at the centre, what "
        f"the network proposed with a score of {score:g} or more, of two whose IoU is above {overlap:g} "
        f"the better one ({boxes} boxes). A watershed begins at the dots. n = 1 sample, the first seed."
    )


def _grid(one: Shown, labels: Mapping[str, str], where: tuple[slice, slice], *, scores: bool) -> Figure:
    count = 2 + len(labels)
    lines = -(-count // COLUMNS)
    height, width = (part.stop - part.start for part in where)
    side = 10.4 / COLUMNS
    drawn = figure(10.4, lines * (side * height / width + 0.3) + 0.35)
    grid = drawn.subplots(lines, COLUMNS, squeeze=False).ravel()
    raw = as_rgb(one.image)[where]
    show(grid[0], raw, "raw")
    show(grid[1], _outlined(raw, one.instances[where], TRUE), one.compared_with)
    for axes, (key, label) in zip(grid[2:], labels.items(), strict=False):
        show(axes, _outlined(raw, one.pred_instances[key][where], FOUND), shortened(label, 24))
        if key in one.boxes:
            draw_boxes(axes, one.boxes[key], where, scores=scores)
    for axes in grid[count:]:
        axes.set_visible(False)
    names = {"true cells": TRUE, "predicted cells": FOUND, "proposed boxes and their centres": BOX}
    handles = [
        Line2D([], [], color=c if c != TRUE else "#9aa3af", linewidth=2, label=name) for name, c in names.items()
    ]
    drawn.legend(handles=handles, loc="outside lower left", ncols=3, fontsize=8.5)
    return drawn


def _outlined(picture: np.ndarray, cells: np.ndarray, colour: str) -> np.ndarray:
    """A dimmed picture ``(H, W, 3)`` with the inner outlines of cells."""
    drawn = 0.75 * picture
    drawn[outlines(cells)] = tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return drawn


def draw_boxes(axes: Axes, boxes: np.ndarray, where: tuple[slice, slice], *, scores: bool) -> None:
    """Boxes whose centre lies in the region, in its pixels."""
    top, left = where[0].start, where[1].start
    for x0, y0, x1, y1, score in boxes:
        row, column = (y0 + y1) / 2 - 0.5, (x0 + x1) / 2 - 0.5  # boxes end behind their last pixel
        if not (where[0].start <= row < where[0].stop and where[1].start <= column < where[1].stop):
            continue
        corner = (x0 - 0.5 - left, y0 - 0.5 - top)
        box = Rectangle(corner, x1 - x0, y1 - y0, fill=False, edgecolor=BOX, linewidth=1.1 if scores else 0.7)
        axes.add_patch(box)
        axes.plot(column - left, row - top, ".", color=BOX, markersize=5 if scores else 2.5)
        if scores:
            text = plain(f"{score:.2f}")
            axes.text(column - left, row - top, text, color="white", fontsize=7, ha="center", va="bottom", clip_on=True)
