"""Simulated smears whose images differ in size: small ones of one size to train on, a fixed test set of any size.

Cells, stains and artefacts are those of `smear`, at one magnification whatever the size of the image (deconvnet,
section 3: 164 images of 128x128x3, and 40 test images from 61x75 to 900x1300). Each is a window of a field as large as
the largest image, so that a small image sees a part of the lamp's fall only, and training images together see all of
it, corners included. The patients of the test images are none of those of the training images.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from hemoseg.errors import InputError
from hemoseg.simulation import smear
from hemoseg.simulation.bounds import number, numbers, of_kind, refuse_unknown
from hemoseg.simulation.exact import Draws
from hemoseg.simulation.frame import SimulatedFrame
from hemoseg.simulation.settings import NUMBERS

__all__ = ["CLASS_NAMES", "TRUTH", "check", "dataset", "simulate_frame", "size_of_test"]

CLASS_NAMES = smear.CLASS_NAMES
TRUTH = smear.TRUTH

COUNTS = {"training": (164, 1, 100_000), "test": (40, 0, 100_000)}  # images of each part
SIZES = {  # rows and columns
    "training_size": (128, 128),  # of every training image
    "least": (61, 75),  # of the smallest test image
    "most": (900, 1300),  # of the largest
}
LEAST, MOST = 48, 8192  # px; fewer hold no cell
# What differs from a smear's default: cells and artefacts are numbers per 128x128 px here, and cells are smaller.
DEFAULTS = {"cells": 5.0, "artefacts": 1.0, "diameter": 34.0, "blur": 0.6, "channels": 3}
FIXED = {"height": 128, "width": 128, "margin": (0, 0)}  # of a smear, and no settings here
AREA = 128 * 128
FEWEST = 2.0  # mean number of cells of the smallest images; `Draws.count` makes one of it at the least
LONGER = 1.25  # most by which a test image is longer or shorter than its area and the extremes would have it
SIZE_STREAM, TEST_FIRST = 15, 500_000  # test images and their patients are numbered from here, however many train
BITS = 24


def check(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with defaults filled in: those of `settings.check` but for height, width and margin.

    ``frames`` is the sum of ``training`` and ``test``.

    Raises:
        InputError: an unknown key, a value of the wrong type or out of bounds, a smallest image larger than the
            largest, ``frames`` that are another sum.
    """
    shared = [key for key in NUMBERS if key not in ("frames", "height", "width")]
    refuse_unknown(settings, [*COUNTS, *SIZES, *shared, "kind", "frequencies", "frames"])
    given = {key: settings[key] for key in [*shared, "frequencies"] if key in settings}
    checked = smear.check(DEFAULTS | given | FIXED)
    checked |= {"kind": of_kind(settings, "smear_sizes")} | numbers(settings, COUNTS, COUNTS)
    checked |= {key: _size(key, settings.get(key, default)) for key, default in SIZES.items()}
    for least, most in zip(checked["least"], checked["most"], strict=True):
        if least > most:
            raise InputError(f"simulate: least: {least} px are more than the {most} px of most; exchange them")
    frames = checked["training"] + checked["test"]
    if settings.get("frames", frames) != frames:
        raise InputError(f"simulate: frames: training and test make {frames}; leave frames out")
    return {key: value for key, value in checked.items() if key not in FIXED} | {"frames": frames}


def simulate_frame(settings: dict[str, Any], *, seed: int, index: int) -> SimulatedFrame:
    """Image ``index`` of the data set of ``seed``: a training image below ``training``, then the test images.

    Test images are the same whatever the number of training images. They belong to ``patients`` patients of their own,
    "t00", "t01" ...

    Args:
        settings: see `check`; what is missing takes its default.
        seed: >= 0.
        index: >= 0.

    Raises:
        InputError: a setting is unknown or out of bounds.
    """
    known = check(settings)
    place = index - known["training"]
    height, width = known["training_size"] if place < 0 else size_of_test(known, seed, place)
    share = height * width / AREA
    scaled = FIXED | {"height": height, "width": width, "artefacts": known["artefacts"] * share}
    scaled["cells"] = max(known["cells"] * share, FEWEST) if known["cells"] else 0.0
    field = tuple(max(sides) for sides in zip(known["most"], known["training_size"], strict=True))
    if place < 0:
        return replace(smear.draw_frame(known | scaled, seed, index, field), part="train")
    patient = place % known["patients"]
    frame = smear.draw_frame(known | scaled, seed, TEST_FIRST + place, field, TEST_FIRST + patient)
    return replace(frame, part="test", patient=f"t{patient:02d}")


def dataset(settings: dict[str, Any]) -> dict[str, Any]:
    """What ``dataset.yaml`` says about frames of these settings."""
    known = check(settings)
    return smear.dataset({key: known[key] for key in ("diameter", "channels")})


def size_of_test(known: dict[str, Any], seed: int, place: int) -> tuple[int, int]:
    """Rows and columns of the test image at ``place``: the least, the most, then log-uniform in area between them.

    Args:
        known: checked settings.
        seed: of the data set.
        place: 0, 1, ... among the test images.
    """
    if place < 2:
        return known["most" if place else "least"]
    draws = Draws(SIZE_STREAM, seed, place)
    along, longer = draws.between(0, 1), _power(LONGER, draws.between(0, 1))
    longer = longer if draws.chance(0.5) else 1 / longer
    (low, left), (high, right) = known["least"], known["most"]
    rows = low * _power(high / low, along) * longer
    columns = left * _power(right / left, along) / longer
    return min(max(round(rows), low), high), min(max(round(columns), left), right)


def _power(base: float, exponent: float) -> float:
    """``base ** exponent`` for an exponent in [0, 1), by square roots alone (`exact`, rule 2)."""
    result, root = 1.0, base
    for _ in range(BITS):
        root, exponent = float(np.sqrt(root)), exponent * 2
        if exponent >= 1:
            result, exponent = result * root, exponent - 1
    return result


def _size(key: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise InputError(f"simulate: {key}: rows and columns in px are needed, such as [128, 128], not {value!r}")
    rows, columns = (number(key, length, LEAST, MOST, whole=True) for length in value)
    return rows, columns
