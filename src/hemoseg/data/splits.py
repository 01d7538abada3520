"""Which samples train, validate and test: folds, fixed counts, or growing training sets.

Splits that belong together make a *family*, over which a table takes its means: all folds of one division are one
family, each training size is one, and so are the folds of each unit where several divisions stand side by side.

Nothing heavy is imported, since the workflow asks for `split_names` while it reads its rules.
"""

import math
import random
from dataclasses import dataclass, replace
from typing import Any

from hemoseg.errors import InputError
from hemoseg.settings import with_defaults

DEFAULTS: dict[str, Any] = {
    "protocol": "folds",
    "folds": 5,
    "train": None,
    "test": None,
    "sizes": None,
    "by": "sample",
    "validation": 0,
    "seed": 0,
}
UNITS = ("sample", "frame", "group")
ONE_FAMILY = "all"  # of splits that all belong together
# Folds by several units: the published folds are random over images.
FAMILIES = {"sample": "random_samples", "frame": "random", "group": "grouped"}


@dataclass(frozen=True)
class Split:
    """One division of the samples: positions of those that train, validate and test."""

    name: str
    train: list[int]
    val: list[int]
    test: list[int]

    def roles(self) -> list[tuple[int, str]]:
        """Position and role of every sample that takes part, in the samples' order."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return sorted((position, role) for role, positions in parts.items() for position in positions)


def split_names(settings: dict[str, Any]) -> list[str]:
    """Names of the splits that these settings make: fold1..foldK, "fixed", or n10, n20, ...

    Raises:
        InputError: unknown or missing settings.
    """
    return list(families(settings))


def families(settings: dict[str, Any]) -> dict[str, str]:
    """Family of each split, by the split's name and in the splits' order.

    Folds by several units are named for both: random_fold1, grouped_fold1, ... in the families random and grouped.

    Raises:
        InputError: unknown or missing settings.
    """
    settings = checked(settings)
    if settings["protocol"] == "fixed":
        return {"fixed": ONE_FAMILY}
    if settings["protocol"] == "sizes":
        return {f"n{size}": f"n{size}" for size in settings["sizes"]}
    folds = [f"fold{k + 1}" for k in range(settings["folds"])]
    if isinstance(settings["by"], str):
        return dict.fromkeys(folds, ONE_FAMILY)
    return {f"{FAMILIES[unit]}_{fold}": FAMILIES[unit] for unit in settings["by"] for fold in folds}


def comparison(settings: dict[str, Any]) -> str | None:
    """What the families of these settings are there to compare: ``equal`` (sizes), ``optimism`` (units), or nothing.

    Raises:
        InputError: unknown or missing settings.
    """
    settings = checked(settings)
    if settings["protocol"] == "sizes":
        return "equal"
    return "optimism" if isinstance(settings["by"], list) else None


def describe_family(name: str) -> str:
    """What a family of splits is, in words; empty for the one family of all splits."""
    if name[1:].isdecimal():
        return f"{name}: {name[1:]} images in the training part, validation images among them"
    units = {FAMILIES[unit]: unit for unit in UNITS}
    whole = {"sample": "folds of random samples", "frame": "folds of random frames"}
    words = whole.get(units.get(name, ""), "folds of whole groups (patients, slides)")
    return f"{name.replace('_', ' ')}: {words}" if name in units else ""


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults.

    Raises:
        InputError: an unknown key or value, or a number that the protocol needs is missing.
    """
    settings = with_defaults(settings, DEFAULTS, "split settings")
    needs = {"folds": ("folds",), "fixed": ("train", "test"), "sizes": ("sizes", "test")}
    if settings["protocol"] not in needs:
        raise InputError(f"split settings: protocol {settings['protocol']!r} is none of {', '.join(needs)}.")
    if missing := [key for key in needs[settings["protocol"]] if not settings[key]]:
        raise InputError(f"split settings: protocol {settings['protocol']!r} needs {missing[0]!r}; add it")
    _require_numbers(settings)
    settings["by"] = _units_of_division(settings["by"], settings["protocol"])
    if settings["protocol"] == "folds" and settings["folds"] < 2:
        raise InputError("split settings: one fold leaves nothing to train on; use two folds or more")
    if settings["validation"] < 0:
        raise InputError("split settings: validation is a share below 1 or a count; it cannot be negative")
    if settings["protocol"] == "sizes":
        settings["sizes"] = sorted(set(settings["sizes"]))
    return settings


def _units_of_division(by: Any, protocol: str) -> str | list[str]:
    """One unit, or several that each have folds of their own."""
    wanted = list(by) if isinstance(by, list | tuple) else [by]
    for unit in wanted:
        if unit not in UNITS:
            raise InputError(f"split settings: by {unit!r} is none of {', '.join(UNITS)}.")
    if not wanted or len(set(wanted)) < len(wanted):
        raise InputError(f"split settings: by {by!r}; name each unit once, such as [frame, group]")
    if len(wanted) > 1 and protocol != "folds":
        raise InputError(f"split settings: by {by!r} divides folds only; name one unit for protocol {protocol!r}")
    return wanted if len(wanted) > 1 else wanted[0]


def _require_numbers(settings: dict[str, Any]) -> None:
    for key in ("folds", "train", "test"):
        if settings[key] is not None and type(settings[key]) is not int:
            raise InputError(f"split settings: {key} {settings[key]!r} is no whole number; correct it")
    if type(settings["validation"]) not in (int, float):
        raise InputError(f"split settings: validation {settings['validation']!r} is no number; correct it")
    sizes = settings["sizes"]
    if sizes is not None and not (isinstance(sizes, list | tuple) and all(type(size) is int for size in sizes)):
        raise InputError(f"split settings: sizes {sizes!r}; give a list of whole numbers, such as [10, 20]")


def make_splits(settings: dict[str, Any], ids: list[str], frames: list[str], groups: list[str]) -> list[Split]:
    """Divide samples by whole units (samples, frames or groups), the same way for the same seed everywhere.

    Args:
        settings: see `DEFAULTS`; `train`, `test` and `sizes` count samples, `validation` is a share (below 1)
            or a count of the training *units*; `by` is a unit, or a list of units, each with folds of its own.
        ids: name of each sample.
        frames: frame of each sample.
        groups: group (patient, slide) of each sample.

    Returns:
        Splits in the order of `split_names`; train, val and test share no unit, which is checked.

    Raises:
        InputError: there are fewer units than folds, fewer samples than asked for, or a group is not known.
    """
    settings = checked(settings)
    if isinstance(settings["by"], list):
        divided = [
            (FAMILIES[unit], make_splits(settings | {"by": unit}, ids, frames, groups)) for unit in settings["by"]
        ]
        return [replace(split, name=f"{family}_{split.name}") for family, splits in divided for split in splits]
    units = _units(settings["by"], ids, frames, groups)
    order = sorted(units)
    random.Random(settings["seed"]).shuffle(order)
    make = {"folds": _folds, "fixed": _fixed, "sizes": _sizes}[settings["protocol"]]
    splits = []
    for name, train, test in make(settings, order, units):
        train, val = _carve(train, settings["validation"], name)
        splits.append(Split(name, *([p for unit in part for p in units[unit]] for part in (train, val, test))))
    labels = {"sample": ids, "frame": frames, "group": groups}[settings["by"]]
    for split in splits:
        assert_disjoint(split, labels)
    return splits


def assert_disjoint(split: Split, units: list[str]) -> None:
    """Prove that no unit is on two sides of a split.

    Raises:
        AssertionError: one is.
    """
    sides = [{units[position] for position in side} for side in (split.train, split.val, split.test)]
    if sum(map(len, sides)) != len(set.union(*sides)):
        raise AssertionError(f"{split.name}: train, val and test share a unit")


def straddling(splits: list[Split], units: list[str]) -> list[str]:
    """Units (frames or groups, "" left out) that are both trained or validated on and tested on in some split."""
    found = set()
    for split in splits:
        known = {units[position] for position in split.train + split.val}
        found |= known & {units[position] for position in split.test}
    return sorted(found - {""})


def _units(by: str, ids: list[str], frames: list[str], groups: list[str]) -> dict[str, list[int]]:
    if by == "group" and "" in groups:
        raise InputError(
            f"split settings: by 'group', but sample {ids[groups.index('')]} has no group; "
            "fill the column `group` of manifest.csv, or split by 'frame'"
        )
    units: dict[str, list[int]] = {}
    for position, unit in enumerate({"sample": ids, "frame": frames, "group": groups}[by]):
        units.setdefault(unit, []).append(position)
    return units


def _folds(settings: dict, order: list[str], units: dict) -> list[tuple[str, list[str], list[str]]]:
    """Folds whose sizes differ by one unit at most; training units begin after the test fold and go round."""
    count, by = settings["folds"], settings["by"]
    if count > len(order):
        raise InputError(f"split settings: {count} folds need as many {by}s, there are {len(order)}; use fewer folds")
    ends = [0]
    for k in range(count):
        ends.append(ends[-1] + len(order) // count + (k < len(order) % count))
    return [
        (f"fold{k + 1}", order[ends[k + 1] :] + order[: ends[k]], order[ends[k] : ends[k + 1]]) for k in range(count)
    ]


def _fixed(settings: dict, order: list[str], units: dict) -> list[tuple[str, list[str], list[str]]]:
    test, rest = _take(order, units, settings["test"], "test", settings)
    train, _ = _take(rest, units, settings["train"], "train", settings)
    return [("fixed", train, test)]


def _sizes(settings: dict, order: list[str], units: dict) -> list[tuple[str, list[str], list[str]]]:
    """One test set; each training set holds the smaller one before it."""
    test, rest = _take(order, units, settings["test"], "test", settings)
    rows, train, size = [], [], 0
    for wanted in settings["sizes"]:
        more, rest = _take(rest, units, wanted - size, f"n{wanted}", settings, free=bool(train))
        train, size = train + more, size + sum(len(units[unit]) for unit in more)
        rows.append((f"n{wanted}", list(train), test))
    return rows


def _take(order, units, count, name, settings, free=False) -> tuple[list[str], list[str]]:
    """Units in order as long as they fit into ``count`` samples, and the others.

    With ``free`` it is no fault when none fits (a training set that grows by less than a group).
    """
    available = sum(len(units[unit]) for unit in order)
    if count > available:
        raise InputError(
            f"split settings: {name} asks for {count} samples where {available} of "
            f"{sum(map(len, units.values()))} are left; ask for fewer"
        )
    taken, rest = [], []
    for unit in order:
        fits = len(units[unit]) <= count
        (taken if fits else rest).append(unit)
        count -= len(units[unit]) if fits else 0
    if not taken and not free:
        raise InputError(f"split settings: {name} is smaller than any {settings['by']}; ask for more samples")
    return taken, rest


def _carve(train: list[str], validation: float, name: str) -> tuple[list[str], list[str]]:
    """Take validation units out of the training units.

    A count takes the first ones; a share takes them evenly spaced, so that nested training sets stay nested.
    """
    if not validation:
        return train, []
    if validation < 1:
        steps = [math.ceil(round(i * validation, 9)) for i in range(len(train) + 1)]
        chosen = {unit for i, unit in enumerate(train) if steps[i + 1] > steps[i]}
    else:
        chosen = set(train[: int(validation)])
    if len(chosen) >= len(train):
        raise InputError(f"split settings: validation leaves nothing to train on in {name}; ask for less")
    return [unit for unit in train if unit not in chosen], [unit for unit in train if unit in chosen]
