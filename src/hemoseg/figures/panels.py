"""Pictures of samples: raw, truth and every model side by side; the worst ones; a contact sheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hemoseg.data.samples import IGNORE
from hemoseg.figures import cell_marks
from hemoseg.figures.choices import crop
from hemoseg.figures.pictures import (
    as_colours,
    as_rgb,
    draw_agreement,
    frame_crop,
    hatch_classes,
    outline_classes,
    outlines,
    show,
)
from hemoseg.figures.style import AGREEMENT, INK, PALETTE, class_colour, class_hatch, figure, plain, shortened

WORDS = {"spurious": "only predicted (false +)", "missed": "only in the truth (false −)"}


@dataclass(frozen=True)
class Shown:
    """One sample as a page shows it.

    Attributes:
        name: its id.
        image: float ``(C, H, W)`` in [0, 1].
        gt: true class map ``(H, W)``.
        predictions: class map of each model, by key.
        note: why it is shown, or what is known of it.
        instances: true cells ``(H, W)``, None where they are not known.
        pred_instances: predicted cells of each model, by key.
        marks: cells to box of each model, by key (`cell_marks.errors`).
        dice: of each model, by key.
        compared_with: what ``gt`` is called.
        colours: of the classes, by id.
        boxes: proposals ``(n, 5)`` of each model that makes some, by key.
    """

    name: str
    image: np.ndarray
    gt: np.ndarray
    predictions: Mapping[str, np.ndarray] = field(default_factory=dict)
    note: str = ""
    instances: np.ndarray | None = None
    pred_instances: Mapping[str, np.ndarray] = field(default_factory=dict)
    marks: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    dice: Mapping[str, float] = field(default_factory=dict)
    compared_with: str = "truth"
    colours: Sequence[str] = PALETTE
    boxes: Mapping[str, np.ndarray] = field(default_factory=dict)


def panel(
    one: Shown,
    labels: Mapping[str, str],
    class_names: Sequence[str],
    headers: Mapping[str, str],
    focus: Sequence[str] = (),
) -> Figure:
    """Raw | truth | each model; below, the crop where they differ most, with what was found, made up and missed.

    Args:
        one: the sample.
        labels: label of each model shown, in order.
        class_names: background first.
        headers: headers of the table's columns, for the boxes.
        focus: models whose errors choose the crop; all that are shown if none is named.
    """
    count = 2 + len(labels)
    height, width = one.gt.shape
    side = 10.4 / count
    upper = min(max(height / width, 0.2), 1.6) * side
    drawn = figure(10.4, upper + side + 0.95)
    grid = drawn.subplots(2, count, squeeze=False, height_ratios=(upper, side))
    where = crop(one.gt, [one.predictions[key] for key in focus or labels], one.instances)
    several = len(class_names) > 2
    _whole(grid[0], one, labels, several)
    for axes in grid[0]:
        frame_crop(axes, *where)
    _zoomed(grid[1], one, labels, where, one.colours if several else None)
    drawn.suptitle(f"{shortened(one.name, 60)} · {plain(one.note)}", fontsize=10, x=0.005, ha="left", color=INK)
    marked = {kind: headers[kind] for kind in headers if any(kind in set(m["kind"]) for m in one.marks.values())}
    _legend(drawn, class_names, one, cell_marks.handles(marked))
    return drawn


def _whole(row: Sequence[Axes], one: Shown, labels: Mapping[str, str], several: bool) -> None:
    show(row[0], as_rgb(one.image), "raw")
    show(row[1], as_colours(one.gt, one.colours), one.compared_with)
    for axes, (key, label) in zip(row[2:], labels.items(), strict=True):
        between, most = ("\n", 14) if len(labels) > 5 else (" · ", 16)  # beside so many others there is no room
        score = f"{between}{one.dice[key]:.3f}" if key in one.dice else ""
        show(axes, as_colours(one.predictions[key], one.colours), f"{shortened(label, most)}{score}")
        if key in one.marks:
            cell_marks.draw(axes, one.marks[key], one.instances, one.pred_instances.get(key))
    if several:
        for axes, classes in zip(row[1:], (one.gt, *(one.predictions[key] for key in labels)), strict=True):
            hatch_classes(axes, classes)


def _zoomed(row: Sequence[Axes], one: Shown, labels: Mapping[str, str], where: tuple, colours: Sequence | None) -> None:
    image, gt = one.image[(slice(None), *where)], one.gt[where]
    show(row[0], as_rgb(image))
    row[0].set_ylabel("zoomed", fontsize=9)
    show(row[1], as_rgb(image))
    outline_classes(row[1], gt, one.colours)
    for axes, key in zip(row[2:], labels, strict=True):
        draw_agreement(axes, image, gt, one.predictions[key][where], colours=colours)


def _legend(drawn: Figure, class_names: Sequence[str], one: Shown, boxes: list) -> None:
    present = sorted({int(v) for m in (one.gt, *one.predictions.values()) for v in np.unique(m)} - {0, IGNORE})
    several = len(class_names) > 2
    handles = _class_handles(present, class_names, one.colours, several)
    hatches = {"spurious": "////", "missed": "...."} | ({"wrong class": "xxxx"} if several else {})
    line = "lines: outlines of the classes" if several else "white line: outline of the prediction"
    handles += [Patch(facecolor="none", edgecolor="#9aa3af", label=line)]
    handles += [
        Patch(facecolor=AGREEMENT[name], edgecolor="white" if name == "missed" else "#3a2a00", hatch=hatch, linewidth=0,
              label=WORDS.get(name, name))
        for name, hatch in hatches.items()
    ]  # fmt: skip
    drawn.legend(handles=[*handles, *boxes], loc="outside lower left", ncols=4, fontsize=8.5, handlelength=2.2)


def _class_handles(present: Sequence[int], class_names: Sequence[str], colours: Sequence[str], hatched: bool) -> list:
    handles = []
    for v in present:
        look = {"facecolor": class_colour(v, colours), "edgecolor": "black", "linewidth": 0}
        hatch = class_hatch(v) if hatched else ""
        handles.append(Patch(**look, hatch=hatch, label=shortened(class_names[v], 22)))
    return handles


def worst_cases(rows: Mapping[str, Sequence[Shown]], labels: Mapping[str, str]) -> Figure:
    """The worst samples of each model, a row per model, with what was found, made up and missed."""
    columns = max((len(row) for row in rows.values()), default=1)
    side = 10.4 / max(columns, 4)
    drawn = figure(10.4, len(rows) * (side + 0.32))
    grid = drawn.subplots(len(rows), max(columns, 4), squeeze=False)
    for line, (key, row) in zip(grid, rows.items(), strict=True):
        for axes in line:
            axes.set_axis_off()
        for axes, one in zip(line, row, strict=False):
            axes.set_axis_on()
            draw_agreement(axes, one.image, one.gt, one.predictions[key])
            axes.set_title(f"{one.dice[key]:.3f}  {shortened(one.name, 24)}", fontsize=8.5, fontweight="normal")
        line[0].set_ylabel(shortened(labels[key], 20), fontsize=10, fontweight="bold")
    return drawn


def contact_sheet(shown: Sequence[Shown], class_names: Sequence[str], columns: int = 4) -> Figure:
    """Samples with the outlines of their truth in the colours of the classes."""
    columns = min(columns, max(len(shown), 1))
    lines = -(-len(shown) // columns)
    side = 10.4 / columns
    shape = np.mean([one.gt.shape[0] / one.gt.shape[1] for one in shown]) if shown else 1
    drawn = figure(10.4, lines * (side * min(max(shape, 0.2), 1.6) + 0.28) + 0.35)
    grid = drawn.subplots(max(lines, 1), columns, squeeze=False).ravel()
    for axes, one in zip(grid, shown, strict=False):
        show(axes, outlined(one))
        axes.set_title(f"{shortened(one.name, 16)}{shortened(one.note, 24)}", fontsize=8.5, fontweight="normal")
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    present = sorted({int(v) for one in shown for v in np.unique(one.gt)} - {0, IGNORE})
    handles = _class_handles(present, class_names, shown[0].colours, False) if shown else []
    if handles:
        drawn.legend(handles=handles, loc="outside lower left", ncols=6, fontsize=9)
    return drawn


def outlined(one: Shown) -> np.ndarray:
    """The image ``(H, W, 3)`` with the outlines of its true cells (of classes where cells are not told apart)."""
    picture = as_rgb(one.image).copy()
    cells = one.instances if one.instances is not None else np.where(one.gt == IGNORE, 0, one.gt)
    edge = outlines(cells)
    picture[edge] = as_colours(one.gt, one.colours)[edge]
    return picture
