"""Divide samples into training, validation and test: folds, fixed counts, growing training sets, or as given.

What the test would share with the training is looked for: parts of one frame, frames of one group, overlapping tiles,
and copies of an image, also turned, mirrored, shifted or brighter ones. Found, it is refused with an example and the
remedy, unless the setting `leakage` lets it pass (report, or a list of frames, groups, overlaps, copies); --notes then
lists it.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hemoseg.data.leakage import Leakage, Sides, find_leakage, listed, require_none, sentences
from hemoseg.data.protocol import GIVEN, checked, one_test_set
from hemoseg.data.samples import Samples
from hemoseg.data.splits import Split, make_splits
from hemoseg.steps import arguments
from hemoseg.steps.files import write_json, write_table
from hemoseg.steps.labelled import read_samples


def main(argv: Sequence[str] | None = None) -> None:
    """Read ``--samples``, write ``--out`` (splits.csv) and ``--notes`` (what a report must say of it)."""
    parser = arguments.parser("split", __doc__)
    parser.add_argument("--settings", type=arguments.settings, default={}, help="JSON, see data/protocol.py")
    parser.add_argument("--samples", required=True, help="samples.npz")
    parser.add_argument("--out", required=True, help="splits.csv to write")
    parser.add_argument("--notes", help="JSON to write: what stands on both sides of a split, and their sizes")
    given = parser.parse_args(argv)
    samples = read_samples(given.samples)
    splits = make_splits(given.settings, samples.ids, samples.frames, samples.groups, samples.parts)
    settings = checked(given.settings)
    leakage = find_leakage(samples, splits)
    require_none(leakage, samples, settings)
    found = notes(settings, samples, splits, leakage)
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


def notes(settings: dict[str, Any], samples: Samples, splits: list[Split], leakage: Leakage) -> dict[str, Any]:
    """What stands on both sides of a split, and how large the splits are; ``settings`` as `checked` returns them."""
    return {
        "units": settings["by"] if isinstance(settings["by"], str) else " and by ".join(settings["by"]),
        "straddling_frames": len(leakage.frames),
        "straddling_groups": len(leakage.groups),
        "groups_known": sum(group != "" for group in samples.groups),
        "sizes": {s.name: {"train": len(s.train), "val": len(s.val), "test": len(s.test)} for s in splits},
        "given": settings["test"] == GIVEN,
        "same_test": one_test_set(settings),
        "sentences": sentences(leakage, samples, settings),
        "leakage": listed(leakage, samples, Sides(splits, len(samples))),
    }
