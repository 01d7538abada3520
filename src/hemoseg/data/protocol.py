"""How samples are to be divided: what the settings mean, and the names and families of the splits they make.

Splits that belong together make a *family*, over which a table takes its means: all folds of one division are one
family, each training size is one, and so are the folds of each unit where several divisions stand side by side.

With ``test: given`` the test set is what the dataset says (column ``part`` of manifest.csv: train, val, test), and the
folds, or the counted training sets, are made of all other samples. ``protocol: given`` takes the training and
validation parts from there too.

``leakage`` is what the division may let through from training to test: nothing (refuse), everything (report), or a list
of `KINDS_OF_LEAKAGE`, the others being refused.

Nothing heavy is imported, since the workflow asks for `families` while it reads its rules.
"""

from collections.abc import Mapping
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
    "leakage": "refuse",
}
UNITS = ("sample", "frame", "group")
# What may reach the test from the training, data/leakage.py; `leakage` names those that are let pass and reported.
KINDS_OF_LEAKAGE = ("frames", "groups", "overlaps", "copies")
GIVEN = "given"  # by the dataset
ONE_FAMILY = "all"  # of splits that all belong together
# Folds by several units: the published folds are random over images.
FAMILIES = {"sample": "random_samples", "frame": "random", "group": "grouped"}


def families(settings: dict[str, Any]) -> dict[str, str]:
    """Family of each split, by the split's name and in the splits' order.

    Folds by several units are named for both: random_fold1, grouped_fold1, ... in the families random and grouped.

    Raises:
        InputError: unknown or missing settings.
    """
    settings = checked(settings)
    if settings["protocol"] in ("fixed", GIVEN):
        return {settings["protocol"]: ONE_FAMILY}
    if settings["protocol"] == "sizes":
        return {f"n{size}": f"n{size}" for size in settings["sizes"]}
    folds = [f"fold{k + 1}" for k in range(settings["folds"])]
    if isinstance(settings["by"], str):
        return dict.fromkeys(folds, ONE_FAMILY)
    return {f"{FAMILIES[unit]}_{fold}": FAMILIES[unit] for unit in settings["by"] for fold in folds}


def last_splits(families: Mapping[str, str]) -> list[str]:
    """The splits of the last family, in their order: those whose runs stand for a model where only one family can."""
    last = list(families.values())[-1]
    return [split for split, family in families.items() if family == last]


def comparison(settings: dict[str, Any]) -> str | None:
    """What the families of these settings are there to compare: ``equal`` (sizes), ``optimism`` (units), or nothing.

    Raises:
        InputError: unknown or missing settings.
    """
    settings = checked(settings)
    if settings["protocol"] == "sizes":
        return "equal"
    return "optimism" if isinstance(settings["by"], list) else None


def one_test_set(settings: dict[str, Any]) -> bool:
    """Whether all splits of a family test the same samples, so that their spread is of trainings alone.

    Raises:
        InputError: unknown or missing settings.
    """
    settings = checked(settings)
    return settings["protocol"] == "folds" and settings["test"] == GIVEN


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
    needs = {"folds": ("folds",), "fixed": ("train", "test"), "sizes": ("sizes", "test"), GIVEN: ()}
    if settings["protocol"] not in needs:
        raise InputError(f"split settings: protocol {settings['protocol']!r} is none of {', '.join(needs)}.")
    if missing := [key for key in needs[settings["protocol"]] if not settings[key]]:
        raise InputError(f"split settings: protocol {settings['protocol']!r} needs {missing[0]!r}; add it")
    if settings["protocol"] == GIVEN:
        settings["test"] = GIVEN
    _require_numbers(settings)
    settings["leakage"] = _let_pass(settings["leakage"])
    settings["by"] = _units_of_division(settings["by"], settings["protocol"])
    if settings["protocol"] == "folds" and settings["folds"] < 2:
        raise InputError("split settings: one fold leaves nothing to train on; use two folds or more")
    if isinstance(settings["by"], list) and settings["test"] == GIVEN:
        raise InputError(
            f"split settings: by {settings['by']!r} compares what folds test; name one unit for test: given"
        )
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


def _let_pass(leakage: Any) -> list[str]:
    """Kinds of leakage that are reported and not refused."""
    known = {"refuse": [], "report": list(KINDS_OF_LEAKAGE)}
    wanted = known.get(leakage) if isinstance(leakage, str) else leakage
    if not isinstance(wanted, list | tuple) or not set(wanted) <= set(KINDS_OF_LEAKAGE):
        raise InputError(
            f"split settings: leakage {leakage!r}; give refuse, report, or a list of what may leak out of "
            f"{', '.join(KINDS_OF_LEAKAGE)}"
        )
    return list(wanted)


def _require_numbers(settings: dict[str, Any]) -> None:
    for key in ("folds", "train", "test"):
        word = key == "test" and settings[key] == GIVEN
        if settings[key] is not None and type(settings[key]) is not int and not word:
            hint = ", or test: given" if key == "test" else ""
            raise InputError(f"split settings: {key} {settings[key]!r} is no whole number; correct it{hint}")
    if type(settings["validation"]) not in (int, float):
        raise InputError(f"split settings: validation {settings['validation']!r} is no number; correct it")
    sizes = settings["sizes"]
    if sizes is not None and not (isinstance(sizes, list | tuple) and all(type(size) is int for size in sizes)):
        raise InputError(f"split settings: sizes {sizes!r}; give a list of whole numbers, such as [10, 20]")
