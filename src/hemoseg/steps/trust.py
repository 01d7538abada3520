"""Hold a model against the automatic labels it learned from, frame by frame; no truth is looked at.

Reads the masks that `restore` wrote, so that what is compared is what a lab finds, and writes a row per frame
(`tables.trust`), those worth correcting first on top. All is counted in the frame's own pixels.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from hemoseg.data.placement import Placed
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import IGNORE, Samples
from hemoseg.errors import InputError
from hemoseg.steps import arguments, files
from hemoseg.steps.images import read_labels
from hemoseg.steps.labelled import read_samples
from hemoseg.steps.restore import COUNTS, restored
from hemoseg.tables.trust import cell_areas, counted, large, ranked


def main(argv: Sequence[str] | None = None) -> None:
    """Run the step."""
    parser = arguments.parser("trust", "Rank frames by how far a model and the automatic labels disagree.")
    parser.add_argument("--samples", required=True, help="samples.npz")
    parser.add_argument("--autolabels", required=True, help="autolabels.npz, on which the model was trained")
    parser.add_argument("--masks", type=Path, required=True, help="folder that `restore` wrote")
    parser.add_argument("--out", required=True, help="output, a row per frame")
    args = parser.parse_args(argv)
    samples = read_samples(args.samples, args.autolabels)
    labels = Predictions(samples.ids, [], samples.classes, samples.instances)
    rows, areas = [], []
    for frame in tqdm(frames_with_masks(args.masks, samples), desc="trust", unit="frame"):
        found = read_masks(args.masks, frame)
        rows.append({"frame": frame} | counted(restored(frame, samples, labels), found))
        areas.append(cell_areas(found.instances))
    files.write_table(args.out, ranked(pd.concat([pd.DataFrame(rows), large(areas)], axis=1)))


def frames_with_masks(folder: Path, samples: Samples) -> list[str]:
    """Frames that `restore` wrote masks of.

    Raises:
        InputError: there are none, or they are of other frames.
    """
    frames = list(files.read_table(folder / COUNTS, dtype={"frame": str, "group": str})["frame"])
    if strange := sorted(set(frames) - set(samples.frames)):
        raise InputError(f"{folder}: {strange[0]} is no frame of these samples; run `restore` again")
    return frames


def read_masks(folder: Path, frame: str) -> Placed:
    """Class map and cells of one frame as `restore` wrote them.

    Raises:
        InputError: a file is absent or damaged.
    """
    cells = next((path for path in _named(folder, frame) if path.exists()), None)
    if cells is None:
        raise InputError(f"{folder}/instances: holds no mask of {frame}; run `restore` again")
    classes = read_labels(folder / "classes" / f"{frame}.png")
    return Placed(classes, read_labels(cells), None, classes != IGNORE)


def _named(folder: Path, frame: str) -> list[Path]:
    return [folder / "instances" / f"{frame}{suffix}" for suffix in (".png", ".tif")]
