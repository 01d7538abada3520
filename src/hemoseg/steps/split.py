"""Divide samples into training, validation and test: folds, fixed counts, growing training sets, or as given."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hemoseg.data.protocol import GIVEN, checked, one_test_set
from hemoseg.data.samples import Samples
from hemoseg.data.splits import Split, make_splits, straddling
from hemoseg.steps import arguments
from hemoseg.steps.files import write_json, write_table
from hemoseg.steps.labelled import read_samples


def main(argv: Sequence[str] | None = None) -> None:
    """Read ``--samples``, write ``--out`` (splits.csv) and ``--notes`` (what a report must say of it)."""
    parser = arguments.parser("split", __doc__)
    parser.add_argument("--settings", type=arguments.settings, default={}, help="JSON, see data/protocol.py")
    parser.add_argument("--samples", required=True, help="samples.npz")
    parser.add_argument("--out", required=True, help="splits.csv to write")
    parser.add_argument("--notes", help="JSON to write: frames and groups that stand on both sides of a split")
    given = parser.parse_args(argv)
    samples = read_samples(given.samples)
    splits = make_splits(given.settings, samples.ids, samples.frames, samples.groups, samples.parts)
    found = notes(given.settings, samples, splits)
    write_table(given.out, table(samples, splits))
    if given.notes:
        write_json(given.notes, found)
    for sentence in found["sentences"]:
        print(f"notice: {sentence}")
    print(f"{given.out}: {len(splits)} splits of {len(samples)} samples by {found['units']}")


def table(samples: Samples, splits: list[Split]) -> pd.DataFrame:
    """One row per split and sample that takes part: split, sample, frame, group, role."""
    rows = [
        (split.name, samples.ids[i], samples.frames[i], samples.groups[i], role)
        for split in splits
        for i, role in split.roles()
    ]
    return pd.DataFrame(rows, columns=["split", "sample", "frame", "group", "role"])


def notes(settings: dict[str, Any], samples: Samples, splits: list[Split]) -> dict[str, Any]:
    """What stands on both sides of a split, and how large the splits are."""
    settings = checked(settings)
    given = settings["test"] == GIVEN
    frames, groups = straddling(splits, samples.frames), straddling(splits, samples.groups)
    sentences = []
    if frames:
        sentences.append(
            f"samples of {len(frames)} frames both train and test, as `by: sample` asks; "
            "`by: frame` keeps them together"
        )
    if groups:
        sentences.append(
            f"{len(groups)} groups (patients, slides) both train and test, "
            + ("as the dataset divides them" if given else "`by: group` keeps them together")
        )
    return {
        "units": settings["by"] if isinstance(settings["by"], str) else " and by ".join(settings["by"]),
        "straddling_frames": len(frames),
        "straddling_groups": len(groups),
        "groups_known": sum(group != "" for group in samples.groups),
        "sizes": {s.name: {"train": len(s.train), "val": len(s.val), "test": len(s.test)} for s in splits},
        "given": given,
        "same_test": one_test_set(settings),
        "sentences": sentences,
    }
