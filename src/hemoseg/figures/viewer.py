"""What the page of the viewer holds of an image: its picture, its cells as labels, and what is known of each cell.

A label image goes into the page as its numbers, each line with the line above taken away (exclusive or), deflated and
in base64. The page draws outlines from it, finds the cell under the pointer in it, and compares two of them; so what is
drawn is what was written, down to the pixel, and a thousand cells cost some 100 KB.
"""

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from hemoseg.data.resize import resize_image, resize_labels
from hemoseg.figures.pictures import as_rgb

# Okabe and Ito's colours in an order in which also the first few lie far apart, whoever looks: the closest two of seven
# are 11 apart (CIEDE2000) in normal, protan, deutan and tritan sight; of `style.CLASS_COLOURS`, first the papers', 0.2.
CLASS_COLOURS = ("#d55e00", "#56b4e9", "#f0e442", "#009e73", "#cc79a7", "#0072b2", "#e69f00")
QUALITY = 90  # of a JPEG, colours at full resolution; what was measured was measured on the image itself
SMALL = 256 * 256  # pixels up to which a picture is PNG, which keeps each of them as it is
ROWS = 256  # of a label image, looked through at a time
DIGITS = 5  # of a number in the list of cells


@dataclass(frozen=True)
class Layer:
    """One opinion on an image.

    Attributes:
        name: what the page calls it.
        role: ``truth`` or ``prediction``.
        instances: cells, int ``(H, W)``, 0 background.
        classes: class map, uint8 ``(H, W)``, 255 ignored.
        columns: what is known of each cell, a value per cell in the order of their ids.
        boxes: what a detector proposed, float ``(n, 5)``; None: the page boxes the cells themselves.
    """

    name: str
    role: str
    instances: np.ndarray
    classes: np.ndarray
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    boxes: np.ndarray | None = None


@dataclass(frozen=True)
class Shown:
    """An image as the viewer shows it.

    Attributes:
        name: unique; what the page calls it.
        size: rows and columns of the image.
        image: uint8 or uint16 ``(C, H, W)``; None where it cannot be had.
        white: value of ``image`` that means 1.
        layers: truth and predictions, on the image's grid.
        facts: what the page says of the image, by heading: text.
        pixel_size: micrometres per pixel, NaN where it is not known.
    """

    name: str
    size: tuple[int, int]
    image: np.ndarray | None
    white: float
    layers: Sequence[Layer]
    facts: Mapping[str, str] = field(default_factory=dict)
    pixel_size: float = float("nan")


def colours(class_names: Sequence[str], chosen: Mapping[str, str] | None = None) -> list[str]:
    """A colour per class, background first: the chosen one of its name, else that of its id."""
    own = [CLASS_COLOURS[(number - 1) % len(CLASS_COLOURS)] for number in range(1, len(class_names))]
    given = [(chosen or {}).get(name, colour) for name, colour in zip(class_names[1:], own, strict=True)]
    return ["#000000", *given]


def record(shown: Shown, most_side: int) -> dict[str, Any]:
    """An image as the page's script reads it, JSON of plain values.

    Args:
        shown: the image.
        most_side: a longer image is drawn on a coarser grid, its cells too: each pixel as the one under its centre.
    """
    grid = grid_of(shown.size, most_side)
    return {
        "name": shown.name,
        "size": list(shown.size),
        "grid": list(grid),
        "pixel_size": number(shown.pixel_size),
        "facts": {str(key): str(value) for key, value in shown.facts.items()},
        "picture": None if shown.image is None else picture(shown.image, shown.white, grid),
        "layers": [_layer(one, grid) for one in shown.layers],
    }


def grid_of(size: tuple[int, int], most_side: int) -> tuple[int, int]:
    """Rows and columns that an image is drawn with: its own, or with ``most_side`` pixels along the longer side."""
    shrink = min(1.0, most_side / max(size))
    return max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))


def picture(image: np.ndarray, white: float, grid: tuple[int, int]) -> str:
    """An image ``(C, H, W)`` as the address of a PNG or JPEG that holds it, stretched as on the other pages."""
    small = np.clip(resize_image(image, grid).astype(np.float32) / np.float32(white), 0, 1)
    seen = np.rint(as_rgb(small) * 255).astype(np.uint8)
    form, settings = "png", []
    if grid[0] * grid[1] > SMALL:
        full = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        form, settings = "jpeg", [cv2.IMWRITE_JPEG_QUALITY, QUALITY, *full]
    _, encoded = cv2.imencode(f".{form}", np.ascontiguousarray(seen[..., ::-1]), settings)
    return f"data:image/{form};base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def _layer(layer: Layer, grid: tuple[int, int]) -> dict[str, Any]:
    ids = ids_in(layer.instances)
    for name, values in layer.columns.items():
        if len(values) != len(ids):
            raise ValueError(f"{layer.name}: {len(values)} values of {name} for {len(ids)} cells")
    bits = 16 if len(ids) < 2**16 else 32
    rows, columns = layer.instances.shape
    shrink = np.array([grid[1] / columns, grid[0] / rows] * 2)
    boxes = None if layer.boxes is None else [
        [*np.round(np.asarray(box[:4]) * shrink, 1).tolist(), number(box[4])] for box in layer.boxes
    ]  # fmt: skip
    return {
        "name": layer.name,
        "role": layer.role,
        "bits": bits,
        "instances": deflated(numbered(resize_labels(layer.instances, grid), ids).astype(f"<u{bits // 8}")),
        "classes": deflated(resize_labels(layer.classes, grid).astype(np.uint8)),
        "ids": [int(one) for one in ids],
        "columns": {name: [plain(value) for value in values] for name, values in layer.columns.items()},
        "boxes": boxes,
    }


def ids_in(labels: np.ndarray) -> np.ndarray:
    """Numbers of the cells of a label image ``(H, W)``, rising; few rows at a time, since a slide has many."""
    top = int(labels.max(initial=0))
    if top > 16 * labels.size:  # a few huge numbers: a table over all of them would not fit
        found = np.unique(labels)
        return found[found > 0]
    present = np.zeros(top + 1, bool)
    for row in range(0, len(labels), ROWS):
        present[labels[row : row + ROWS]] = True
    return np.flatnonzero(present[1:]) + 1


def numbered(labels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Labels with 1..n in place of the rising ``ids``."""
    return np.where(labels > 0, np.searchsorted(ids, labels) + 1, 0)


def deflated(labels: np.ndarray) -> str:
    """Unsigned labels ``(H, W)`` in base64: each line xor the one above, all deflated (zlib)."""
    differing = labels.copy()
    differing[1:] ^= labels[:-1]
    return base64.b64encode(zlib.compress(differing.tobytes(), 9)).decode("ascii")


def plain(value: Any) -> Any:
    """A value of a table as JSON has it: a whole number, a rounded one, text, true or false, or null for NaN."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    return number(value) if isinstance(value, (float, np.floating)) else str(value)


def number(value: float) -> float | int | None:
    """A number with as many digits as the list shows; None where it is not finite."""
    if not np.isfinite(value):
        return None
    rounded = float(f"{value:.{DIGITS}g}")
    return int(rounded) if rounded.is_integer() else rounded
