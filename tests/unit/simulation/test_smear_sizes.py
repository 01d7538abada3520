"""Laws of simulated smears whose images differ in size: the sizes, one magnification, a test set that stays."""

import math

import numpy as np
import pandas as pd
import pytest

from hemoseg.__main__ import main
from hemoseg.errors import InputError
from hemoseg.simulation import generator, smear, smear_sizes
from hemoseg.simulation.exact import Draws
from hemoseg.simulation.settings import MORPHOLOGIES
from hemoseg.simulation.smear_sizes import size_of_test

SMALL = {"training": 6, "test": 5, "most": [200, 260]}


def image(index, seed=3, **settings):
    return smear_sizes.simulate_frame(SMALL | settings, seed=seed, index=index)


@pytest.fixture(scope="module")
def frames():
    return [image(index) for index in range(11)]


def test_training_images_come_first_and_are_of_one_size(frames):
    assert [frame.part for frame in frames] == ["train"] * 6 + ["test"] * 5
    assert {frame.image.shape for frame in frames[:6]} == {(128, 128, 3)}
    known = smear_sizes.check(SMALL)
    assert known["frames"] == 11
    assert smear_sizes.check(known) == known


def test_test_images_lie_between_the_extremes_and_both_are_among_them(frames):
    shapes = [frame.image.shape for frame in frames[6:]]
    assert shapes[:2] == [(61, 75, 3), (200, 260, 3)]
    assert len(set(shapes)) == 5
    sizes = [size_of_test(smear_sizes.check({}), 0, place) for place in range(400)]
    assert all(61 <= rows <= 900 and 75 <= columns <= 1300 for rows, columns in sizes)
    assert sizes[:2] == [(61, 75), (900, 1300)]


def test_sizes_are_log_uniform_in_area():
    areas = [math.prod(size_of_test(smear_sizes.check({}), 1, place)) for place in range(2, 1202)]
    low, high = math.log(61 * 75), math.log(900 * 1300)
    shares, _ = np.histogram(np.log(areas), bins=5, range=(low, high))
    # 240 in each: the standard deviation of a count is 14; clipping to the extremes moves some at both ends.
    assert shares.sum() == 1200
    assert np.abs(shares - 240).max() < 60


def test_powers_by_square_roots_alone_are_powers():
    for exponent in (0.0, 0.25, 0.5, 0.7, 0.999):
        assert smear_sizes._power(14.75, exponent) == pytest.approx(14.75**exponent, rel=1e-6)


def test_the_truth_is_of_the_images_size_and_every_image_has_cells(frames):
    smallest = [image(6, seed) for seed in range(12)]
    for frame in [*frames, *smallest]:
        assert frame.instances.shape == frame.classes.shape == frame.image.shape[:2]
        assert np.array_equal(frame.instances > 0, frame.classes > 0)
        assert frame.classes.max() <= len(MORPHOLOGIES)
        assert frame.instances.max() >= 1


def test_cells_are_as_large_and_as_many_per_area_whatever_the_size():
    settings = {"most": [400, 500], "frequencies": {"discocyte": 1}, "touching": 0, "artefacts": 0}
    small, large = [image(index, **settings) for index in range(6)], [image(7, seed, **settings) for seed in range(2)]
    diameters, numbers = [], []
    for group in (small, large):
        inner = []
        for frame in group:
            cut = np.unique(np.concatenate([frame.instances[[0, -1]].ravel(), frame.instances[:, [0, -1]].ravel()]))
            areas = np.bincount(frame.instances.ravel())
            inner += [area for number, area in enumerate(areas) if number not in cut and number]
        diameters.append(2 * np.sqrt(np.median(inner) / np.pi))
        area = sum(frame.instances.size for frame in group)
        numbers.append(sum(frame.instances.max() for frame in group) / area * 128 * 128)
    assert diameters == pytest.approx([34, 34], rel=0.08)
    assert numbers == pytest.approx([5, 5], rel=0.3)


def test_a_small_image_sees_a_part_of_the_lamp_only():
    still = {"cells": 0, "artefacts": 0, "noise": 0, "most": [600, 800]}
    falls = {}
    for name, indices in (("small", range(6)), ("large", [7])):
        green = [image(index, **still).image[..., 1].astype(float) for index in indices]
        falls[name] = np.median([one.min() / one.max() for one in green])
    assert falls["large"] < 0.75
    assert falls["small"] > falls["large"] + 0.1


@pytest.mark.parametrize(("lines", "taken"), [(90, 12), (13, 12), (12, 12)])
def test_windows_see_the_border_of_the_field_as_often_as_its_middle(lines, taken):
    draws, seen = Draws(1, 0, 0), np.zeros(lines)
    for _ in range(6000):
        first = smear._first_line(lines, taken, draws)
        assert 0 <= first <= lines - taken
        seen[first : first + taken] += 1
    share = taken / (lines + taken - 1)  # of the windows, wherever they are put whose middle lies in the field
    assert seen.min() > 0.85 * share * 6000
    assert abs(seen[0] - seen[-1]) < 0.15 * seen[0]


def test_training_images_show_the_dark_corners_of_the_field_as_often_as_test_images_do():
    size = [200, 260]
    still = {"cells": 0, "artefacts": 0, "noise": 0, "patients": 1, "training_size": [48, 48], "training": 120}
    still |= {"least": size, "most": size, "test": 12}
    dark = {}
    for part, indices in (("train", range(120)), ("test", range(120, 132))):
        green = np.array([image(index, 0, **still).image[..., 1] for index in indices])
        dark[part] = (green < 0.75 * np.percentile(green, 99)).mean()
    # Windows within the field alone show a third of it (0.36), border and corners being seldom seen.
    assert 0.8 < dark["train"] / dark["test"] < 1.6


def test_no_patient_both_trains_and_tests(frames):
    of = {part: [frame.patient for frame in frames if frame.part == part] for part in ("train", "test")}
    assert of == {"train": ["p00", "p01", "p02", "p03", "p04", "p00"], "test": ["t00", "t01", "t02", "t03", "t04"]}
    still = {"cells": 0, "artefacts": 0, "noise": 0, "shading": 0, "training": 1, "test": 4, "patients": 2}
    colours = [image(index, **still).image.reshape(-1, 3).mean(axis=0) for index in range(5)]
    # The film's colour is the patient's: twice the same one, and none of them that of the patient who trains.
    far = [[np.abs(one / one.sum() - other / other.sum()).max() for other in colours] for one in colours]
    same = {(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (1, 3), (3, 1), (2, 4), (4, 2)}
    assert {(i, j) for i in range(5) for j in range(5) if far[i][j] < 1e-3} == same


def test_test_images_do_not_depend_on_the_numbers(frames):
    for settings in ({"training": 9}, {"test": 50}, {"training_size": [96, 96]}):
        first = settings.get("training", 6)
        again = image(first + 2, **settings)
        assert np.array_equal(again.image, frames[8].image)
        assert np.array_equal(again.instances, frames[8].instances)
    assert image(8, seed=4).image.shape != frames[8].image.shape


def test_the_manifest_says_what_trains_and_what_tests(tmp_path):
    settings = '{"kind": "smear_sizes", "training": 2, "test": 2, "most": [70, 90]}'
    assert main(["simulate", "--settings", settings, "--seed", "4", "--out", str(tmp_path / "d")]) == 0
    manifest = pd.read_csv(tmp_path / "d" / "manifest.csv")
    assert manifest["part"].tolist() == ["train", "train", "test", "test"]
    assert manifest["kind"].tolist() == ["smear_sizes"] * 4
    assert manifest[["height", "width"]].values.tolist() == [[128, 128], [128, 128], [61, 75], [70, 90]]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"height": 100}, "no setting 'height'"),
        ({"frames": 3}, "frames: training and test make 204; leave frames out"),
        ({"margin": [0, 5]}, "no setting 'margin'"),
        ({"trainings": 3}, "did you mean 'training'"),
        ({"training": 0}, "training: 0 lies outside 1"),
        ({"test": 2.5}, "test: a whole number"),
        ({"least": 61}, "least: rows and columns"),
        ({"least": [61, 75.5]}, "least: a whole number"),
        ({"least": [20, 75]}, "least: 20 lies outside 48"),
        ({"least": [300, 75], "most": [200, 100]}, "300 px are more than the 200 px of most; exchange them"),
        ({"diameter": 5}, "diameter: 5 lies outside"),
        ({"kind": "smear"}, "'smear' is no smear_sizes"),
    ],
)
def test_unusable_settings_are_refused_in_one_sentence(settings, says):
    with pytest.raises(InputError, match=says):
        smear_sizes.check(settings)


def test_the_kind_is_a_module_of_the_room():
    assert generator("smear_sizes") is smear_sizes
