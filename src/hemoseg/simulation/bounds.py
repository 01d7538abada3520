"""Settings held against their bounds: what every kind's ``check`` shares."""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from hemoseg.errors import InputError

Bounds = Mapping[str, tuple[float, float, float]]  # key -> (default, least, most)


def numbers(settings: Mapping[str, Any], bounds: Bounds, whole: Collection[str]) -> dict[str, float | int]:
    """Every key of ``bounds`` with what the settings say of it, or its default.

    Raises:
        InputError: no number, no whole one where ``whole`` asks for that, or out of bounds.
    """
    return {
        key: number(key, settings.get(key, default), least, most, key in whole)
        for key, (default, least, most) in bounds.items()
    }


def number(key: str, value: Any, least: float, most: float, whole: bool = False) -> float | int:
    """``value`` as a float, or as an int where a whole number is asked for.

    Raises:
        InputError: no number, or out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"simulate: {key}: a number is needed, not {value!r}")
    if whole and value == value and abs(value) != float("inf") and value != int(value):
        raise InputError(f"simulate: {key}: a whole number is needed, not {value!r}")
    if not least <= value <= most:
        raise InputError(f"simulate: {key}: {value!r} lies outside {least:g} to {most:g}")
    return int(value) if whole else float(value)


def bit_depth(value: int) -> int:
    """8 or 16.

    Raises:
        InputError: another number of bits.
    """
    if value not in (8, 16):
        raise InputError(f"simulate: bit_depth: {value} is not offered; use 8 or 16")
    return value


def of_kind(settings: Mapping[str, Any], kind: str) -> str:
    """``kind`` itself.

    Raises:
        InputError: the settings are of another kind.
    """
    if settings.get("kind", kind) != kind:
        raise InputError(f"simulate: kind: {settings['kind']!r} is no {kind}; use kind: {kind} or another generator")
    return kind


def refuse_unknown(given: Collection[str], known: Collection[str], where: str = "") -> None:
    """See that every key is known.

    Raises:
        InputError: one is not; the sentence names the nearest that is.
    """
    for key in given:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
            raise InputError(f"simulate: {where}there is no setting {key!r}; {hint}")
