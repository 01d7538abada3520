"""What the page of random folds beside folds of whole patients says and draws."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hemoseg.figures import patients

LABELS = {"unet": "U-Net", "d": "dU-Net"}
COLUMNS = {"dice": {"digits": 3, "unit": ""}, "missed": {"digits": 1, "unit": "cells"}}


def optimism(seed_sd=np.nan):
    shared = {"row": "d", "label": "dU-Net", "family": "random", "other_family": "grouped", "groups": 4, "images": 24}
    numbers = {"mean": 0.9, "other_mean": 0.85, "optimism": 0.05, "seed_sd": seed_sd, "lowest_group": -0.01}
    lines = pd.DataFrame({"column": ["dice", "missed"], "header": ["Dice", "FN"], "class": ["cell", "all"]})
    return lines.assign(**shared, **numbers, highest_group=0.2, low=[0.0, np.nan], high=[0.1, np.nan])


def test_optimism_is_printed_with_its_sign_and_blank_where_nothing_is_known():
    table = patients.optimism_table(optimism(), COLUMNS)
    assert table["optimism"].to_list() == ["+0.050", "+0.1"]
    assert table["95 % interval"].to_list() == ["+0.000 to +0.100", "–"]
    assert table["column"].to_list() == ["Dice, cell", "FN (cells)"]
    assert patients.SEEDS not in table
    assert patients.optimism_table(optimism(0.02), COLUMNS)[patients.SEEDS].to_list() == ["0.020", "0.0"]
    assert "dU-Net +0.050 (random 0.900, grouped 0.850" in patients.verdict(optimism(), COLUMNS)


@pytest.mark.parametrize(("info", "said"), [({"simulated": True}, True), ({"simulated": False}, False), ({}, False)])
def test_the_optimism_of_simulated_patients_is_said_to_be_theirs_alone(info, said):
    assert ("nothing of real patients" in patients.simulated_sentence(SimpleNamespace(info=info))) == said


@pytest.mark.parametrize("groups", [1, 2, 4, 5])
def test_the_ways_to_draw_patients_are_counted(groups):
    ways = len(list(itertools.combinations_with_replacement(range(groups), groups)))
    assert f"only {ways} different way" in patients.patients_sentence(optimism().assign(groups=groups))


def test_every_image_of_every_patient_is_a_dot():
    lines = [(row, f"s{i}", f"p{i % 3}", i / 100) for row in LABELS for i in range(9)]
    images = pd.DataFrame(lines, columns=["row", "sample", "group", "difference"])
    drawn = patients.differences(images, LABELS)
    assert [sum(len(dots.get_offsets()) for dots in axes.collections) for axes in drawn.axes] == [9, 9]
    assert "9 test images of 3 patients" in patients.caption(images)
    drawn.draw_without_rendering()
