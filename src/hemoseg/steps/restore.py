"""Put predictions back into the frames they come from, at full size, and count the cells of each frame."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from tqdm import tqdm

from hemoseg.data.classes import classes_of_instances
from hemoseg.data.mosaic import joined
from hemoseg.data.placement import Placed, place
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.steps import arguments
from hemoseg.steps.files import folder_written_whole, has_marker, write_json, write_table
from hemoseg.steps.images import label_name, write_labels
from hemoseg.steps.labelled import read_predictions, read_samples

MARKER = ".hemoseg-restore.json"  # tells a folder that may be replaced
COUNTS = "counts.csv"


def main(argv: Sequence[str] | None = None) -> None:
    """Read ``--samples`` and ``--predictions``; write three things into ``--out``.

    ``classes/ID.png`` and ``instances/ID.(png|tif)`` have the size of the frame. ``counts.csv`` has a row per frame:
    ``cells``, those of its instances, and with several classes ``cells_<class>``, by the class of most of their pixels.
    """
    parser = arguments.parser("restore", __doc__)
    parser.add_argument("--samples", required=True, help="samples.npz")
    parser.add_argument(
        "--predictions", required=True, nargs="+", help="predictions.npz of these samples, a file per split"
    )
    parser.add_argument("--out", required=True, help="folder to write; an older one of this step is replaced")
    given = parser.parse_args(argv)
    samples = read_samples(given.samples)
    predictions = predictions_of(given.predictions, samples, given.samples)
    frames = frames_of(samples, predictions)
    counts = []
    with folder_written_whole(given.out, has_marker(MARKER)) as folder:
        write_json(folder / MARKER, {"samples": given.samples, "predictions": given.predictions})
        for frame in tqdm(frames, desc="restore", unit="frame"):
            placed = restored(frame, samples, predictions)
            write_labels(folder / "classes" / f"{frame}.png", placed.classes)
            write_labels(folder / "instances" / label_name(frame, placed.instances), placed.instances)
            counts.append({"frame": frame} | _group(frame, samples) | counts_of(placed, samples.class_names))
        write_table(folder / COUNTS, pd.DataFrame(counts))
    print(f"{given.out}: {len(frames)} frames; class 255 marks what no predicted sample shows")


def predictions_of(paths: Sequence[str], samples: Samples, origin: str) -> Predictions:
    """The predictions of several files as one; of a sample that is in several the last counts.

    Raises:
        InputError: a file is absent or damaged, or holds what is none of the samples of ``origin``.
    """
    read = [read_predictions(path) for path in paths]
    last = {}
    for path, one in zip(paths, read, strict=True):
        if strange := sorted(set(one.ids) - set(samples.ids)):
            raise InputError(f"{path}: {strange[0]} is no sample of {origin}; predict these samples")
        last |= {name: (one, position) for position, name in enumerate(one.ids)}
    said = list(last.values())
    lists = {
        name: [getattr(one, name)[position] for one, position in said]
        for name in ("probabilities", "classes", "instances")
        if all(len(getattr(one, name)) for one, _ in said)
    }
    return replace(Predictions(list(last), [], [], []), **lists)


def frames_of(samples: Samples, predictions: Predictions) -> list[str]:
    """Frames of the predicted samples, in the order of the samples."""
    predicted = set(predictions.ids)
    return list(
        dict.fromkeys(frame for frame, name in zip(samples.frames, samples.ids, strict=True) if name in predicted)
    )


def restored(frame: str, samples: Samples, predictions: Predictions) -> Placed:
    """The predictions of one frame's samples, joined; its margins are background.

    Cells that a cut between samples divided are whole again (`data.mosaic.joined`).
    """
    of_sample = {name: i for i, name in enumerate(predictions.ids)}
    here = [i for i, name in enumerate(samples.ids) if samples.frames[i] == frame and name in of_sample]
    order = [of_sample[samples.ids[i]] for i in here]
    size = tuple(int(n) for n in samples.frame_sizes[here[0]])
    boxes = [tuple(int(n) for n in box) for box in samples.boxes[here]]
    placed = place(
        size,
        boxes,
        [predictions.classes[i] for i in order],
        [predictions.instances[i] for i in order],
        [predictions.probabilities[i] for i in order] if len(predictions.probabilities) else (),
    )
    left, right = samples.info.get("margins", {}).get(frame, (0, 0))
    margin = np.zeros(size, bool)
    margin[:, :left] = margin[:, size[1] - right :] = True
    placed.classes[margin & ~placed.covered] = 0
    return replace(placed, instances=joined(placed.instances, boxes))


def counts_of(placed: Placed, class_names: Sequence[str]) -> dict[str, int]:
    """Cells of one frame, all and, where there are several classes, of each."""
    classes = classes_of_instances(placed.classes, placed.instances)[1:]
    of_each = {f"cells_{name}": int((classes == value).sum()) for value, name in enumerate(class_names) if value}
    return {"cells": len(classes)} | (of_each if len(of_each) > 1 else {})


def _group(frame: str, samples: Samples) -> dict[str, str]:
    """The frame's patient or slide, where the dataset names any."""
    return {"group": samples.groups[samples.frames.index(frame)]} if any(samples.groups) else {}
