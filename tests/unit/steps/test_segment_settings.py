"""How `segment` looks at an image: what is said goes before what is known, and what is known before a guess."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemoseg.errors import InputError
from hemoseg.inference.windows import window_starts
from hemoseg.steps.segment_settings import CELL_OVERLAP, METHOD_WINDOW, WINDOW, scale_of, settle


def model(evidence=None, probability=True, makes_cells=False):
    return SimpleNamespace(
        evidence=evidence or {}, probability=torch.softmax if probability else None, makes_cells=makes_cells,
        device=torch.device("cpu"), description={"median_cell_area": 200.0},
    )  # fmt: skip


KNOWN = {"scale": {"factor": 0.5, "pixel_size_um": 0.2}}


@pytest.mark.parametrize("pixel_size", [0.1, 0.2, 0.35])
def test_a_cell_has_the_size_on_the_grid_that_it_had_in_training(pixel_size):
    scale, note = scale_of(None, model(KNOWN), pixel_size)
    micrometres = 7.0
    assert micrometres / pixel_size * scale == pytest.approx(micrometres / 0.2 * 0.5)
    assert note == ""


def test_what_is_not_known_is_said():
    assert scale_of(None, model(), 0.1)[0] == 1
    assert "taken as they are" in scale_of(None, model(), 0.1)[1]
    assert scale_of(None, model({"scale": {"factor": 0.5, "pixel_size_um": None}}), 0.1)[0] == 0.5
    assert "pixel sizes are not known" in scale_of(None, model(KNOWN), None)[1]
    assert scale_of(0.7, model(KNOWN), 0.1) == (0.7, "")
    assert scale_of(None, model(KNOWN), 0.4 * 1.01)[0] == 1  # nothing is resized for a hair
    with pytest.raises(InputError, match="correct --pixel-size"):
        scale_of(None, model(KNOWN), 350.0)


@given(size=st.tuples(st.integers(1, 9000), st.integers(1, 9000)))
def test_windows_fit_an_image_with_no_more_of_them_and_the_overlap_asked_for(size):
    settings = settle({}, model())
    sides, share = settings.windows(size)
    for length, side, most in zip(size, sides, settings.window, strict=True):
        side = min(side, length)
        starts = window_starts(length, side, share)
        assert side <= most
        assert len(starts) <= len(window_starts(length, min(most, length), settings.overlap))
        assert all(one + side - other >= settings.overlap * side - 1 for one, other in pairwise(starts))
        assert len(starts) * side <= length + (len(starts) - 1) * 2 * 128 + 32 * len(starts)
    assert settle({"window": [1024, 1024]}, model()).windows(size) == ((1024, 1024), 0.125)
    assert settle({}, model(probability=False)).windows(size) == (tuple(METHOD_WINDOW), CELL_OVERLAP)


def test_settings_of_the_evidence_are_taken_unless_others_are_given():
    tested = {"window": [64, 96], "overlap": 0.3, "cells": "watershed", "min_area_share": 0.2, "markers": {}}
    found = settle({}, model({"predict": tested}))
    assert (found.window, found.overlap, found.cells, found.min_area) == ((64, 96), 0.3, "watershed", 40.0)
    found = settle({"window": [32, 32], "cells": "components"}, model({"predict": tested}))
    assert (found.window, found.overlap, found.cells) == ((32, 32), 0.3, "components")
    found = settle({}, model({"predict": tested | {"window": None}}))
    assert (found.window, found.overlap) == (tuple(WINDOW), 0.125)
    assert settle({}, model(probability=False)).window == tuple(METHOD_WINDOW)
    assert settle({}, model(probability=False, makes_cells=True)).overlap == CELL_OVERLAP
    with pytest.raises(InputError, match="windw"):
        settle({"windw": [3, 3]}, model())
