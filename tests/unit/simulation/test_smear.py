"""Laws of simulated smears: exact truth, blank margins, frequencies, difficulty."""

import cv2
import numpy as np
import pytest
from skimage.filters import threshold_otsu

from hemoseg.errors import InputError
from hemoseg.simulation import generator, smear
from hemoseg.simulation.settings import MORPHOLOGIES

SMALL = {"height": 270, "width": 480, "diameter": 32.0, "margin": [15, 50], "cells": 12.0, "blur": 0.5}


@pytest.fixture(scope="module")
def frames():
    return [smear.simulate_frame(SMALL, seed=5, index=i) for i in range(24)]


def test_instances_are_numbered_without_gaps(frames):
    for frame in frames:
        numbers = np.unique(frame.instances)
        assert numbers.tolist() == list(range(len(numbers)))


def test_every_instance_is_one_connected_part(frames):
    thin = {
        "frequencies": {"sickle": 1, "elongated": 1},
        "touching": 1,
        "overlapping": 1,
        "overlap": 0.5,
        "artefacts": 0,
    }
    crossing = [smear.simulate_frame(SMALL | thin, seed=8, index=index) for index in range(16)]
    for frame in frames + crossing:
        for number in range(1, frame.instances.max() + 1):
            parts = cv2.connectedComponents((frame.instances == number).astype(np.uint8), connectivity=4)[0] - 1
            assert parts == 1


def test_every_instance_has_one_class_and_the_background_none(frames):
    for frame in frames:
        assert (frame.classes[frame.instances == 0] == 0).all()
        for number in range(1, frame.instances.max() + 1):
            kinds = np.unique(frame.classes[frame.instances == number])
            assert len(kinds) == 1
            assert 1 <= kinds[0] <= 8


def test_no_instance_is_a_splinter(frames):
    sizes = np.concatenate([np.bincount(frame.instances.ravel())[1:] for frame in frames])
    # The smallest morphology covers about a third of a discocyte; 0.4 of it in the field, 0.6 of that visible.
    assert sizes.min() > 0.05 * np.median(sizes)


def test_margins_are_blank_and_free_of_truth(frames):
    widths = set()
    for frame in frames:
        left, right = frame.margins
        widths |= {left, right}
        assert 15 <= left <= 50
        assert 15 <= right <= 50
        for part in (np.s_[:, :left], np.s_[:, 480 - right :]):
            assert not frame.instances[part].any()
            assert not frame.classes[part].any()
            values = frame.image[part].astype(float)
            assert values.std() < 0.01 * 255
            assert values.mean() < 0.1 * 255 or values.mean() > 0.9 * 255
    assert len(widths) > 5
    assert any(frame.margins[0] != frame.margins[1] for frame in frames)


def test_both_dark_and_bright_margins_occur(frames):
    assert {bool(frame.image[:, :5].mean() > 127) for frame in frames} == {False, True}


def test_patients_come_in_turn_and_share_a_stain():
    settings = SMALL | {"patients": 2, "cells": 0, "artefacts": 0, "shading": 0, "margin": [0, 0], "noise": 0}
    frames = [smear.simulate_frame(settings, seed=1, index=i) for i in range(4)]
    assert [frame.patient for frame in frames] == ["p00", "p01", "p00", "p01"]
    hues = [frame.image[..., :3].mean((0, 1)) / frame.image[..., :3].mean() for frame in frames]
    assert np.abs(hues[0] - hues[2]).max() < 0.005
    assert np.abs(hues[0] - hues[1]).max() > 0.005


def test_frequencies_are_those_asked_for():
    shares = {"discocyte": 0.5, "sickle": 0.3, "echinocyte": 0.2}
    settings = SMALL | {"frequencies": shares, "cells": 12.0, "artefacts": 0, "touching": 0}
    counts = np.zeros(9)
    for index in range(20):
        frame = smear.simulate_frame(settings, seed=2, index=index)
        first = np.unique(np.stack([frame.instances.ravel(), frame.classes.ravel()]), axis=1)
        counts += np.bincount(first[1][first[0] > 0], minlength=9)
    found = dict(zip(MORPHOLOGIES, counts[1:] / counts[1:].sum(), strict=True))
    # 240 cells: the standard deviation of a share is at most 0.033.
    for name in MORPHOLOGIES:
        assert found[name] == pytest.approx(shares.get(name, 0), abs=0.1)
    assert 9 < counts[1:].sum() / 20 < 14


def test_default_pixels_are_near_the_published_ratio():
    settings = SMALL | {"height": 1080, "width": 1080, "diameter": 16.0, "margin": [0, 0], "cells": 600.0}
    frame = smear.simulate_frame(settings | {"artefacts": 0, "channels": 3}, seed=0, index=0)
    pixels = np.bincount(frame.classes.ravel(), minlength=9)[1:]
    groups = np.array([pixels[0] + pixels[1], pixels[3] + pixels[7], pixels[6], pixels[2] + pixels[4] + pixels[5]])
    assert groups / groups.sum() * 15 == pytest.approx(np.array([11, 2, 1, 1]), abs=0.7)


def test_foreground_is_near_six_per_cent_of_the_field():
    shares = []
    for index in range(40):
        frame = smear.simulate_frame(SMALL | {"cells": 9.5, "margin": [15, 55]}, seed=3, index=index)
        field = frame.instances[:, frame.margins[0] : 480 - frame.margins[1]]
        shares.append((field > 0).mean())
    assert 0.045 < np.mean(shares) < 0.075


@pytest.mark.parametrize(("touching", "overlapping"), [(0.0, 0.5), (1.0, 0.0), (1.0, 1.0)])
def test_touching_is_what_was_asked_for(touching, overlapping):
    settings = SMALL | {"touching": touching, "overlapping": overlapping}
    near = cells = 0
    for index in range(6):
        frame = smear.simulate_frame(settings, seed=4, index=index)
        for number in range(1, frame.instances.max() + 1):
            around = cv2.dilate((frame.instances == number).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
            near += bool((around & (frame.instances > 0) & (frame.instances != number)).any())
            cells += 1
    if touching:
        assert near / cells > 0.7
    else:
        assert near == 0


def test_an_overlap_absorbs_twice():
    flat = SMALL | {"artefacts": 0, "shading": 0, "noise": 0, "channels": 3, "margin": [0, 0], "cells": 8.0}
    rods = flat | {"frequencies": {"elongated": 1}, "touching": 1.0, "overlap": 0.3}
    darkest = {}
    for overlapping in (0.0, 1.0):
        frames = [smear.simulate_frame(rods | {"overlapping": overlapping}, seed=6, index=i) for i in range(6)]
        light = np.concatenate([frame.image[..., 1].ravel() for frame in frames])
        darkest[overlapping] = np.quantile(light, 0.002)
    assert darkest[1.0] < 0.8 * darkest[0.0]


def test_artefacts_are_seen_but_are_not_in_the_truth():
    empty = SMALL | {"cells": 0, "noise": 0, "artefacts": 0}
    bare = smear.simulate_frame(empty, seed=7, index=0)
    full = smear.simulate_frame(empty | {"artefacts": 40}, seed=7, index=0)
    field = np.s_[:, bare.margins[0] : 480 - bare.margins[1]]
    changed = np.abs(full.image[field][..., 1].astype(int) - np.median(bare.image[field][..., 1])) > 60
    assert changed.sum() > 200
    assert not full.instances.any()
    assert not full.classes.any()


def test_cells_are_darker_than_their_surroundings(frames):
    for frame in frames:
        near = cv2.dilate((frame.instances > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        left, right = frame.margins
        near[:, : left + 1] = near[:, 479 - right :] = False
        green = frame.image[..., 1]
        cells = frame.instances > 0
        assert green[cells].mean() < 0.85 * green[near & ~cells].mean()


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("bit_depth", [8, 16])
def test_channels_and_bit_depth(channels, bit_depth):
    frame = smear.simulate_frame(SMALL | {"channels": channels, "bit_depth": bit_depth}, seed=0, index=0)
    assert frame.image.shape == (270, 480, channels)
    assert frame.image.dtype == {8: np.uint8, 16: np.uint16}[bit_depth]
    assert frame.instances.dtype == np.int32
    assert frame.classes.dtype == np.uint8
    # The field uses the range of its type, so 16 bits are more than 8 bits shifted.
    assert frame.image.max() > 0.6 * (2**bit_depth - 1)
    if bit_depth == 16:
        assert len(np.unique(frame.image)) > 5000


def test_depth_does_not_change_the_scene():
    shallow = smear.simulate_frame(SMALL, seed=0, index=3)
    deep = smear.simulate_frame(SMALL | {"bit_depth": 16}, seed=0, index=3)
    assert np.array_equal(shallow.instances, deep.instances)
    field = np.s_[:, shallow.margins[0] : 480 - shallow.margins[1]]
    assert np.array_equal(shallow.image[field], deep.image[field] >> 8)


def test_otsu_does_not_solve_the_default_set():
    dice = []
    for index in range(12):
        # The default frame at a quarter of its size: the same light, the same cells, a sixteenth of the pixels.
        settings = {"height": 270, "width": 480, "diameter": 32.0, "margin": [15, 55], "blur": 0.4}
        frame = smear.simulate_frame(settings, seed=0, index=index)
        field = np.s_[:, frame.margins[0] : 480 - frame.margins[1]]
        truth = frame.instances[field] > 0
        grey = cv2.cvtColor(np.ascontiguousarray(frame.image[field][..., :3]), cv2.COLOR_RGB2GRAY)
        low = grey <= threshold_otsu(grey)
        dice.append(max(2 * (m & truth).sum() / (m.sum() + truth.sum()) for m in (low, ~low)))
    assert np.mean(dice) <= 0.85
    assert np.mean(dice) >= 0.4  # cells are still the darkest thing in most of the field


def test_gallery_shows_every_morphology_once():
    crops = smear.gallery(SMALL, seed=0)
    assert [name for name, _ in crops] == list(MORPHOLOGIES)
    for _, crop in crops:
        assert crop.shape == (64, 64, 4)
        assert crop[..., 1].min() < 0.75 * np.median(crop[..., 1])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"frame": 3}, "did you mean 'frames'"),
        ({"frequencies": {"discocytes": 1}}, "did you mean 'discocyte'"),
        ({"frequencies": {"oval": 0}}, "every share is 0"),
        ({"frequencies": [1]}, "mapping"),
        ({"cells": "many"}, "cells: a number is needed"),
        ({"frames": 1.5}, "whole number"),
        ({"frames": True}, "a number is needed"),
        ({"channels": 5}, "channels: 5 lies outside 3 to 4"),
        ({"bit_depth": 12}, "use 8 or 16"),
        ({"cells": float("nan")}, "lies outside"),
        ({"margin": 5}, "two widths"),
        ({"margin": [50, 5]}, "no range"),
        ({"width": 100, "margin": [10, 40]}, "leave no field"),
        ({"kind": "nuclei"}, "no smear"),
    ],
)
def test_unusable_settings_are_refused_in_one_sentence(settings, says):
    with pytest.raises(InputError, match=says):
        smear.check(settings)


def test_kinds_are_modules_of_the_room():
    assert generator("smear") is smear
    with pytest.raises(InputError, match="did you mean 'smear'"):
        generator("smears")
    with pytest.raises(InputError, match="there is no kind 'shapes'"):
        generator("shapes")


def test_a_crowded_small_frame_ends():
    frame = smear.simulate_frame(
        {"height": 64, "width": 64, "margin": [0, 0], "diameter": 20.0, "cells": 60.0, "artefacts": 60.0},
        seed=0,
        index=0,
    )
    assert 1 <= frame.instances.max() < 60
