"""Confusion of pixels and cells on cases that can be counted by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemoseg.tables import cell_columns
from hemoseg.tables.column import Run
from hemoseg.tables.confusion import MISSED, NO_CELL, NO_TYPE, cell_matrix, confusion
from hemoseg.tables.folds import over_folds
from hemoseg.tables.table import plan, summarise

PLAN = plan({"table": "t", "rows": {"a": "A", "b": "B"}, "columns": {"dice": "Dice"}, "thresholds": {"found": 0.5}})
NAMES = ("background", "one", "two")
# class, area, covered, pixels as one, pixels as two
TRUE = [(1, 10, 10, 10, 0), (1, 10, 5, 2, 3), (1, 10, 4, 4, 0), (2, 10, 10, 5, 5), (2, 10, 9, 0, 0), (0, 10, 10, 10, 0)]
# class, area, on_truth, on_ignored; the last is what ignored pixels leave of a cell
PRED = [(1, 10, 10, 0), (2, 10, 4, 10), (0, 10, 0, 0), (1, 10, 5, 0), (1, 10, 0, 11)]


def run_of(split="fold0", seed=0, model="a", factor=1, true=TRUE, pred=PRED):
    matrix = factor * np.array([[90, 6, 4], [1, 8, 1], [0, 0, 0]])
    pixels = pd.DataFrame(matrix, columns=[f"as_class_{c}" for c in range(3)])
    pixels = pixels.assign(**{"class": range(3), "class_name": NAMES})
    gt = pd.DataFrame(true, columns=["class", "area", "covered", "as_class_1", "as_class_2"]).assign(side="gt")
    said = pd.DataFrame(pred, columns=["class", "area", "on_truth", "on_ignored"]).assign(side="pred")
    return Run(model, split, seed, pixels, pd.concat([gt, said]).assign(counted=True))


def counts(lines, unit):
    lines = lines[(lines["unit"] == unit) & (lines["count"] > 0)]
    return {(line["true"], line["predicted"]): line["count"] for line in lines.to_dict("records")}


def test_a_cell_counts_under_its_commonest_class_missed_and_made_up_ones_stand_apart():
    found = counts(confusion(PLAN, [run_of()]), "cell")
    assert found == {
        ("one", "one"): 1,
        ("one", "two"): 1,  # exactly half covered: found, and of two types: under the commoner
        ("one", MISSED): 1,
        ("two", "one"): 1,  # a tie goes to the lowest id
        ("two", NO_TYPE): 1,
        (NO_CELL, "two"): 1,
        (NO_CELL, NO_TYPE): 1,
    }


@given(st.integers(0, 2**32 - 1))
def test_the_confusion_adds_up_to_the_errors_of_the_table(seed):
    """Off the diagonal stand the cells of a wrong type and those of two types under a wrong one, and no others."""
    rng, number = np.random.default_rng(seed), 12
    area = rng.integers(1, 12, number)
    covered = rng.integers(0, area + 1)
    first = rng.integers(0, covered + 1)
    true = np.stack([rng.integers(1, 3, number), area, covered, first, covered - first], axis=1)
    made = np.stack([rng.integers(0, 3, number), area, covered, rng.integers(0, 3, number)], axis=1)
    run = run_of(true=true.tolist(), pred=made.tolist())
    matrix, rules = cell_matrix(run, PLAN.conventions), PLAN.conventions
    least, most = np.sort(true[:, 3:], axis=1).T
    commonest = np.where(true[:, 3] >= true[:, 4], 1, 2)
    of_two = (2 * covered >= area) & (3 * least >= area) & (most > 0) & (commonest != true[:, 0])
    assert matrix[:2].sum() == cell_columns.cells(run, 0, rules)
    assert matrix[:2, 3].sum() == cell_columns.missed(run, 0, rules)
    assert matrix[2].sum() == cell_columns.spurious(run, 0, rules)
    assert matrix[:2, :3].sum() - np.trace(matrix[:2, :2]) == cell_columns.wrong_type(run, 0, rules) + of_two.sum()


def test_pixels_are_summed_over_folds_and_shares_averaged_over_those_that_have_the_class():
    runs = [
        run_of("fold0", 0),
        run_of("fold0", 1, factor=3),
        run_of("fold1", 0, factor=2),
        run_of("fold1", 1, factor=2),
    ]
    lines = confusion(PLAN, runs).set_index(["unit", "true", "predicted"])
    line = lines.loc["pixel", "background", "one"]
    assert (line["count"], line["share"], line["folds"]) == (2 * 6 + 2 * 6, pytest.approx(0.06), 2)
    absent = lines.loc["pixel", "two", "two"]
    assert (absent["count"], absent["folds"]) == (0, 0)
    assert np.isnan(absent["share"])


def test_shares_of_a_true_class_sum_to_one_in_the_order_of_the_rows():
    lines = confusion(PLAN, [run_of(model="b"), run_of(model="a")])
    sums = lines.groupby(["row", "unit", "true"])["share"].sum(min_count=1).dropna()
    assert sums.to_numpy() == pytest.approx(1)
    assert list(dict.fromkeys(lines["label"])) == ["A", "B"]


def test_families_of_splits_stay_apart():
    told = plan({"table": "t", "rows": {"a": "A"}, "columns": {"dice": "D"}, "families": {"n1": "n1", "n2": "n2"}})
    lines = confusion(told, [run_of("n1"), run_of("n2", factor=2)])
    pixel = lines[(lines["unit"] == "pixel") & (lines["true"] == "one") & (lines["predicted"] == "one")]
    assert pixel.set_index("family")["count"].to_dict() == {"n1": 8, "n2": 16}


def test_without_true_cells_only_pixels_are_told():
    empty = run_of(true=[], pred=[])
    assert set(confusion(PLAN, [empty])["unit"]) == {"pixel"}


number = st.one_of(st.just(np.nan), st.floats(-5, 5))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2), number), min_size=1, unique_by=lambda v: v[:2]))
def test_many_numbers_at_once_have_the_mean_and_spread_of_one_at_a_time(lines):
    scores = pd.DataFrame(lines, columns=["split", "seed", "value"])
    one = summarise(scores)
    many = over_folds(scores.assign(key="k"), ["key"]).iloc[0]
    assert [many["mean"], many["sd"], many["folds"]] == pytest.approx(
        [one["mean"], one["sd"], one["folds"]], abs=1e-9, nan_ok=True
    )
