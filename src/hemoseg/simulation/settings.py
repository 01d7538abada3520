"""The settings of simulated smears: defaults, meaning, bounds."""

from typing import Any

from hemoseg.errors import InputError
from hemoseg.simulation.bounds import bit_depth, number, numbers, of_kind, refuse_unknown

MORPHOLOGIES = (
    "discocyte",
    "oval",
    "reticulocyte",
    "elongated",
    "stomatocyte",
    "echinocyte",
    "granular",
    "sickle",
)

# Key -> (default, least, most). The published data (scd2020): 3000 cells in 314 frames, so about 10 a frame.
NUMBERS: dict[str, tuple[float, float, float]] = {
    "frames": (12, 1, 100_000),  # frames of the data set
    "patients": (5, 1, 10_000),  # patients; frame i belongs to patient i mod patients
    "patient_spread": (0.0, 0, 1),  # 0: patients differ in the hue of their stain alone; 1: in all of `patients`
    "height": (1080, 64, 8192),  # rows
    "width": (1920, 64, 8192),  # columns, margins included
    "channels": (4, 3, 4),  # red, green, blue and, as the fourth, a near-infrared phase-like channel
    "bit_depth": (8, 8, 16),
    "cells": (9.5, 0, 5000),  # mean number of cells per frame
    "diameter": (128.0, 12, 1000),  # of a discocyte, px
    "touching": (0.35, 0, 1),  # share of the cells that stand in pairs or clumps
    "overlapping": (0.4, 0, 1),  # share of the touching neighbours that truly overlap
    "overlap": (0.22, 0, 0.5),  # largest share of a cell's area that another may hide
    "artefacts": (12.0, 0, 2000),  # mean number per frame
    "noise": (0.010, 0, 0.2),  # standard deviation at full brightness, 1.0 = white
    "blur": (1.1, 0, 20),  # sigma of the sharpest cell's blur, px
    "shading": (1.0, 0, 2),  # strength of gradient, vignette and uneven stain; 0 is a flat field
}
WHOLE = ("frames", "patients", "height", "width", "channels", "bit_depth")

# Share of the cells. With the areas of the shapes this gives pixels of about 240 : 11 : 2 : 1 : 1
# (background : discocyte + oval : elongated + sickle : granular : reticulocyte + stomatocyte + echinocyte).
FREQUENCIES = {
    "discocyte": 0.485,
    "oval": 0.213,
    "reticulocyte": 0.019,
    "elongated": 0.089,
    "stomatocyte": 0.021,
    "echinocyte": 0.020,
    "granular": 0.057,
    "sickle": 0.096,
}
MARGIN = (60, 220)  # least and most width of the blank left and of the blank right margin, px


def check(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with defaults filled in; ``frequencies`` with all eight morphologies, ``margin`` as a pair.

    Raises:
        InputError: an unknown key, a value of the wrong type or out of bounds, margins that leave no field.
    """
    refuse_unknown(settings, [*NUMBERS, "kind", "frequencies", "margin"])
    checked: dict[str, Any] = {"kind": of_kind(settings, "smear")} | numbers(settings, NUMBERS, WHOLE)
    bit_depth(checked["bit_depth"])
    checked["frequencies"] = _frequencies(settings.get("frequencies", FREQUENCIES))
    checked["margin"] = _margin(settings.get("margin", MARGIN), checked["width"])
    return checked


def _frequencies(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise InputError(f"simulate: frequencies: a mapping of morphology to share is needed, not {value!r}")
    refuse_unknown(value, list(MORPHOLOGIES), "frequencies: ")
    shares = {name: number(f"frequencies: {name}", value.get(name, 0.0), 0, 1e6) for name in MORPHOLOGIES}
    if not any(shares.values()):
        raise InputError("simulate: frequencies: every share is 0; give at least one morphology a share")
    return shares


def _margin(value: Any, width: int) -> tuple[int, int]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise InputError(f"simulate: margin: two widths in px are needed, such as [60, 220], not {value!r}")
    low, high = (number("margin", width_, 0, 4096) for width_ in value)
    if low > high or low != int(low) or high != int(high):
        raise InputError(f"simulate: margin: {value!r} is no range of whole px; write [least, most]")
    if width - 2 * high < 48:
        raise InputError(
            f"simulate: margin: {int(high)} px on both sides leave no field in {width} px; make it narrower"
        )
    return int(low), int(high)
