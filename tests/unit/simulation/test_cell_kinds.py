"""Laws of simulated red cells and macrophages: kinds and parts of frames, sizes in micrometres, exact truth."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from skimage.measure import regionprops

from hemoseg.__main__ import main
from hemoseg.errors import InputError
from hemoseg.labels.autolabel import autolabel
from hemoseg.metrics.gaps import nearest_gaps
from hemoseg.simulation import cell_kinds, generator
from hemoseg.simulation.cell_kinds_settings import FIELD_UM

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


def test_crops_of_one_field_are_a_group_and_no_field_stands_in_two_parts(frames):
    groups = ["rbc_000"] * 3 + ["macrophage_000"] * 3 + ["mixed_000"] * 4 + ["mixed_001"] * 4
    assert [one.patient for one in frames] == groups
    params = yaml.safe_load((Path(__file__).parents[3] / "params.yaml").read_text())
    simulate = params["datasets"]["simulated_autocsc"]["simulate"]
    for scale in ("demo", "paper"):
        chosen = {
            key: value[scale] if isinstance(value, dict) and scale in value else value
            for key, value in simulate.items()
        }
        known = cell_kinds.check(chosen)
        assert not any(count % known["crops"] for count in known["parts"])


@pytest.mark.parametrize("pixel", [0.25, 0.5])
@pytest.mark.parametrize(
    ("kind", "least", "most"), [("rbc", 5, 7), ("macrophage", 13, 20), ("rbc", 6, 6.01), ("macrophage", 14, 14.01)]
)
def test_cells_measure_what_is_asked_for_at_the_stated_pixel_size(kind, least, most, pixel):
    alone = {"rbc": 0, "macrophage": 0, "mixed": 0, kind: 8, f"{kind}_um": [least, most], "overlap": 0, "crops": 8}
    alone |= {"height": round(64 / pixel), "width": round(64 / pixel), "cells": {"rbc": 60, "macrophage": 16}}
    size = cell_kinds.dataset(DEMO | alone | {"pixel_size_um": pixel})["pixel_size_um"]
    assert size == pixel
    diameters = []
    for index in range(8):
        one = frame(index, **alone | {"pixel_size_um": pixel})
        whole = [cell for cell in regionprops(one.instances) if inner(cell, one)]
        diameters += [cell.equivalent_diameter_area * size for cell in whole]
    assert len(diameters) >= 8
    blurred = 0.35 * pixel  # pixels on the outline count or not
    assert least - blurred <= min(diameters) < max(diameters) <= most + blurred
    assert np.median(diameters) == pytest.approx((least + most) / 2, rel=0.08)


def inner(cell, one):
    """Whether a cell lies within the frame, uncut."""
    return min(cell.bbox[:2]) > 0 and max(cell.bbox[2:]) < one.instances.shape[0]


def roundness(cell):
    """Diameter of the largest disc within a cell by that of the disc of its area: 1.0 for a disc."""
    return (
        2
        * cv2.distanceTransform(np.pad(cell.image, 1).astype(np.uint8), cv2.DIST_L2, 5).max()
        / (cell.equivalent_diameter_area)
    )


def grain(one, cell):
    """Mean height of spots of less than 1.25 um, dark and bright, well inside a cell."""
    green, inside = one.image[..., 1], (one.instances == cell).astype(np.uint8)
    spots = sum(cv2.morphologyEx(green, way, np.ones((5, 5))) for way in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT))
    return spots[cv2.erode(inside, np.ones((7, 7))) > 0].mean()


def test_macrophages_are_less_round_and_more_granular_than_red_cells():
    fine = {"rbc": 2, "macrophage": 4, "pixel_size_um": 0.25, "field": [3000, 4000], "height": 256, "width": 256}
    fine |= {"noise": 0, "debris": 0, "crenated": 0, "overlap": 0, "cells": {"macrophage": 20}}
    form, rough = {1: [], 2: []}, {1: [], 2: []}
    for index in range(6):
        one = frame(index, **fine)
        for cell in regionprops(one.instances):
            if inner(cell, one):
                form[one.classes.max()].append(roundness(cell))
                rough[one.classes.max()].append(grain(one, cell.label))
    assert np.median(form[2]) < 0.9 < np.median(form[1])
    assert np.median(rough[2]) > 1.25 * np.median(rough[1])  # whose rim and bright middle are spots, too


def touching(one, number):
    """Cells of a class, and how many of them have another cell within 3 px (PAPERS section 6)."""
    gaps = nearest_gaps(one.instances, one.instances.max(), 3)
    own = [one.classes[one.instances == cell].max() == number for cell in range(1, one.instances.max() + 1)]
    return np.array([sum(own), (~np.isnan(gaps[own])).sum()])


@pytest.mark.parametrize(("kind", "number", "first"), [("rbc", 1, 0), ("macrophage", 2, 12)])
def test_cells_stick_together_as_often_as_asked_for(kind, number, first):
    large = {"rbc": 12, "macrophage": 12, "mixed": 0, "height": 256, "width": 256, "crops": 12}
    shares = []
    for asked in (0, 0.5, 1):
        seen = sum(touching(frame(first + i, **large | {f"{kind}_touching": asked}), number) for i in range(12))
        shares.append(seen[1] / seen[0])
    # Members of clumps that find no room are left out, and a clump may be cut by the frame.
    assert shares[0] == 0
    assert shares[1] == pytest.approx(0.5, abs=0.13)
    assert shares[2] > 0.8


def test_red_cells_lie_against_macrophages_as_often_as_asked_for():
    large = {"rbc": 0, "macrophage": 0, "mixed": 8, "height": 256, "width": 256, "crops": 8, "rbc_touching": 0}
    shares = []
    for asked in (0, 0.4):
        seen = sum(touching(frame(index, **large | {"rosettes": asked}), 1) for index in range(8))
        shares.append(seen[1] / seen[0])
    assert shares[0] == 0
    assert shares[1] == pytest.approx(0.4, abs=0.13)


def test_the_number_of_cells_goes_by_the_area_in_micrometres():
    settings = {"rbc": 0, "macrophage": 0, "mixed": 8, "crops": 8, "cells": {"mixed": [30, 4]}}
    for pixel, side in ((0.25, 512), (0.5, 256), (0.5, 192)):
        one = settings | {"pixel_size_um": pixel, "height": side, "width": side, "field": [3000, 4000]}
        seen = np.zeros(2)
        for index in range(8):
            drawn = frame(index, **one)
            kinds = [drawn.classes[drawn.instances == cell].max() for cell in range(1, drawn.instances.max() + 1)]
            seen += [kinds.count(1), kinds.count(2)]
        area = 8 * (side * pixel / FIELD_UM) ** 2
        assert seen / area == pytest.approx([30, 4], rel=0.25)
    few = {"height": 64, "width": 64, "cells": {"mixed": [0.1, 0.1]}}
    assert frame(8, **few).instances.max() == 2  # one of each at the least


@pytest.mark.parametrize("setting", ["debris", "contrast", "noise", "shading", "bit_depth"])
def test_light_dirt_and_sensor_leave_the_truth_as_it_is(setting, frames):
    changed = frame(8, **{setting: {"debris": 60, "contrast": 2, "noise": 0.1, "shading": 0, "bit_depth": 16}[setting]})
    assert np.array_equal(changed.instances, frames[8].instances)
    assert np.array_equal(changed.classes, frames[8].classes)
    assert not np.array_equal(changed.image, frames[8].image)
    if setting == "bit_depth":
        assert np.array_equal(changed.image >> 8, frames[8].image)


def test_debris_shows_where_no_cell_is():
    clean, dirty = (frame(8, noise=0, bit_depth=16, debris=number) for number in (0, 60))
    shows = np.abs(dirty.image.astype(int) - clean.image).max(axis=2) > 0.03 * 65535
    assert shows.sum() > 100
    assert (shows & (clean.instances > 0)).sum() < 0.2 * shows.sum()  # dust may lie on cells


def test_the_lamp_falls_off_over_the_field_and_neighbouring_crops_fit_together():
    still = {"rbc": 12, "debris": 0, "noise": 0, "cells": {"rbc": 0}, "height": 500, "width": 500, "crops": 12}
    still |= {"mixed": 0, "macrophage": 0, "bit_depth": 16}
    crops = [frame(index, **still).image[..., 1].astype(float) for index in range(12)]
    assert {one.shape for one in crops} == {(500, 500)}
    assert crops[0].min() < crops[0].max()
    everywhere = np.array([(one.min(), one.max()) for one in crops])
    over_field = everywhere[:, 0].min() / everywhere[:, 1].max()
    assert 0.4 < over_field < 0.8
    assert np.median(everywhere[:, 0] / everywhere[:, 1]) > over_field + 0.1
    # Twelve crops of 500 px make up the whole field of 1500 x 2000: each has a neighbour whose first column goes on.
    for one in crops:
        right = min(np.abs(one[:, -1] - other[:, 0]).max() for other in crops if other is not one)
        left = min(np.abs(one[:, 0] - other[:, -1]).max() for other in crops if other is not one)
        assert min(right, left) < 40  # of 65535
    even = frame(0, **still | {"shading": 0}).image
    assert even[..., 1].min() == even[..., 1].max()


def test_red_cells_have_the_tint_of_haemoglobin_and_macrophages_none():
    plain = {"noise": 0, "debris": 0, "shading": 0, "contrast": 0, "bit_depth": 16}
    tint = {}
    for number, index in ((1, 1), (2, 4)):
        one = frame(index, **plain)
        density = -np.log(one.image.reshape(-1, 3).astype(float) / one.image.reshape(-1, 3).max(axis=0))
        tint[number] = np.median(density[one.instances.ravel() > 0], axis=0)
    assert tint[1][2] > 1.5 * tint[1][1] > 1.5 * tint[1][0]  # most blue, some green, hardly any red light
    assert tint[2][2] == pytest.approx(tint[2][0], abs=0.06)


def test_thresholds_and_contours_find_cells_but_not_perfectly():
    """The chain of `autocsc` is better at red cells than at macrophages, as the paper's ablation says it is."""
    scores = {}
    for kind, first in (("rbc", 0), ("macrophage", 8)):
        both = found = true = 0
        for index in range(8):
            one = frame(first + index, rbc=8, macrophage=8, pixel_size_um=0.25, height=256, width=256, crops=8)
            labels = autolabel(one.image.transpose(2, 0, 1).astype(np.float32) / 255, {}) > 0
            both += (labels & (one.instances > 0)).sum()
            found, true = found + labels.sum(), true + (one.instances > 0).sum()
        scores[kind] = both / (found + true - both)
    assert 0.25 < scores["macrophage"] < scores["rbc"] < 0.95


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
        ({"pixel_size_um": 1, "rbc_um": [4, 7]}, "rbc_um: 4 um are fewer than 5 px of 1 um"),
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
