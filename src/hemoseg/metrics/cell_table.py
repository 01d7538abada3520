"""A row per cell: where it is, what it is, how large, of which form and how bright.

A pixel's centre has whole coordinates, the first one's are (0, 0); lengths and areas take a pixel as the square that it
is. Numbers in micrometres are there where the pixel size is known, and then for every cell.
"""

from collections.abc import Sequence

import numpy as np

from hemoseg.labels.pixel_runs import PixelRuns, pixel_runs, sums_over
from hemoseg.metrics.shapes import form_factor, hull_areas, moments, perimeters

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601, as in OpenCV and Pillow
PLACE = ("image", "group")  # what the caller knows of a cell's image and puts before its columns
CELL = (
    "id", "class", "class_name", "probability", "row", "column", "area_px", "perimeter_px", "major_axis_px",
    "minor_axis_px", "eccentricity", "solidity", "form_factor", "mean_intensity", "touches_border",
)  # fmt: skip
MICROMETRES = ("row_um", "column_um", "area_um2", "perimeter_um", "major_axis_um", "minor_axis_um")


def columns(channels: int, in_micrometres: bool) -> tuple[str, ...]:
    """Columns of a table of cells, in their order.

    Args:
        channels: of the images; one has no ``mean_intensity_<channel>``, which would say the same again.
        in_micrometres: whether pixel sizes are known.
    """
    single = tuple(f"mean_intensity_{channel}" for channel in range(channels)) if channels > 1 else ()
    after = CELL.index("mean_intensity") + 1
    return PLACE + CELL[:after] + single + CELL[after:] + (MICROMETRES if in_micrometres else ())


def measure_cells(
    instances: np.ndarray,
    classes: np.ndarray,
    image: np.ndarray,
    *,
    class_names: Sequence[str],
    probability: np.ndarray | None = None,
    pixel_size: float | None = None,
    offset: tuple[int, int] = (0, 0),
    frame_size: tuple[int, int] | None = None,
) -> dict[str, np.ndarray]:
    """What a row says of each cell: arrays ``(n,)`` by the names of `columns` without `PLACE`, in the order of ids.

    Args:
        instances: a number per cell ``(H, W)``, 0 background; numbers may be left out.
        classes: class map ``(H, W)``, 0..255.
        image: ``(C, H, W)``; whole numbers are divided by the largest of their type, floats lie in [0, 1].
        class_names: by value, the background's first; a value beyond them has the empty name.
        probability: of each class, ``(K, H, W)`` in [0, 1], or uint8 in 255ths; without it the column is NaN.
        pixel_size: side of a pixel in micrometres, where it is known.
        offset: row and column of the arrays' first pixel in the frame that they are part of.
        frame_size: of that frame; the arrays' own unless given.

    Returns:
        A cell's ``class`` is the one that most of its pixels have, the lowest of several; ``probability`` is the mean
        of that class's over its pixels; ``solidity`` is the area over that of the hull (`hull_areas`);
        ``mean_intensity`` that of the luminance, of channels that are not three the mean; all else is of
        `hemoseg.metrics.shapes.moments` and `perimeters`.

    Raises:
        ValueError: arrays differ in size.
    """
    arrays = {"classes": classes, "image": image, "probability": probability}
    for name, array in arrays.items():
        if array is not None and array.shape[-2:] != instances.shape:
            raise ValueError(f"{name} has {array.shape[-2:]} pixels, instances {instances.shape}")
    runs, ids = _without_gaps(pixel_runs(instances, classes))
    kind = _majority(runs, sums_over(runs, classes) // runs.length, len(ids))
    names = np.array([*class_names, ""], object)
    found = {"id": ids, "class": kind, "class_name": names[np.minimum(kind, len(class_names))]}
    found["probability"] = _probability_of(kind, runs, probability)
    found |= _form(runs, _numbered(instances, ids))
    found |= _intensities(runs, image, len(ids))
    found["touches_border"] = _at_border(runs, len(ids), offset, frame_size or instances.shape)
    found["row"], found["column"] = found["row"] + offset[0], found["column"] + offset[1]
    if pixel_size is not None:
        found |= _in_micrometres(found, pixel_size)
    return {name: found[name] for name in columns(len(image), pixel_size is not None) if name not in PLACE}


def _without_gaps(runs: PixelRuns) -> tuple[PixelRuns, np.ndarray]:
    """The runs with cells renumbered 1..n in the order of their ids, and the ids."""
    ids, where = np.unique(runs.label, return_inverse=True)
    return runs._replace(label=where + 1), ids


def _numbered(instances: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Instances renumbered 1..n; themselves where they are."""
    if not len(ids) or ids[-1] == len(ids):
        return instances
    if ids[-1] > 4 * instances.size:  # a table over all numbers would be longer than the image
        where = np.searchsorted(ids, instances)
        return np.where(instances > 0, where + 1, 0).astype(np.int32)
    table = np.zeros(int(ids[-1]) + 1, np.int32)
    table[ids] = np.arange(1, len(ids) + 1)
    return table[instances]


def _majority(runs: PixelRuns, kind: np.ndarray, count: int) -> np.ndarray:
    """The class of each cell, of runs that have one class each."""
    width = int(kind.max(initial=0)) + 1
    votes = np.bincount((runs.label - 1) * width + kind, runs.length, count * width)
    return votes.reshape(count, width).argmax(axis=1) if count else np.zeros(0, np.int64)


def _probability_of(kind: np.ndarray, runs: PixelRuns, probability: np.ndarray | None) -> np.ndarray:
    found = np.full(len(kind), np.nan)
    if probability is None:
        return found
    area = np.bincount(runs.label - 1, runs.length, len(kind))
    for value in np.unique(kind[kind < len(probability)]):
        of_class = kind == value
        ours = PixelRuns(*(part[of_class[runs.label - 1]] for part in runs))
        sums = np.bincount(ours.label - 1, sums_over(ours, probability[value]), len(kind))
        found[of_class] = sums[of_class] / area[of_class]
    return found / _white(probability)


def _white(values: np.ndarray) -> float:
    return float(np.iinfo(values.dtype).max) if values.dtype.kind in "ui" else 1.0


def _form(runs: PixelRuns, numbered: np.ndarray) -> dict[str, np.ndarray]:
    shape = moments(runs)
    around = perimeters(numbered)
    return {
        "row": shape["row"],
        "column": shape["column"],
        "area_px": shape["area"].astype(np.int64),
        "perimeter_px": around,
        "major_axis_px": shape["major_axis"],
        "minor_axis_px": shape["minor_axis"],
        "eccentricity": shape["eccentricity"],
        "solidity": shape["area"] / hull_areas(runs),
        "form_factor": form_factor(shape["area"], around),
    }


def _intensities(runs: PixelRuns, image: np.ndarray, count: int) -> dict[str, np.ndarray]:
    area = np.bincount(runs.label - 1, runs.length, count) * _white(image)
    means = [np.bincount(runs.label - 1, sums_over(runs, channel), count) / area for channel in image]
    weights = LUMINANCE if len(means) == 3 else [1 / len(means)] * len(means)
    found = {"mean_intensity": sum(weight * mean for weight, mean in zip(weights, means, strict=True))}
    return found | {f"mean_intensity_{channel}": mean for channel, mean in enumerate(means)}


def _at_border(runs: PixelRuns, count: int, offset: tuple[int, int], frame: tuple[int, int]) -> np.ndarray:
    """Whether a cell has a pixel in the frame's first or last row or column, bool ``(n,)``."""
    row, start, stop = runs.row + offset[0], runs.start + offset[1], runs.stop + offset[1]
    touching = (row == 0) | (row == frame[0] - 1) | (start == 0) | (stop == frame[1])
    return np.bincount(runs.label[touching] - 1, minlength=count) > 0


def _in_micrometres(found: dict[str, np.ndarray], pixel_size: float) -> dict[str, np.ndarray]:
    lengths = {"row_um": "row", "column_um": "column"}
    lengths |= {f"{name}_um": f"{name}_px" for name in ("perimeter", "major_axis", "minor_axis")}
    return {name: found[px] * pixel_size for name, px in lengths.items()} | {
        "area_um2": found["area_px"] * pixel_size**2
    }
