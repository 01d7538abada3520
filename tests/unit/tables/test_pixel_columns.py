"""Columns from pixels: conventions for what is empty, per image and pooled."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import read
from hemoseg.tables.table import plan, tabulate

PER_IMAGE = {"average": "per_image", "empty": "skip"}


def run_of(*images):
    """A run of images, each with (tp, fp, fn) of class 1; 100 pixels an image."""
    rows = []
    for number, (tp, fp, fn) in enumerate(images):
        tn = 100 - tp - fp - fn
        shared = {"sample": f"s{number}", "kind": "", "pixels": 100, "diagonal": 13.0}
        one = {"tp": tp, "fp": fp, "fn": fn, "tn": tn, "nll": 2.0, "gt_count": tp + fn, "pred_count": tp + fp}
        side = 2 * (tp + fn == 0) + (tp + fp == 0)
        one |= {"hausdorff": np.nan if side else 4.0, "hausdorff_case": ("both", "missed", "spurious", "absent")[side]}
        nothing = {"tp": tn, "fp": fn, "fn": fp, "tn": tp, "nll": 1.0, "gt_count": np.nan, "pred_count": np.nan}
        nothing |= {"hausdorff": 1.0, "hausdorff_case": "both"}
        rows += [
            shared | {"class": 0, "class_name": "background"} | nothing,
            shared | {"class": 1, "class_name": "cell"} | one,
        ]
    return Run("unet", "fold0", 0, pd.DataFrame(rows), pd.DataFrame())


def score(key, run, class_id=1, **settings):
    return COLUMNS[key].score(run, class_id, read(settings))


@pytest.mark.parametrize(("empty", "expected"), [("one", 0.75), ("zero", 0.25), ("skip", 0.5)])
@pytest.mark.parametrize("key", ["dice", "precision", "recall"])
def test_the_score_of_an_image_with_nothing_there_and_nothing_found_is_named(key, empty, expected):
    run = run_of((5, 5, 5), (0, 0, 0))
    assert score(key, run, average="per_image", empty=empty) == expected


@pytest.mark.parametrize("empty", ["one", "zero", "skip"])
@pytest.mark.parametrize("counts", [(0, 3, 0), (0, 0, 3)])
@pytest.mark.parametrize("key", ["dice", "jaccard", "precision", "recall"])
def test_a_class_on_one_side_only_scores_zero_under_every_rule(key, counts, empty):
    assert score(key, run_of(counts), empty=empty) == 0


def test_per_image_and_pooled_differ_as_they_must():
    run = run_of((10, 0, 0), (0, 10, 20))
    assert score("dice", run, average="per_image") == 0.5
    assert score("dice", run, average="pooled") == 20 / 50
    assert score("jaccard", run, average="pooled") == 10 / 40


def test_pooled_is_empty_only_where_no_image_has_the_class():
    assert score("dice", run_of((0, 0, 0), (1, 0, 0)), average="pooled", empty="zero") == 1
    assert score("dice", run_of((0, 0, 0)), average="pooled", empty="zero") == 0
    assert np.isnan(score("dice", run_of((0, 0, 0)), average="pooled", empty="skip"))


@pytest.mark.parametrize(("threshold", "expected"), [("0.95", 1 / 3), ("19/20", 1 / 3), (0.94, 2 / 3), ("0.5", 1.0)])
def test_an_image_counts_whose_jaccard_is_above_the_threshold_and_not_at_it(threshold, expected):
    run = run_of((19, 1, 0), (19, 0, 2), (39, 0, 1))
    assert score("jaccard_above", run, thresholds={"jaccard_above": threshold}) == pytest.approx(expected)


@pytest.mark.parametrize(("empty", "expected"), [("one", 2 / 3), ("zero", 1 / 3), ("skip", 1 / 2)])
def test_whether_an_image_with_nothing_there_and_nothing_found_is_above_is_named(empty, expected):
    assert score("jaccard_above", run_of((9, 0, 0), (5, 5, 0), (0, 0, 0)), empty=empty) == pytest.approx(expected)


@pytest.mark.parametrize(("background", "expected"), [("in", 1.0), ("out", 0.5)])
def test_the_average_is_of_images_whose_mean_over_the_classes_is_above(background, expected):
    """Cells of the first image are at 0.9 and its background is at 0.99: their mean is above 0.94, cells alone not."""
    told = {"table": "t", "rows": {"unet": "U"}, "columns": {"jaccard_above": "A"}, "background": background}
    told |= {"classes": ["average"], "thresholds": {"jaccard_above": 0.94}}
    (line,) = tabulate(plan(told), [run_of((9, 1, 0), (20, 0, 0))]).to_dict("records")
    assert line["mean"] == expected


def test_precision_and_recall_divide_by_what_was_found_and_what_is_there():
    run = run_of((6, 2, 6))
    assert [score(key, run) for key in ("precision", "recall")] == [0.75, 0.5]


@pytest.mark.parametrize(("rule", "expected"), [("skip", 4.0), ("diagonal", (4 + 13 + 13) / 3)])
def test_a_missing_distance_is_left_out_or_costs_the_diagonal_and_an_absent_one_never_counts(rule, expected):
    run = run_of((1, 0, 0), (0, 0, 1), (0, 1, 0), (0, 0, 0))
    assert score("hausdorff", run, hausdorff_missing=rule) == pytest.approx(expected)
    assert score("hausdorff_undefined", run) == 2


def test_loss_is_per_pixel_and_blank_without_probabilities():
    run = run_of((5, 0, 0), (5, 0, 0))
    assert score("loss", run) == 6 / 200
    assert np.isnan(score("loss", Run("otsu", "fold0", 0, run.pixels.assign(nll=np.nan), run.cells)))


def test_pixel_error_is_the_share_of_wrong_pixels_and_rmse_its_root():
    run = run_of((5, 3, 1), (5, 0, 0))
    assert score("pixel_error", run) == 4 / 200
    assert score("rmse", run) == pytest.approx(np.sqrt(4 / 200))


def test_frequency_weighted_iou_weighs_by_true_pixels():
    run = run_of((10, 10, 20))
    assert score("fw_iou", run) == pytest.approx(0.3 * 10 / 40 + 0.7 * 60 / 90)


def test_mean_iu_is_pooled_and_leaves_out_a_class_that_is_nowhere():
    run = run_of((10, 10, 20), (5, 0, 0))
    assert score("mean_iu", run) == pytest.approx((15 / 45 + 155 / 185) / 2)
    assert score("mean_iu", run_of((0, 0, 0))) == 1
    pooled = {"average": "pooled", "background": "in", "empty": "skip"}
    by_hand = np.mean([score("jaccard", run, class_id=c, **pooled) for c in (0, 1)])
    assert score("mean_iu", run) == pytest.approx(by_hand)


def test_mean_iu_of_a_kind_pools_its_own_images_and_looks_at_its_own_class():
    rng = np.random.default_rng(1)
    kinds = ["rbc", "macrophage", "rbc", "mixed", "macrophage"]
    true = [np.where(rng.random((9, 9)) < 0.3, 1 + (kind == "macrophage"), 0) for kind in kinds]
    said = [rng.choice(3, (9, 9), p=(0.5, 0.3, 0.2)) for _ in kinds]
    rows = []
    for number, (kind, gt, pred) in enumerate(zip(kinds, true, said, strict=True)):
        for c, name in enumerate(["background", "rbc", "macrophage"]):
            counts = {"tp": ((gt == c) & (pred == c)).sum(), "fp": ((gt != c) & (pred == c)).sum()}
            counts["fn"] = ((gt == c) & (pred != c)).sum()
            rows.append({"sample": f"s{number}", "kind": kind, "class": c, "class_name": name} | counts)
    run = Run("auto", "fixed", 0, pd.DataFrame(rows), pd.DataFrame())
    for c, kind in ((1, "rbc"), (2, "macrophage")):
        gt, pred = (
            np.concatenate([one.ravel() for one, own in zip(side, kinds, strict=True) if own == kind])
            for side in (true, said)
        )
        ious = [((gt == k) & (pred == k)).sum() / ((gt == k) | (pred == k)).sum() for k in (0, c)]
        assert score("kind_mean_iu", run, c) == pytest.approx(np.mean(ious))
    assert np.isnan(score("kind_mean_iu", run, 0))
    nowhere = Run("auto", "fixed", 0, run.pixels.assign(kind="mixed"), pd.DataFrame())
    assert np.isnan(score("kind_mean_iu", nowhere, 1)), "no image is of a kind of this name"
    one_class = run_of((5, 5, 10), (10, 0, 0))
    assert score("kind_mean_iu", one_class) == score("mean_iu", one_class, 0), "of one class all images are"


def test_counts_of_cells_by_bias_absolute_error_and_ratio():
    run = run_of((5, 3, 0), (5, 0, 1))
    assert [score(key, run) for key in ("count_bias", "count_mae", "count_ratio")] == [1, 2, 13 / 11]
    assert np.isnan(score("count_bias", run, class_id=0))
