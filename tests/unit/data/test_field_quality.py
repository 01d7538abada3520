import json

import numpy as np
import pytest

from hemoseg.data.field_features import NAMES
from hemoseg.data.field_quality import (
    LIKENESS,
    distance,
    feature_scores,
    features,
    field_flags,
    flags_of,
    judged,
    looked_at,
    reference,
)

USUAL = {
    **{"edge_width": 2.0, "light": 0.8, "saturated": 0.0, "uneven": 0.1, "noise": 0.01, "contrast": 0.5},
    **{"red": 0.1, "blue": 0.2, "ground_red": 0.0, "ground_blue": 0.0},
    **{"cells": 100.0, "covered": 0.3, "touching": 0.2, "cell_area": 7.0, "outline": 0.3},
}
SPREAD = {"edge_width": 0.2, "light": 0.05, "uneven": 0.03, "noise": 0.002, "contrast": 0.1, "covered": 0.1, "red": 0.1}


def frames(count, seed=0):
    """Frames that differ as chance would have it."""
    rng = np.random.default_rng(seed)
    return [
        {name: max(1e-3, value + SPREAD.get(name, 0) * rng.standard_normal()) for name, value in USUAL.items()}
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def known():
    return reference(frames(60))


def test_a_reference_survives_json(known):
    back = json.loads(json.dumps(known))
    row = USUAL | {"edge_width": 4.0}
    assert judged(row, back) == judged(row, known)
    assert distance(row, back) == distance(row, known)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"edge_width": 6.0}, "blurred"),
        ({"light": 0.3}, "dark"),
        ({"light": 1.0}, "bright"),
        ({"saturated": 0.2}, "saturated"),
        ({"uneven": 0.5}, "uneven_light"),
        ({"covered": 0.9}, "crowded"),
        ({"cell_area": 7.0 + 2 * np.log(2)}, "large_cells"),
        ({"cell_area": 7.0 - 2 * np.log(2)}, "small_cells"),
        ({"cells": 0.0}, "empty"),
        ({"red": 3.0, "blue": 3.0, "contrast": 2.0}, "unlike_training"),
    ],
)
def test_each_fault_has_its_word_and_a_reason(known, changed, word):
    said = dict(judged(USUAL | changed, known))
    assert word in said
    assert not judged(USUAL, known)
    assert said[word].isprintable()
    assert "{" not in said[word]
    assert "nan" not in said[word]


def test_cells_of_another_size_are_told_by_their_width(known):
    for wide, word in ((2.0, "large_cells"), (0.5, "small_cells")):
        said = dict(judged(USUAL | {"cell_area": known["features"]["cell_area"]["median"] + 2 * np.log(wide)}, known))
        assert f"cells are {wide:.{1 if wide > 1 else 2}f} times as wide" in said[word]
    assert not {"large_cells", "small_cells"} & {word for word, _ in judged(USUAL | {"cell_area": np.nan}, known)}


@pytest.mark.parametrize("better", [{"edge_width": 0.4}, {"uneven": 0.0}, {"covered": 0.01}, {"saturated": 0.0}])
def test_a_field_that_is_better_than_the_training_frames_is_not_blamed_for_it(known, better):
    words = {word for word, _ in judged(USUAL | better, known)}
    assert not words & {"blurred", "uneven_light", "crowded", "saturated"}


def test_frames_like_the_training_frames_are_hardly_ever_flagged(known):
    flagged = [bool(judged(row, known)) for row in frames(400, seed=1)]
    assert np.mean(flagged) <= 0.02


def test_no_training_frame_passes_a_limit_that_few_frames_set():
    rows = frames(20)
    rows[3] = rows[3] | {"edge_width": 3.6}  # one of them is a little blurred
    known = reference(rows)
    assert known["features"]["edge_width"]["high"] > 4
    assert not [word for word, _ in judged(rows[3], known) if word == "blurred"]


def test_limits_of_the_two_sides_are_two():
    rows = frames(20)
    rows[3] = rows[3] | {"light": 0.5}  # one of them is a little dark
    limits = reference(rows)["features"]["light"]
    assert limits["low"] < -4 == -limits["high"]


def test_a_broken_training_frame_does_not_excuse_broken_fields():
    rows = frames(30)
    rows[3] = rows[3] | {"edge_width": 90.0, "uneven": 0.99}
    known = reference(rows)
    assert {"blurred", "uneven_light"} <= set(dict(judged(USUAL | {"edge_width": 30.0, "uneven": 0.8}, known)))
    assert judged(USUAL, known) == []


def test_limits_know_that_patients_differ():
    rng = np.random.default_rng(5)
    rows, groups = [], []
    for patient in range(6):
        stain = rng.normal(0, 0.4)
        rows += [row | {"red": stain + 0.01 * rng.standard_normal()} for row in frames(6, seed=patient)]
        groups += [f"p{patient}"] * 6
    by_patient, by_frame = reference(rows, groups), reference(rows)
    assert by_patient["groups"] == 6
    assert by_frame["groups"] == 36
    assert by_patient["features"]["red"]["high"] >= by_frame["features"]["red"]["high"]


def test_a_patient_is_judged_by_the_others_even_one_of_most_frames():
    rows = frames(18)
    groups = ["p1"] * 10 + ["p2"] * 4 + ["p3"] * 4
    rows = [row | {"red": 0.3 * (group == "p1")} for row, group in zip(rows, groups, strict=True)]
    by_patient, by_frame = reference(rows, groups), reference(rows)
    assert by_patient["features"]["red"]["high"] > by_frame["features"]["red"]["high"]
    assert by_patient["groups"] == 3
    assert reference(rows, ["p1"] * 10 + ["p2"] * 8)["groups"] == 18  # of two one would be judged by the other alone


def test_the_distance_of_uncorrelated_features_is_their_root_mean_square(known):
    unrelated = known | {"distance": known["distance"] | {"correlation": np.eye(len(LIKENESS)).tolist()}}
    row = USUAL | {"red": 0.7, "light": 0.6}
    scores = feature_scores(row, known)
    far, _ = distance(row, unrelated)
    assert far == pytest.approx(np.sqrt(np.mean([scores[name] ** 2 for name in LIKENESS])))


def test_what_a_field_does_not_show_is_no_reason_against_it(known):
    blind = dict.fromkeys(NAMES, float("nan")) | {"cells": 50.0}
    assert judged(blind, known) == []
    assert feature_scores(blind, known) == {}


def test_without_a_reference_only_what_is_bad_everywhere_is_said():
    assert [word for word, _ in judged(USUAL | {"edge_width": 9.0, "saturated": 0.3}, None)] == ["saturated"]
    assert [word for word, _ in judged(USUAL | {"cells": 0.0}, None)] == ["empty"]


def test_two_frames_are_no_reference():
    with pytest.raises(ValueError, match="three or more"):
        reference(frames(2))


def test_a_large_image_is_judged_in_parts_as_fine_as_the_training_frames(known):
    rng = np.random.default_rng(3)
    image, cells = rng.integers(90, 110, (1, 300, 400), np.uint8), np.zeros((300, 400), np.int32)
    cells[::10, ::10] = 1
    small = known | {"field": [50, 50]}
    whole = looked_at(image, cells, None)
    assert len(whole) == 1
    assert len(looked_at(image, cells, small)) == 16
    assert len(looked_at(image, cells, small, scale=0.25)) == 4
    assert [len(looked_at(image[:, :50, :side], cells[:50, :side], small)) for side in (90, 110)] == [1, 2]
    assert whole[0] == pytest.approx(features(image, cells), nan_ok=True)


def test_the_scale_brings_an_image_to_the_grid_of_the_training_frames(known):
    cells = np.zeros((80, 80), np.int32)
    cells[20:60, 20:60] = 1
    image = np.where(cells > 0, 80, 200).astype(np.uint8)[None]
    (half,) = looked_at(image, cells, known, scale=0.5)
    assert half["cell_area"] == pytest.approx(np.log(400))


def test_a_fault_in_a_corner_of_a_large_image_does_not_condemn_it(known):
    parts = [dict(USUAL) for _ in range(16)]
    parts[0] |= {"edge_width": 9.0, "cells": 0.0}
    assert flags_of(parts, known) == []
    for part in parts[1:6]:
        part |= {"edge_width": 9.0}
    assert "in 6 of 16 parts" in dict(flags_of(parts, known))["blurred"]
    for part in parts[:15]:
        part["cells"] = 0.0
    assert "empty" not in dict(flags_of(parts, known))
    parts[15]["cells"] = 0.0
    assert "empty" in dict(flags_of(parts, known))


def test_full_light_of_the_frames_holds_for_images_of_their_bits(known):
    cells = np.zeros((30, 40), np.int32)
    for dtype, value in ((np.uint16, 3276), (np.uint8, 204)):  # 12 bits, and an 8-bit copy
        (told,) = looked_at(np.full((1, 30, 40), value, dtype), cells, known | {"white": 4095})
        assert told["light"] == pytest.approx(0.8, abs=1e-3)


def test_flags_of_an_image_need_no_evidence():
    image = np.full((3, 40, 50), 255, np.uint8)
    assert [word for word, _ in field_flags(image, np.zeros((40, 50), np.int32), {})] == ["empty", "saturated"]
    assert [word for word, _ in field_flags(image, np.ones((40, 50), np.int32), None)] == ["saturated"]
