"""Rank the labels that are most likely wrong, by what a model says of samples that it did not train on.

Writes two files, each whole:

* the list: a row per label and problem whose score is at least ``least`` (`tables.label_audit`), surest first.
  ``frame`` names the label files to correct, ``instances/<frame>.*`` and ``classes/<frame>.*``; ``row`` and ``column``
  are a pixel of the cell and ``row0, column0, row1, column1`` its box (the last ones outside), both in the frame as it
  was published; ``cell`` numbers it on the page's grid. ``verdict`` is empty, for the person who looks;
* facts: how many cells were looked at in how many frames, of each class, problems by number, of how many cells of
  each class label and model agree, and how many labels of the wrong class confident learning expects.

The samples of a frame are put side by side on a grid as fine as their own (`data.mosaic`); a cell that a cut divided
counts once.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import find_objects
from tqdm import tqdm

from hemoseg.data.classes import classes_of_instances
from hemoseg.data.mosaic import Mosaic, mosaic_of
from hemoseg.data.placement import blend
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import IGNORE, Samples
from hemoseg.errors import InputError
from hemoseg.metrics.label_errors import PROBLEMS, Labelled, found_cells, labelled_cells
from hemoseg.settings import with_defaults
from hemoseg.steps import arguments, files
from hemoseg.steps.labelled import read_samples
from hemoseg.steps.restore import frames_of, predictions_of
from hemoseg.tables.label_audit import PLACE, agreeing, audited, expected, large_enough, worth_looking

DEFAULTS = {"least": 0.5, "min_area_share": 0.1}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the step."""
    parser = arguments.parser("label_audit", "Rank the labels that are most likely wrong.")
    parser.add_argument("--settings", type=arguments.settings, default={}, help="JSON: least, min_area_share")
    parser.add_argument("--samples", required=True, help="samples.npz, with labels that tell cells apart")
    parser.add_argument(
        "--predictions", required=True, nargs="+", help="predictions.npz of one model, a file per split; the last wins"
    )
    parser.add_argument("--out", required=True, help="output, a row per label and problem")
    parser.add_argument("--facts", required=True, help="output, what was looked at")
    args = parser.parse_args(argv)
    settings = with_defaults(args.settings, DEFAULTS, "label_audit settings")
    samples = read_samples(args.samples)
    predictions = predictions_of(args.predictions, samples, args.samples)
    labelled, found = cells_of(samples, predictions, args.samples)
    found = large_enough(found, labelled, settings["min_area_share"])
    table = worth_looking(audited(labelled, found, samples.class_names), settings["least"])
    files.write_table(args.out, table)
    facts = {"frames": len(frames_of(samples, predictions))} | _facts(labelled, found, table, samples.class_names)
    files.write_json(args.facts, facts)


def cells_of(samples: Samples, predictions: Predictions, origin: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Labelled and predicted cells of all frames, as `tables.label_audit.audited` takes them.

    Args:
        samples: with labels.
        predictions: of some of them, with probabilities.
        origin: of the samples, for sentences.

    Raises:
        InputError: labels tell no cells apart, or there are no probabilities, or of other classes.
    """
    if not samples.has_labels or not samples.has_instances:
        raise InputError(
            f"{origin}: no labels tell cells apart; add instances, set prepare.instances to components, or take "
            "label_audit out"
        )
    if not len(predictions.probabilities):
        raise InputError(f"{origin}: these predictions hold no probabilities; name a row of label_audit that has them")
    if len(predictions.probabilities[0]) != len(samples.class_names):
        told = f"{len(predictions.probabilities[0])} classes were predicted, the labels have {len(samples.class_names)}"
        raise InputError(f"{origin}: {told}; train again")
    sides = ([], [])
    for frame in tqdm(frames_of(samples, predictions), desc="label_audit", unit="frame"):
        for tables, table in zip(sides, _cells_of_frame(frame, samples, predictions), strict=True):
            tables.append(table)
    return tuple(pd.concat(tables, ignore_index=True) for tables in sides)


def _cells_of_frame(frame: str, samples: Samples, predictions: Predictions) -> tuple[pd.DataFrame, pd.DataFrame]:
    order = {name: i for i, name in enumerate(predictions.ids)}
    here = [i for i, name in enumerate(samples.ids) if samples.frames[i] == frame and name in order]
    own = samples.take(here)
    said = [order[name] for name in own.ids]
    for name, labels, j in zip(own.ids, own.classes, said, strict=True):
        if predictions.classes[j].shape != labels.shape:
            raise InputError(f"{name}: labels and prediction differ in size; run predict again")
    mosaic = mosaic_of(own.boxes, [image.shape[1:] for image in own.images])
    truth = mosaic.place(own.classes, own.instances)
    found = mosaic.place([predictions.classes[j] for j in said], [predictions.instances[j] for j in said]).instances
    probability = blend(mosaic.size, mosaic.boxes, [predictions.probabilities[j] for j in said])
    label = Labelled(truth.classes, truth.instances, truth.classes != IGNORE)
    labelled = _table(labelled_cells(label, found, probability), truth.instances, mosaic)
    labelled["class"] = classes_of_instances(truth.classes, truth.instances)[labelled["cell"]]
    labelled = labelled[labelled["class"].between(1, len(samples.class_names) - 1)]
    tables = labelled, _table(found_cells(label, found, probability), found, mosaic)
    return tuple(table.assign(frame=frame, group=own.groups[0]) for table in tables)


def _table(facts: dict[str, np.ndarray], cells: np.ndarray, mosaic: Mosaic) -> pd.DataFrame:
    """Facts of cells with their places in the frame."""
    means = facts.pop("probability")
    table = pd.DataFrame(facts | {f"p_{number}": means[:, number] for number in range(means.shape[1])})
    places = np.array([_place(cells, part, number) for number, part in enumerate(find_objects(cells), 1)])
    places = places.reshape(-1, len(PLACE))[table["cell"] - 1]
    origin, spacing = np.array(mosaic.origin), np.array(mosaic.spacing)
    middle = origin + (places[:, :2] + 0.5) * spacing - 0.5
    low, high = origin + np.floor(places[:, 2:4] * spacing), origin + np.ceil(places[:, 4:] * spacing)
    whole = np.column_stack([np.rint(middle), low, high]).astype(int)
    return table.assign(**dict(zip(PLACE, whole.T, strict=True)))


def _place(cells: np.ndarray, part: tuple[slice, slice] | None, number: int) -> tuple[float, ...]:
    """The pixel of a cell that is nearest to its centroid, and its box, last row and column outside."""
    if part is None:
        return (0.0,) * len(PLACE)
    rows, columns = np.nonzero(cells[part] == number)
    nearest = np.hypot(rows - rows.mean(), columns - columns.mean()).argmin()
    top, left = part[0].start, part[1].start
    return top + rows[nearest], left + columns[nearest], top, left, part[0].stop, part[1].stop


def _facts(
    labelled: pd.DataFrame, found: pd.DataFrame, table: pd.DataFrame, class_names: Sequence[str]
) -> dict[str, Any]:
    wrong, judged = expected(labelled, len(class_names))
    of_class = labelled["class"].value_counts()
    return {
        "labels": len(labelled),
        "of_class": {name: int(of_class.get(number, 0)) for number, name in enumerate(class_names) if number},
        "found": len(found),
        "problems": {problem: int((table["problem"] == problem).sum()) for problem in PROBLEMS},
        "same_class": agreeing(labelled, class_names),
        "expected_wrong_class": wrong,
        "judged_by_class": judged,
    }
