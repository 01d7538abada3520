"""What a model's own files say of it, looked over before anything rests on it: they may come from anywhere."""

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from hemoseg.errors import InputError
from hemoseg.steps.files import read_json

MOST_CLASSES = 255  # values of a class map of 8 bits; 255 is ignored
MOST_CHANNELS = 4
SECTIONS = ("predict", "scale", "data", "evaluations", "errors", "frames", "agreement", "sharing", "training")


def checked_description(where: Path | str, told: Mapping[str, Any]) -> None:
    """Look over ``model.json``.

    Args:
        where: named in errors.
        told: with the keys of `hemoseg.steps.weights.DESCRIBED`.

    Raises:
        InputError: a value makes no sense.
    """
    channels, classes = told["in_channels"], told["classes"]
    settings, normalisation = told["settings"], told["normalisation"]
    says = {
        "network": _is_text(told["network"]),
        "model": _is_text(told.get("model", "model")),
        "in_channels": type(channels) is int and 1 <= channels <= MOST_CHANNELS,
        "classes": isinstance(classes, list) and 2 <= len(classes) <= MOST_CLASSES and all(map(_is_text, classes))
        and len(set(classes)) == len(classes),
        "settings": isinstance(settings, dict) and isinstance(settings.get("network_settings"), dict),
        "normalisation": normalisation is None or _normalises(normalisation, channels),
        "median_cell_area": _is_number(told.get("median_cell_area", 0), least=0),
        "input_size": _are_numbers(told.get("input_size", [1, 1]), 2, least=1),
        "weights_sha256": _is_text(told["weights_sha256"]),
    }  # fmt: skip
    _refuse(where, says, "train again")


def checked_evidence(where: Path | str, told: Any) -> dict[str, Any]:
    """The sections of ``evidence.json``, looked over as far as `segment`, `count` and `patient` rest on them.

    Raises:
        InputError: a section is none, or says what makes no sense.
    """
    if not isinstance(told, dict):
        raise InputError(f"{where}: holds no sections; delete it and run `share` again")
    says = {name: isinstance(told.get(name, {}), dict) for name in SECTIONS}
    _refuse(where, says, "run `share` again")
    scale, frames, agreement = (told.get(name) or {} for name in ("scale", "frames", "agreement"))
    says["scale"] = all(_is_number(scale.get(name) or 1, least=0) for name in ("factor", "pixel_size_um"))
    says["frames"] = not frames or _tells_frames(frames)
    says["agreement"] = not agreement or (
        all(
            isinstance(agreement.get(name), dict) and _is_number(agreement[name].get(limit))
            for name, limit in (("dice", "least"), ("disputed", "most"))
        )
        and type(agreement.get("frames")) is int
    )
    says["predict"] = isinstance(told.get("predict", {}).get("markers", {}), dict)
    _refuse(where, says, "run `share` again")
    return told


def read_evidence(path: Path) -> dict[str, Any]:
    """Sections of an ``evidence.json``.

    Raises:
        InputError: it is absent, damaged, or says what makes no sense.
    """
    return checked_evidence(path, read_json(path))


def _refuse(where: Path | str, says: Mapping[str, bool], remedy: str) -> None:
    if wrong := [name for name, well in says.items() if not well]:
        raise InputError(f"{where}: what it says of {wrong[0]!r} makes no sense; {remedy}")


def _normalises(told: Any, channels: int) -> bool:
    if not isinstance(told, dict) or set(told) != {"white", "mean", "sd"}:
        return False
    positive = _are_numbers(told["sd"], channels, least=0) and all(told["sd"])
    return (
        _is_number(told["white"], least=0) and told["white"] > 0 and _are_numbers(told["mean"], channels) and positive
    )


def _tells_frames(told: Mapping[str, Any]) -> bool:
    features, distance = told.get("features"), told.get("distance")
    if not isinstance(features, dict) or not isinstance(distance, dict):
        return False
    names, rows = distance.get("names"), distance.get("correlation")
    known = isinstance(names, list) and isinstance(rows, list) and all(map(_is_text, names))
    square = known and len(rows) == len(names) and all(_are_numbers(row, len(names)) for row in rows)
    limits = all(
        isinstance(of, dict)
        and all(_is_number(of.get(name)) for name in ("median", "sd", "high", "low"))
        and of["sd"] > 0
        for of in features.values()
    )
    field, white = told.get("field"), told.get("white")
    return (
        square and limits and _is_number(distance.get("limit")) and distance["limit"] > 0
        and (field is None or _are_numbers(field, 2, least=1)) and (white is None or _is_number(white, least=1))
    )  # fmt: skip


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any, least: float = float("-inf")) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= least


def _are_numbers(values: Any, count: int, least: float = float("-inf")) -> bool:
    return isinstance(values, Sequence) and len(values) == count and all(_is_number(value, least) for value in values)
