"""Columns of boundaries and calibration: conventions, and numbers worked by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import read
from hemoseg.tables.notes import notes
from hemoseg.tables.table import plan, tabulate

DISTANCES = ("hausdorff", "hausdorff_95", "assd", "masd")
SHARES = ("nsd", "boundary_f1")
# Boundaries of 10 and 30 pixels, of which 5 and 30 are near; directed means 2 and 1, so 50 / 40 pooled.
BOTH = {"hausdorff": 8.0, "hausdorff_95": 6.0, "surface_gt": 20.0, "surface_pred": 30.0}
BOTH |= {"boundary_gt": 10, "boundary_pred": 30, "near_gt": 5, "near_pred": 30}
EXPECTED = {"hausdorff": 8.0, "hausdorff_95": 6.0, "assd": 50 / 40, "masd": (2 + 1) / 2}
EXPECTED |= {"nsd": 35 / 40, "boundary_f1": 2 * 0.5 * 1.0 / 1.5}
BLANK = dict.fromkeys(("hausdorff", "hausdorff_95", "surface_gt", "surface_pred"), np.nan)
SIDES = {
    "both": BOTH,
    "missed": BLANK | {"boundary_gt": 10, "boundary_pred": 0, "near_gt": 0, "near_pred": 0},
    "spurious": BLANK | {"boundary_gt": 0, "boundary_pred": 30, "near_gt": 0, "near_pred": 0},
    "absent": BLANK | {"boundary_gt": 0, "boundary_pred": 0, "near_gt": 0, "near_pred": 0},
}


def run_of(*cases, tolerance=2.0):
    """A run of images of 100 pixels, class 1 being in each as the case says."""
    rows = []
    for number, case in enumerate(cases):
        shared = {"sample": f"s{number}", "diagonal": 13.0, "tolerance": tolerance, "hausdorff_case": case}
        counts = {"tp": 60, "fp": 10, "fn": 10, "tn": 20, "squared_error": 4.0}
        for class_id, name in enumerate(("background", "cell")):
            rows.append(shared | {"class": class_id, "class_name": name} | counts | SIDES[case])
    return Run("unet", "fold0", 0, pd.DataFrame(rows), pd.DataFrame({"min_area": []}))


def score(key, run, class_id=1, **settings):
    return COLUMNS[key].score(run, class_id, read(settings))


@pytest.mark.parametrize("key", EXPECTED)
def test_an_image_with_both_sides_gives_the_number_of_its_boundaries(key):
    assert score(key, run_of("both")) == pytest.approx(EXPECTED[key])


@pytest.mark.parametrize(("rule", "of_one_sided"), [("skip", []), ("diagonal", [13.0, 13.0])])
@pytest.mark.parametrize("key", DISTANCES)
def test_a_distance_of_one_side_only_is_left_out_or_the_diagonal_and_an_absent_one_never_counts(
    key, rule, of_one_sided
):
    run = run_of("both", "missed", "spurious", "absent")
    assert score(key, run, hausdorff_missing=rule) == pytest.approx(np.mean([EXPECTED[key], *of_one_sided]))
    assert np.isnan(score(key, run_of("absent"), hausdorff_missing=rule))
    assert score("hausdorff_undefined", run) == 2


@pytest.mark.parametrize("rule", ["skip", "diagonal"])
@pytest.mark.parametrize(("empty", "of_absent"), [("one", [1]), ("zero", [0]), ("skip", [])])
@pytest.mark.parametrize("key", SHARES)
def test_a_share_of_one_side_only_is_zero_under_every_rule_and_an_absent_one_is_named(key, empty, of_absent, rule):
    run = run_of("both", "missed", "spurious", "absent")
    expected = np.mean([EXPECTED[key], 0, 0, *of_absent])
    assert score(key, run, empty=empty, hausdorff_missing=rule) == pytest.approx(expected)


def test_pooled_shares_count_the_boundaries_of_all_images_together():
    run = run_of("both", "missed", "spurious")
    assert score("nsd", run, average="pooled") == pytest.approx(35 / 80)
    precision, recall = 30 / 60, 5 / 20
    assert score("boundary_f1", run, average="pooled") == pytest.approx(2 * precision * recall / (precision + recall))


def test_nothing_near_scores_zero_though_precision_and_recall_are_both():
    run = run_of("both")
    run.pixels[["near_gt", "near_pred"]] = 0
    assert [score(key, run) for key in SHARES] == [0, 0]


def test_specificity_leaves_out_an_image_that_the_class_fills():
    run = run_of("both", "both")
    run.pixels.loc[run.pixels["sample"] == "s1", ["tn", "fp"]] = 0
    for average in ("per_image", "pooled"):
        assert score("specificity", run, average=average) == pytest.approx(20 / 30)
    run.pixels[["tn", "fp"]] = 0
    assert np.isnan(score("specificity", run))


def test_squared_errors_are_per_pixel_and_blank_without_probabilities():
    run = run_of("both", "both")
    pixels = 2 * (60 + 10) * 2  # true pixels of both classes in both images
    assert score("brier", run) == pytest.approx(4 * 4 / pixels)
    assert score("brier_class", run) == pytest.approx(2 * 4 / pixels)
    run.pixels["squared_error"] = np.nan
    assert np.isnan(
        [score(key, run) for key in ("brier", "brier_class", "ece", "ece_class", "average_precision")]
    ).all()


def test_the_calibration_error_is_of_the_plane_of_its_class_over_all_images():
    planes = np.zeros(
        (2, 3, 3, 2)
    )  # images; background, cell, the most probable; pixels, right, summed probability; bins
    planes[:, 1, :, 1] = [[10, 6, 8], [10, 10, 8]]  # 2 too many, 2 too few: together none
    planes[:, 2, :, 0] = [10, 5, 3]
    run = replace(run_of("both", "both"), image_reliability=planes)
    assert score("ece_class", run) == 0
    assert score("ece", run, 0) == pytest.approx(0.2)
    assert np.isnan(score("ece_class", run, 0))
    by_image = COLUMNS["ece_class"].weighted(run, 1, read({}), np.eye(2))
    assert by_image == pytest.approx([0.2, 0.2])


def test_the_tolerance_is_told_under_the_table():
    told = {"table": "t", "rows": {"unet": "U"}, "columns": {"nsd": "NSD", "hausdorff_95": "HD95"}}
    runs = [run_of("both"), run_of("both", tolerance=2.5)]
    runs[1] = Run("unet", "fold1", 0, runs[1].pixels, runs[1].cells)
    sentences = " ".join(notes(plan(told), runs, tabulate(plan(told), runs))["conventions"])
    assert "tolerance of boundaries is 2 or 2.5 px" in sentences
    assert "95th percentile" in sentences
    without = plan(told | {"columns": {"hausdorff": "HD"}})
    assert "tolerance" not in " ".join(notes(without, runs, tabulate(without, runs))["conventions"])
