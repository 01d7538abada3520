"""Laws of simulated red cells and macrophages: kinds and parts of frames, sizes in micrometres, exact truth."""

import json

import numpy as np
import pandas as pd
import pytest

from hemoseg.__main__ import main
from hemoseg.errors import InputError
from hemoseg.simulation import cell_kinds, generator

DEMO = {"rbc": 3, "macrophage": 3, "mixed": 8, "height": 128, "width": 128, "field": [1500, 2000], "crops": 4}
DEMO |= {"pixel_size_um": 0.5}


def frame(index, seed=3, **settings):
    return cell_kinds.simulate_frame(DEMO | settings, seed=seed, index=index)


@pytest.fixture(scope="module")
def frames():
    return [frame(index) for index in range(14)]


def test_frames_come_by_kind_and_single_kinds_train(frames):
    assert [one.kind for one in frames] == ["rbc"] * 3 + ["macrophage"] * 3 + ["mixed"] * 8
    assert [one.part for one in frames] == ["train"] * 12 + ["val", "test"]  # 6, 1, 1 of the mixed, as 450, 75, 75
    assert [frame(6 + place, parts=[2, 1, 5]).part for place in range(4)] == ["train", "train", "val", "test"]


def test_classes_agree_with_instances_and_with_the_kind(frames):
    for one in frames:
        assert one.image.shape == (*one.instances.shape, 3) == (128, 128, 3)
        assert np.array_equal(one.instances > 0, one.classes > 0)
        assert set(one.instances.flat) == set(range(one.instances.max() + 1))
        for number in range(1, one.instances.max() + 1):
            assert len(np.unique(one.classes[one.instances == number])) == 1
        assert one.instances.max() >= 1
    assert [set(np.unique(one.classes)) for one in frames[:6]] == [{0, 1}] * 3 + [{0, 2}] * 3
    assert set(np.concatenate([one.classes.ravel() for one in frames[6:]])) == {0, 1, 2}


def test_the_number_of_one_kind_leaves_the_frames_of_the_others(frames):
    for settings in ({"rbc": 0}, {"rbc": 9}, {"macrophage": 7}, {"mixed": 16}):
        first = settings.get("rbc", 3) + settings.get("macrophage", 3)
        for again, once in ((frame(first + 4, **settings), frames[10]), (frame(first - 1, **settings), frames[5])):
            if "macrophage" in settings and once is frames[5]:
                continue
            assert np.array_equal(again.image, once.image)
            assert np.array_equal(again.instances, once.instances)
            assert again.patient == once.patient


def test_the_manifest_says_kind_part_and_field(tmp_path):
    counts = {"rbc": 2, "macrophage": 1, "mixed": 3, "parts": [1, 1, 1]}
    settings = json.dumps({"kind": "cell_kinds", "height": 64, "width": 64} | counts)
    assert main(["simulate", "--settings", settings, "--seed", "4", "--out", str(tmp_path / "d")]) == 0
    manifest = pd.read_csv(tmp_path / "d" / "manifest.csv")
    assert manifest["kind"].tolist() == ["rbc", "rbc", "macrophage", "mixed", "mixed", "mixed"]
    assert manifest["part"].tolist() == ["train", "train", "train", "train", "val", "test"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"cell": 3}, "did you mean 'cells'"),
        ({"rbc": 0, "macrophage": 0, "mixed": 0}, "leave frames out and ask for one"),
        ({"frames": 3}, "rbc, macrophage and mixed make 2600; leave frames out"),
        ({"rbc": 2.5}, "rbc: a whole number"),
        ({"mixed": 4, "parts": [2, 1, 2]}, r"parts: \[2, 1, 2\] make 5, and 4 frames are mixed"),
        ({"parts": 4}, "parts: numbers of mixed frames that train, validate and test are needed"),
        ({"rbc_um": [7, 5]}, "rbc_um: 7 is more than 5"),
        ({"macrophage_um": 15}, "macrophage_um: least and most in um are needed"),
        ({"pixel_size_um": 2}, "pixel_size_um: 2 lies outside 0.05 to 1"),
        ({"field": [600, 4000]}, "have room for 7 crops of 512 x 512 px, not for 15"),
        ({"cells": {"red": 3}}, "cells: there is no setting 'red'"),
        ({"cells": {"mixed": 3}}, "cells: mixed: numbers of red cells and of macrophages are needed"),
        ({"cells": {"rbc": [3, 0]}}, "cells: rbc: a number is needed"),
        ({"bit_depth": 12}, "use 8 or 16"),
        ({"kind": "smear"}, "'smear' is no cell_kinds"),
    ],
)
def test_unusable_settings_are_refused_in_one_sentence(settings, says):
    with pytest.raises(InputError, match=says):
        cell_kinds.check(settings)


def test_checked_settings_are_settings():
    known = cell_kinds.check(DEMO)
    assert cell_kinds.check(known) == known
    assert generator("cell_kinds") is cell_kinds
