"""Every cell error on drawings: what counts, what does not, and the case at the threshold."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.errors import InputError
from hemoseg.metrics.cells import Truth, cell_facts
from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import read


def draw(picture):
    """Digits are cells or classes, dots background, `x` is ignored."""
    return np.array([[{".": 0, "x": 255}.get(c) if c in ".x" else int(c) for c in line] for line in picture.split()])


def run_of(*images, n_classes=2, min_area=1):
    """A run over images, each (true cells, predicted cells[, true classes, predicted classes])."""
    tables = []
    for number, (gt, pred, *classes) in enumerate(images):
        gt, pred = draw(gt), draw(pred)
        gt_classes, pred_classes = map(draw, classes) if classes else ((gt > 0) * 1, (pred > 0) * 1)
        gt_classes = np.where(gt == 255, 255, gt_classes)
        truth = Truth(gt, gt_classes, gt_classes != 255)
        facts = cell_facts(truth, pred, pred_classes, n_classes=n_classes, min_area=min_area, gap_cap=10)
        for side, columns in zip(("gt", "pred"), facts, strict=True):
            tables.append(pd.DataFrame({"sample": f"s{number}", "side": side, "gap_cap": 10, **columns}))
    names = ["background", "a", "b"][:n_classes]
    pixels = pd.DataFrame({"class": range(n_classes), "class_name": names})
    return Run("unet", "fold0", 0, pixels, pd.concat(tables, ignore_index=True))


def score(key, run, **settings):
    return COLUMNS[key].score(run, 0, read(settings))


def scores(run, *keys, **settings):
    return [score(key, run, **settings) for key in keys]


def test_a_perfect_prediction_has_no_error():
    run = run_of(("11.22 11.22", "33.44 33.44"))
    errors = ("missed", "spurious", "artefacts", "merged", "merged_cells", "incomplete", "two_types", "wrong_type")
    assert scores(run, *errors) == [0] * 8
    assert scores(run, "cells", "accuracy") == [2, 1]


@pytest.mark.parametrize(
    ("pred", "missed"), [("3333......", 1), ("33333.....", 0), ("333333....", 0), ("..........", 1)]
)
def test_a_cell_is_missed_below_half_and_found_at_half(pred, missed):
    assert score("missed", run_of(("1111111111", pred))) == missed


def test_two_parts_find_a_cell_together():
    assert score("missed", run_of(("1111111111", "333..44...")), thresholds={"found": 0.5}) == 0


@pytest.mark.parametrize(("pred", "spurious"), [("..33333333", 1), ("33333333..", 0), (".33333333.", 1)])
def test_a_prediction_is_spurious_below_half_on_truth_and_not_at_half(pred, spurious):
    run = run_of(("1111......", pred))
    assert scores(run, "spurious", "artefacts") == [spurious, spurious]


def test_each_error_has_a_threshold_of_its_own():
    run = run_of(("1111......", "33.3333333"))  # 3 of 4 covered, 3 of 9 on truth
    told = {"thresholds": {"found": 0.8, "artefact": 0.3, "incomplete": 0.7}}
    assert scores(run, "missed", "spurious", "incomplete", **told) == [1, 0, 0]
    told = {"thresholds": {"found": 0.7, "artefact": 0.4, "incomplete": 0.8}}
    assert scores(run, "missed", "spurious", "incomplete", **told) == [0, 1, 1]


@pytest.mark.parametrize(
    ("truth", "spurious"), [(".xxx......", 0), ("..xx......", 1), ("xxxx......", 0), ("..........", 1)]
)
def test_a_neighbour_without_a_label_is_no_artefact_unless_half_of_it_lies_on_background(truth, spurious):
    run = run_of((f"{truth} 11........", "2222...... 3........."))
    assert scores(run, "spurious", "artefacts", "missed") == [spurious, spurious, 0]


def test_a_cell_that_is_found_together_with_its_unlabelled_neighbours_stays_found():
    run = run_of(("xxxx11xxxx", "2222222222"))
    assert scores(run, "cells", "missed", "incomplete", "spurious", "merged") == [1, 0, 0, 0, 0]


def test_a_prediction_on_a_cell_too_small_to_count_is_no_artefact():
    run = run_of(("11....2222 11....2222", "333...4444 333...4444"), min_area=5)
    assert scores(run, "cells", "spurious", "missed") == [1, 0, 0]


@pytest.mark.parametrize(
    ("pred", "cases", "cells"),
    [
        ("7777777777", 1, 2),
        ("77777.7777", 1, 2),  # one label in two pieces is one predicted cell
        ("7777788888", 0, 0),
        ("77777778..", 0, 0),  # of cell 2 just 2 of 5
        ("77777777..", 1, 2),  # of cell 2 now 3 of 5
    ],
)
def test_a_prediction_merges_when_it_holds_more_than_half_of_two_cells(pred, cases, cells):
    assert scores(run_of(("1111122222", pred)), "merged", "merged_cells") == [cases, cells]


def test_exactly_half_of_a_cell_does_not_merge():
    assert scores(run_of(("11112222", "777777..")), "merged", "merged_cells") == [0, 0]


def test_three_cells_in_one_are_one_case_of_three_cells():
    assert scores(run_of(("112233", "777777"), ("112233", "778899")), "merged", "merged_cells") == [1, 3]


@pytest.mark.parametrize(
    ("pred", "incomplete", "missed"),
    [("33333333..", 0, 0), ("3333333...", 1, 0), ("33333.....", 1, 0), ("3333......", 1, 1)],
)
def test_a_cell_is_incomplete_below_four_fifths_and_missed_cells_are_too(pred, incomplete, missed):
    assert scores(run_of(("1111111111", pred)), "incomplete", "incomplete_missed") == [incomplete, missed]


def test_a_missed_cell_may_be_complete_enough_where_thresholds_say_so():
    found = scores(
        run_of(("1111111111", "3333......")), "incomplete", "missed", "incomplete_missed",
        thresholds={"incomplete": 0.3, "found": 0.5},
    )  # fmt: skip
    assert found == [0, 1, 0]


TYPES = "1" * 12


@pytest.mark.parametrize(
    ("pred_classes", "third", "quarter"),
    [
        ("111111112222", 1, 1),
        ("111111111222", 0, 1),
        ("111111111122", 0, 0),
        ("1111112222..", 1, 1),
        ("1112........", 0, 0),
    ],
)
def test_two_types_need_the_share_of_the_whole_cell_and_a_found_cell(pred_classes, third, quarter):
    run = run_of((TYPES, pred_classes.replace("2", "1"), TYPES, pred_classes), n_classes=3)
    assert score("two_types", run, thresholds={"two_types": 0.3333333}) == third
    assert score("two_types", run, thresholds={"two_types": "1/4"}) == quarter


def test_a_missed_cell_is_not_of_two_types():
    run = run_of((TYPES, "111111......", TYPES, "111222......"), n_classes=3)
    assert score("two_types", run, thresholds={"two_types": 0.25, "found": 0.5}) == 1
    assert score("two_types", run, thresholds={"two_types": 0.25, "found": 0.6}) == 0


@pytest.mark.parametrize(
    ("true_class", "pred_classes", "wrong"),
    [
        ("1", "222222222222", 1),
        ("1", "222222222211", 1),
        ("1", "111111111122", 0),
        ("1", "111111222222", 0),  # two types, so not counted as wrong
        ("2", "111111......", 1),  # exactly half found
        ("2", "11111.......", 0),  # missed
    ],
)
def test_a_wrong_type_is_found_of_one_type_and_not_the_true_one(true_class, pred_classes, wrong):
    run = run_of((TYPES, pred_classes.replace("2", "1"), true_class * 12, pred_classes), n_classes=3)
    assert score("wrong_type", run) == wrong


def test_a_tie_of_types_goes_to_the_lowest():
    tie = "122" + "1" + "." * 4
    cells = tie.replace("2", "1")
    for true_class, wrong in (("1", 0), ("2", 1)):
        run = run_of(("1111....", cells, true_class * 4 + "....", tie), n_classes=3)
        assert score("wrong_type", run, thresholds={"two_types": 1}) == wrong


def test_ignored_pixels_neither_find_nor_lose_a_cell():
    assert score("missed", run_of(("111xxxxxxx", "3........."))) == 1
    assert scores(run_of(("11xxxxxxxx", "3.33333333")), "missed", "spurious", "incomplete") == [0, 0, 1]


def test_errors_add_up_over_images_and_cells_may_share_ids():
    image = ("1111 ....", ".... 3333")
    assert scores(run_of(image, image), "missed", "spurious", "accuracy") == [2, 2, -1]


def test_accuracy_subtracts_the_errors_that_are_named():
    run = run_of(("1111 ....", ".... 3333"), ("11.22", "33333"))
    assert score("accuracy", run, accuracy=["missed"]) == pytest.approx(2 / 3)
    assert score("accuracy", run, accuracy=["missed", "spurious", "merged"]) == pytest.approx(0)


def test_without_true_instances_what_needs_cells_is_blank():
    run = run_of(("1", "1"))
    blank = Run("unet", "fold0", 0, run.pixels, run.cells.iloc[:0])
    keys = ("cells", "missed", "spurious", "merged", "merged_cells", "incomplete", "two_types", "wrong_type")
    assert np.isnan(scores(blank, *keys, "accuracy", "touching", "instance_error")).all()


@pytest.mark.parametrize(("gt", "pred", "expected"), [("....", "33..", [0, 0, 1]), ("11..", "....", [1, 1, 0])])
def test_an_image_with_cells_on_one_side_only_counts(gt, pred, expected):
    assert scores(run_of((gt, pred)), "cells", "missed", "spurious") == expected


@pytest.mark.parametrize(
    ("gt", "pred", "touching", "error"),
    [
        ("11..22", "33..44", 2, 0.0),  # gap of 3
        ("11...22", "33...44", 0, np.nan),  # gap of 4
        ("111222", "333333", 2, 1.0),
        ("111222", "333...", 2, 0.5),
        ("1111222.", "333..44.", 2, 0.0),
        ("1111222.", "33..444.", 2, 0.5),  # just half of the cell
        ("..11112222", "33333.4444", 2, 0.5),  # three quarters of the cell, yet an IoU of exactly 0.5
        ("11111122", "33333333", 2, 1.0),  # IoU 0.75, but the other cell lies in it too
    ],
)
def test_touching_cells_are_separated_by_a_prediction_of_their_own(gt, pred, touching, error):
    found = scores(run_of((gt, pred)), "touching", "instance_error")
    np.testing.assert_equal(found, [touching, error])


def test_a_prediction_separates_cells_of_its_own_image_only():
    run = run_of(("111222", "333444"), ("11111122", "33333333"))  # the second 3 holds both of its cells
    assert scores(run, "touching", "instance_error") == [4, 0.5]


def test_the_touching_distance_is_a_threshold():
    run = run_of(("11...22", "33...44"))
    assert score("touching", run, thresholds={"touching": 4}) == 2
    assert score("touching", run, thresholds={"touching": 10}) == 2  # as far as gaps were looked for


def test_a_touching_distance_beyond_the_gaps_that_were_looked_for_is_refused():
    with pytest.raises(InputError, match="touching is 11 px, but evaluate looked for gaps up to 10 px"):
        score("touching", run_of(("11...22", "33...44")), thresholds={"touching": 11})
