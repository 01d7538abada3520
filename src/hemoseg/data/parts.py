"""The division that a dataset brings: column ``part`` of manifest.csv says what each image is meant for."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from hemoseg.data.protocol import GIVEN
from hemoseg.errors import InputError

PARTS = ("train", "val", "test")
REMEDY = "write train, val or test into column `part` of manifest.csv"


def side_of_units(
    settings: Mapping[str, Any], units: Mapping[str, Sequence[int]], parts: Sequence[str]
) -> dict[str, str]:
    """Side of each unit: train, val or test with ``protocol: given``, else train or test, since folds validate.

    Args:
        settings: of the split, checked.
        units: positions of the samples of each unit (sample, frame or group).
        parts: what the dataset means each sample for; empty where it does not tell.

    Raises:
        InputError: the dataset tells nothing, or of a sample nothing or another word; a unit stands on two sides; no
            sample tests, or none is left to train on.
    """
    if not any(parts):
        raise InputError(
            f"split settings: test: given, but the dataset does not say what an image is meant for; {REMEDY}"
        )
    found = {unit: _side(settings, unit, [parts[position] for position in units[unit]]) for unit in units}
    for side in ("test", "train"):
        if side not in found.values():
            raise InputError(f"split settings: test: given, but no image is meant for part {side}; {REMEDY}")
    return found


def _side(settings: Mapping[str, Any], unit: str, parts: Sequence[str]) -> str:
    for part in parts:
        if part not in PARTS:
            close = difflib.get_close_matches(part, PARTS, n=1)
            hint = f"did you mean {close[0]}?" if close else REMEDY
            said = f"is meant for {part!r}" if part else "is meant for no part"
            raise InputError(f"split settings: test: given, but {settings['by']} {unit} {said}; {hint}")
    known = set(parts) if settings["protocol"] == GIVEN else {"test" if part == "test" else "train" for part in parts}
    if len(known) > 1:
        raise InputError(
            f"split settings: {settings['by']} {unit} has samples of the parts {' and '.join(sorted(known))}; "
            "mend column `part` of manifest.csv, or split by frame"
        )
    return known.pop()
