"""Arrays as pictures: what a frame, a class map and an agreement look like in three colours."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from hemoseg.data.samples import IGNORE
from hemoseg.figures.style import AGREEMENT, PALETTE, class_colour, class_hatch, class_line

STRETCH_BELOW = 0.35  # a frame that uses less of its range than this is stretched for display


def as_rgb(image: np.ndarray) -> np.ndarray:
    """An image float ``(C, H, W)`` in [0, 1] as ``(H, W, 3)``: grey below three channels, else the first three.

    Where nearly all pixels lie in a small part of the range, that part is stretched to all of it.
    """
    shown = np.repeat(image[:1], 3, axis=0) if len(image) < 3 else image[:3]
    shown = np.nan_to_num(np.moveaxis(shown, 0, -1).astype(np.float32))
    least, most = np.percentile(shown, (0.1, 99.9))
    if 0 < most - least < STRETCH_BELOW:
        shown = (shown - least) / (most - least)
    return np.clip(shown, 0, 1)


def as_colours(classes: np.ndarray, colours: Sequence[str] = PALETTE) -> np.ndarray:
    """A class map ``(H, W)`` as ``(H, W, 3)`` in the colours of the classes by id; ignored pixels are grey."""
    picture = np.full((*classes.shape, 3), to_rgb("#8a8f99"), np.float32)
    for value in np.unique(classes):
        if value != IGNORE:
            picture[classes == value] = to_rgb(class_colour(int(value), colours))
    return picture


def agreement(gt: np.ndarray, pred: np.ndarray) -> dict[str, np.ndarray]:
    """Where truth and prediction agree on a cell and where not, bool ``(H, W)`` by name; ignored pixels are nowhere."""
    valid = gt != IGNORE
    there, said = (gt > 0) & valid, (pred > 0) & valid
    return {
        "found": there & said,
        "spurious": said & ~there,
        "missed": there & ~said,
        "wrong class": there & said & (gt != pred),
    }


def outlines(labels: np.ndarray) -> np.ndarray:
    """Pixels of cells that have a neighbour (right, left, above, below) of another value, bool ``(H, W)``."""
    padded = np.pad(labels, 1, mode="edge")
    middle = padded[1:-1, 1:-1]
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return (middle > 0) & np.any([side != middle for side in sides], axis=0)


def show(axes: Axes, picture: np.ndarray, title: str = "") -> None:
    """A picture without ticks, pixels sharp where they are few."""
    smooth = "nearest" if max(picture.shape[:2]) <= 96 else "antialiased"
    axes.imshow(picture, interpolation=smooth, vmin=0, vmax=1)
    axes.set(xticks=[], yticks=[])
    axes.autoscale(False)  # a box at the border makes no room for itself
    axes.grid(False)
    axes.spines[:].set_visible(False)
    if title:
        axes.set_title(title, fontsize=9.5)


def hatch_classes(axes: Axes, classes: np.ndarray) -> None:
    """Hatches over a class map ``(H, W)``, a different one for each class."""
    for value in np.unique(classes[(classes > 0) & (classes != IGNORE)]):
        hatch = class_hatch(int(value))
        if hatch and min(classes.shape) > 1:
            filled = axes.contourf(classes == value, levels=[0.5, 1.5], colors="none", hatches=[hatch])
            filled.set(edgecolor="black", linewidth=0)


def outline_classes(axes: Axes, classes: np.ndarray, colours: Sequence[str] = PALETTE) -> None:
    """Outlines of the classes of a map ``(H, W)``, each in its colour and with its line."""
    if min(classes.shape) < 2:
        return
    for value in np.unique(classes[(classes > 0) & (classes != IGNORE)]):
        edge = {"levels": [0.5], "linestyles": [class_line(int(value))]}
        axes.contour(classes == value, levels=[0.5], colors="black", linewidths=2.4, alpha=0.45)
        axes.contour(classes == value, colors=class_colour(int(value), colours), linewidths=1.5, **edge)


def draw_agreement(
    axes: Axes,
    image: np.ndarray,
    gt: np.ndarray,
    pred: np.ndarray,
    title: str = "",
    colours: Sequence[str] | None = None,
) -> None:
    """The image with what was found outlined in white, made up hatched orange, missed dotted blue.

    Pixels of a cell that got another class are crossed in purple. With ``colours``, by class id, the outline is that of
    the predicted classes.
    """
    show(axes, as_rgb(image), title)
    parts = agreement(gt, pred)
    hatches = {"spurious": "////", "missed": "....", "wrong class": "xxxx"}
    for name, hatch in hatches.items():
        if parts[name].any():
            tinted = np.zeros((*gt.shape, 4), np.float32)
            tinted[parts[name]] = (*to_rgb(AGREEMENT[name]), 0.62)
            axes.imshow(tinted, interpolation="nearest")
            if min(gt.shape) > 1:
                filled = axes.contourf(parts[name], levels=[0.5, 1.5], colors="none", hatches=[hatch])
                filled.set(edgecolor="white" if name == "missed" else "#3a2a00", linewidth=0)
    if colours is not None:
        outline_classes(axes, pred, colours)
    elif parts["found"].any() and min(gt.shape) > 1:
        axes.contour(pred > 0, levels=[0.5], colors="black", linewidths=1.6, alpha=0.55)
        axes.contour(pred > 0, levels=[0.5], colors=AGREEMENT["found"], linewidths=0.9)


def frame_crop(axes: Axes, rows: slice, columns: slice) -> None:
    """The place of a crop, as a dashed frame."""
    corner, size = (columns.start - 0.5, rows.start - 0.5), (columns.stop - columns.start, rows.stop - rows.start)
    for colour, style, width in (("black", "-", 2.2), ("white", (0, (3, 2)), 1.2)):
        axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=colour, linestyle=style, linewidth=width))
