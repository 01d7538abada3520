"""Cut the frames of a folder dataset into samples: margin crop, quadrants or tiles, resize."""

from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from hemoseg.data.classes import Merging
from hemoseg.data.preparation import Cutter, checked
from hemoseg.data.samples import Samples, to_arrays
from hemoseg.steps import arguments
from hemoseg.steps.files import write_arrays
from hemoseg.steps.folders import Dataset, keep_only, open_folder, read_frames, white_of


def main(argv: Sequence[str] | None = None) -> None:
    """Read ``--data``, write ``--out`` (samples.npz)."""
    parser = arguments.parser("prepare", __doc__)
    parser.add_argument("--settings", type=arguments.settings, default={}, help="JSON, see data/preparation.py")
    parser.add_argument("--data", required=True, help="folder dataset")
    parser.add_argument("--out", required=True, help="samples.npz to write")
    given = parser.parse_args(argv)
    samples = prepare(given.data, given.settings)
    write_arrays(given.out, **to_arrays(samples))
    for notice in samples.info["notices"]:
        print(f"notice: {notice}")
    print(f"{given.out}: {len(samples)} samples of {len(set(samples.frames))} frames, {samples.info['dataset']}")


def prepare(folder: str, settings: dict[str, Any]) -> Samples:
    """Samples of a folder dataset.

    Raises:
        InputError: settings, an image or a label cannot be used.
    """
    settings = checked(settings)
    dataset = open_folder(folder, settings["dataset"], partial=settings["labels"] == "auto")
    keep_only(dataset, settings["only"])
    merging = Merging(dataset.description.classes, settings["classes"], settings["ignore"])
    cutter = None
    for frame in tqdm(read_frames(dataset), total=len(dataset), desc="prepare", unit="frame"):
        cutter = cutter or Cutter(settings, merging, white_of(dataset, frame.image.dtype))
        cutter.add(frame)
    return cutter.samples(dataset.description.pixel_size, _info(dataset))


def _info(dataset: Dataset) -> dict[str, Any]:
    """What a report says of the data."""
    described = dataset.description
    return {
        "dataset": described.name,
        "simulated": described.simulated,
        "licence": described.licence,
        "citation": described.citation,
        "truth": described.truth,
        "notices": dataset.sentences(),
    }
