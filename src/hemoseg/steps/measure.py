"""Measure every cell that a model found in the test samples, and every true one: geometry, type and place in its frame.

Writes three files, each whole:

* ``cells.csv``: a row per cell, ``side`` pred or gt: sample (that its centroid lies in), frame, group, class (majority
  of its pixels, ties to the lowest id) and its name, geometry in pixels of the frame (`metrics.shapes`), and

  - ``border``: ``no``, ``upper_left`` or ``lower_right``, the sides of the field that cut it, the latter before the
    former (`metrics.shapes.cut_sides`);
  - ``ignored``: whether more than half of it lies on ground that neither trains nor counts;
  - ``hosted``: true cells that have more than half of their area in it (predicted cells, where there are true ones).

* ``frames.csv``: a row per frame, empty ones too: group, ``field`` in pixels of the frame (what the measured samples
  show of it, each place once), the side of a pixel in micrometres, number of samples, whether true cells are known.
  A frame that is ignored whole has none: of it nothing is known.
* ``facts.json``: names of the classes, and what the dataset says of itself.

The samples of a frame are put side by side on a grid as fine as their own and measured there with the true height and
width of its pixels; a cell that a cut divided counts once (`data.mosaic`).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hemoseg.data.mosaic import Mosaic, mosaic_of
from hemoseg.data.samples import IGNORE, Samples
from hemoseg.errors import InputError
from hemoseg.metrics.shapes import cell_shapes, cut_sides
from hemoseg.steps import arguments, files
from hemoseg.steps.labelled import read_predictions, read_samples

Maps = tuple[np.ndarray, np.ndarray]  # class map and cells of a sample
COLUMNS = [
    *("side", "sample", "frame", "group", "cell", "class", "class_name"),
    *("area", "perimeter", "eccentricity", "form_factor", "row", "column", "border", "ignored", "hosted"),
]


def main(argv: Sequence[str] | None = None) -> None:
    """Run the step."""
    parser = arguments.parser("measure", "Measure the cells that a model found in the test samples.")
    parser.add_argument("--samples", required=True, help="samples.npz")
    parser.add_argument(
        "--predictions", required=True, nargs="+", help="predictions.npz of one model, a file per split; the last wins"
    )
    parser.add_argument("--cells", required=True, help="output, a row per cell")
    parser.add_argument("--frames", required=True, help="output, a row per frame")
    parser.add_argument("--facts", required=True, help="output, classes and origin")
    args = parser.parse_args(argv)
    samples = read_samples(args.samples)
    predicted = _predicted(args.predictions, samples)
    frames, cells = [], [pd.DataFrame(columns=COLUMNS)]
    for frame in dict.fromkeys(samples.frames):
        here = [i for i, name in enumerate(samples.frames) if name == frame and samples.ids[i] in predicted]
        if here:
            facts, tables = _measured(samples.take(here), predicted)
            if facts is not None:
                frames.append(facts)
                cells += [table for table in tables if len(table)]
    if not frames:
        raise InputError(
            f"{args.samples}: nothing that was predicted counts, all is ignored; mend `prepare`, or `clinic`"
        )
    files.write_table(args.cells, pd.concat(cells[1:] or cells, ignore_index=True)[COLUMNS])
    files.write_table(args.frames, pd.DataFrame(frames))
    files.write_json(args.facts, {"classes": samples.class_names[1:], "info": samples.info})


def _predicted(paths: Sequence[str], samples: Samples) -> dict[str, Maps]:
    """Class map and cells of every sample that was predicted."""
    found: dict[str, Maps] = {}
    shapes = {name: image.shape[1:] for name, image in zip(samples.ids, samples.images, strict=True)}
    for path in paths:
        said = read_predictions(path)
        for name, classes, instances in zip(said.ids, said.classes, said.instances, strict=True):
            if shapes.get(name) != classes.shape:
                raise InputError(f"{path}: {name} is no such sample of this experiment; run predict again")
            found[name] = classes, instances
    return found


def _measured(samples: Samples, predicted: dict[str, Maps]) -> tuple[dict | None, list[pd.DataFrame]]:
    """The row of one frame, none where all of it is ignored, and the rows of its cells: found, then true."""
    mosaic = mosaic_of(samples.boxes, [image.shape[1:] for image in samples.images])
    pred = mosaic.place(*zip(*(predicted[name] for name in samples.ids), strict=True))
    truth = mosaic.place(samples.classes, samples.instances) if samples.has_instances else None
    sides = {"pred": pred} | ({"gt": truth} if truth else {})
    ignored = truth.classes == IGNORE if truth else np.zeros(mosaic.size, bool)
    ignored &= pred.covered
    if (ignored == pred.covered).all():
        return None, []
    tables = []
    for side, placed in sides.items():
        rows = _rows(placed.instances, placed.classes, pred.covered, ignored, mosaic, len(samples.class_names))
        names = dict(enumerate(samples.class_names)) | {0: "unknown"}
        rows["hosted"] = _hosted(placed.instances, truth.instances) if truth and side == "pred" else np.nan
        rows["sample"] = [_sample_at(samples, *place) for place in zip(rows["row"], rows["column"], strict=True)]
        rows["class_name"] = rows["class"].map(names)
        tables.append(rows.assign(side=side, frame=samples.frames[0], group=samples.groups[0]))
    pixel = float(np.prod(mosaic.spacing))
    facts = {
        "frame": samples.frames[0],
        "group": samples.groups[0],
        "field": pred.covered.sum() * pixel,
        "pixel_size_um": samples.pixel_size,
        "samples": len(samples),
        "truth": bool(truth),
    }
    return facts, tables


def _rows(
    cells: np.ndarray, classes: np.ndarray, field: np.ndarray, ignored: np.ndarray, mosaic: Mosaic, n_classes: int
) -> pd.DataFrame:
    """A row per cell of one side of a frame."""
    count = int(cells.max(initial=0))
    shapes = cell_shapes(cells, mosaic.spacing) if count else {}
    rows = pd.DataFrame({name: shapes.get(name, np.zeros(0)) for name in COLUMNS if name in shapes or name == "area"})
    upper_left, lower_right = cut_sides(cells, field)
    pixels = np.bincount(cells.ravel(), minlength=count + 1)[1:]
    on_ignored = np.bincount(cells[ignored], minlength=count + 1)[1:]
    return rows.assign(
        cell=np.arange(1, count + 1),
        **{"class": _majority(cells, classes, count, n_classes)},
        row=mosaic.origin[0] + (shapes["row"] + (mosaic.spacing[0] - 1) / 2 if count else np.zeros(0)),
        column=mosaic.origin[1] + (shapes["column"] + (mosaic.spacing[1] - 1) / 2 if count else np.zeros(0)),
        border=np.select([lower_right, upper_left], ["lower_right", "upper_left"], "no"),
        ignored=2 * on_ignored > pixels,
    )


def _majority(cells: np.ndarray, classes: np.ndarray, count: int, n_classes: int) -> np.ndarray:
    """Class 1..K that most pixels of each cell have, the lowest of several; 0 where none has any."""
    typed = (classes > 0) & (classes < n_classes)
    votes = np.bincount(cells[typed] * n_classes + classes[typed], minlength=(count + 1) * n_classes)
    votes = votes.reshape(count + 1, n_classes)[1:]
    return votes.argmax(axis=1) if count else np.zeros(0, int)


def _hosted(cells: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """How many true cells have more than half of their area in each found cell."""
    count, true = int(cells.max(initial=0)) + 1, int(truth.max(initial=0)) + 1
    areas = np.bincount(truth.ravel(), minlength=true)
    pairs, shared = np.unique(truth.astype(np.int64) * count + cells, return_counts=True)
    of_truth, of_cell = pairs // count, pairs % count
    inside = (of_truth > 0) & (of_cell > 0) & (2 * shared > areas[of_truth])
    return np.bincount(of_cell[inside], minlength=count)[1:]


def _sample_at(samples: Samples, row: float, column: float) -> str:
    """The first sample that shows a place of the frame; the nearest one where none does, as in a bent cell."""
    boxes = samples.boxes
    outside = np.maximum(boxes[:, :2] - (row, column), (row, column) - boxes[:, 2:]).max(axis=1)
    inside = np.flatnonzero(outside <= 0)
    return samples.ids[inside[0] if len(inside) else int(outside.argmin())]
