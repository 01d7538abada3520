"""Which samples train, validate and test: folds, fixed counts, growing training sets, or as given (`data.protocol`)."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hemoseg.data.parts import side_of_units
from hemoseg.data.protocol import FAMILIES, GIVEN, checked
from hemoseg.errors import InputError


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


# Units of one split by name: those that train, validate (None: to be carved out of these) and test.
Division = tuple[str, list[str], list[str] | None, list[str]]


def make_splits(
    settings: dict[str, Any], ids: list[str], frames: list[str], groups: list[str], parts: Sequence[str] = ()
) -> list[Split]:
    """Divide samples by whole units (samples, frames or groups), the same way for the same seed everywhere.

    Args:
        settings: see `data.protocol.DEFAULTS`; `train`, `test` and `sizes` count samples, `validation` is a share
            (below 1) or a count of the training *units*; `by` is a unit, or a list of units, each with folds of its
            own. Where folds meet a given test set the held-out fold validates, and where the dataset names validation
            samples and ``protocol: given`` takes them, they do: ``validation`` is not used then.
        ids: name of each sample.
        frames: frame of each sample.
        groups: group (patient, slide) of each sample.
        parts: what the dataset means each sample for (train, val, test); read for ``test: given`` alone.

    Returns:
        Splits in the order of `data.protocol.families`; train, val and test share no unit, which is checked.

    Raises:
        InputError: there are fewer units than folds, fewer samples than asked for, a group is not known, or the dataset
            does not say what it should of the samples' parts.
    """
    settings = checked(settings)
    if isinstance(settings["by"], list):
        divided = [
            (FAMILIES[unit], make_splits(settings | {"by": unit}, ids, frames, groups, parts))
            for unit in settings["by"]
        ]
        return [replace(split, name=f"{family}_{split.name}") for family, splits in divided for split in splits]
    units = _units(settings["by"], ids, frames, groups)
    side_of = side_of_units(settings, units, parts) if settings["test"] == GIVEN else {}
    test = sorted(unit for unit in units if side_of.get(unit) == "test")
    order = sorted(set(units) - set(test))
    random.Random(settings["seed"]).shuffle(order)
    splits = []
    for name, train, val, tested in _divisions(settings, order, units, side_of, test):
        if val is None:
            train, val = _carve(train, settings["validation"], name)
        splits.append(Split(name, *([p for unit in part for p in units[unit]] for part in (train, val, tested))))
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


def _divisions(settings: dict, order: list[str], units: dict, side_of: dict, test: list[str]) -> list[Division]:
    """All splits; ``test`` holds the units of a given test set, and ``order`` the others."""
    if settings["protocol"] == GIVEN:
        val = [unit for unit in order if side_of[unit] == "val"]
        return [("given", [unit for unit in order if side_of[unit] == "train"], val or None, test)]
    if settings["protocol"] == "folds":
        folds = _folds(settings, order)
        return [(name, train, held, test) if test else (name, train, None, held) for name, train, held in folds]
    if not test:
        test, order = _take(order, units, settings["test"], "test", settings)
    if settings["protocol"] == "fixed":
        return [("fixed", _take(order, units, settings["train"], "train", settings)[0], None, test)]
    return [(name, train, None, test) for name, train in _sizes(settings, order, units)]


def _folds(settings: dict, order: list[str]) -> list[tuple[str, list[str], list[str]]]:
    """Folds whose sizes differ by one unit at most; training units begin after the held-out fold and go round."""
    count, by = settings["folds"], settings["by"]
    if count > len(order):
        raise InputError(f"split settings: {count} folds need as many {by}s, there are {len(order)}; use fewer folds")
    ends = [0]
    for k in range(count):
        ends.append(ends[-1] + len(order) // count + (k < len(order) % count))
    return [
        (f"fold{k + 1}", order[ends[k + 1] :] + order[: ends[k]], order[ends[k] : ends[k + 1]]) for k in range(count)
    ]


def _sizes(settings: dict, rest: list[str], units: dict) -> list[tuple[str, list[str]]]:
    """Training sets, each of which holds the smaller one before it."""
    rows, train, size = [], [], 0
    for wanted in settings["sizes"]:
        more, rest = _take(rest, units, wanted - size, f"n{wanted}", settings, free=bool(train))
        train, size = train + more, size + sum(len(units[unit]) for unit in more)
        rows.append((f"n{wanted}", list(train)))
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
