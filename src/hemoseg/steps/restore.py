"""Put predictions back into the frames they come from, at full size."""

from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from hemoseg.data.placement import Placed, place
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.steps import arguments
from hemoseg.steps.files import folder_written_whole, has_marker, write_json
from hemoseg.steps.images import label_name, write_labels
from hemoseg.steps.labelled import read_predictions, read_samples

MARKER = ".hemoseg-restore.json"  # tells a folder that may be replaced


def main(argv: Sequence[str] | None = None) -> None:
    """Read ``--samples`` and ``--predictions``; write ``--out``/classes/ID.png and ``--out``/instances/ID.(png|tif)."""
    parser = arguments.parser("restore", __doc__)
    parser.add_argument("--samples", required=True, help="samples.npz")
    parser.add_argument("--predictions", required=True, help="predictions.npz of some of these samples")
    parser.add_argument("--out", required=True, help="folder to write; an older one of this step is replaced")
    given = parser.parse_args(argv)
    samples = read_samples(given.samples)
    predictions = read_predictions(given.predictions)
    if strange := sorted(set(predictions.ids) - set(samples.ids)):
        raise InputError(f"{given.predictions}: {strange[0]} is no sample of {given.samples}; predict these samples")
    frames = list(dict.fromkeys(samples.frames[i] for i in samples.index(predictions.ids)))
    with folder_written_whole(given.out, has_marker(MARKER)) as folder:
        write_json(folder / MARKER, {"samples": given.samples, "predictions": given.predictions})
        for frame in tqdm(frames, desc="restore", unit="frame"):
            placed = restored(frame, samples, predictions)
            write_labels(folder / "classes" / f"{frame}.png", placed.classes)
            write_labels(folder / "instances" / label_name(frame, placed.instances), placed.instances)
    print(f"{given.out}: {len(frames)} frames; class 255 marks what no predicted sample shows")


def restored(frame: str, samples: Samples, predictions: Predictions) -> Placed:
    """The predictions of one frame's samples, joined; its margins are background."""
    of_sample = {name: i for i, name in enumerate(predictions.ids)}
    here = [i for i, name in enumerate(samples.ids) if samples.frames[i] == frame and name in of_sample]
    order = [of_sample[samples.ids[i]] for i in here]
    size = tuple(int(n) for n in samples.frame_sizes[here[0]])
    placed = place(
        size,
        [tuple(box) for box in samples.boxes[here]],
        [predictions.classes[i] for i in order],
        [predictions.instances[i] for i in order],
        [predictions.probabilities[i] for i in order] if len(predictions.probabilities) else (),
    )
    left, right = samples.info.get("margins", {}).get(frame, (0, 0))
    margin = np.zeros(size, bool)
    margin[:, :left] = margin[:, size[1] - right :] = True
    placed.classes[margin & ~placed.covered] = 0
    return placed
