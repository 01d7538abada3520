"""The panel of conventions: what turns the order of rows, by hand, and that it starts from the table."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from hemoseg.metrics.cells import Truth, cell_facts
from hemoseg.metrics.turns import turns
from hemoseg.tables import cell_columns
from hemoseg.tables.column import Run
from hemoseg.tables.conventions import read
from hemoseg.tables.panel import OWN, VARIED, absences, decides, panel
from hemoseg.tables.table import plan, tabulate

COLUMNS = {"dice": "Dice", "hausdorff": "HD", "pixel_error": "Error", "cells": "T"}
SETTINGS = {"table": "t", "rows": {"a": "A", "b": "B"}, "columns": COLUMNS, "empty": "skip"}
NO_CELLS = pd.DataFrame(columns=["sample", "side", "counted", "min_area"])


def run_of(model, counts, split="s", seed=0, cells=NO_CELLS):
    """A run of one class: (tp, fp, fn, hausdorff or nan, case) of each image."""
    rows = []
    for number, (tp, fp, fn, distance, case) in enumerate(counts):
        shared = {"sample": f"s{number}", "class": 1, "class_name": "cell", "diagonal": 100.0, "nll": 0.0}
        rows.append(shared | {"tp": tp, "fp": fp, "fn": fn, "hausdorff": distance, "hausdorff_case": case})
    background = [row | {"class": 0, "class_name": "background", "tp": 50, "fp": 0, "fn": 0} for row in rows]
    return Run(model, split, seed, pd.DataFrame([*background, *rows]), cells)


# A is right on the large cell, B on the small one and misses a third image's class.
A = run_of("a", [(90, 0, 0, 1.0, "both"), (1, 0, 9, 5.0, "both"), (0, 0, 0, np.nan, "neither"), (1, 1, 0, 9.0, "both")])
B = run_of(
    "b", [(60, 0, 30, 3.0, "both"), (9, 0, 1, 2.0, "both"), (0, 5, 0, np.nan, "spurious"), (1, 1, 0, 9.0, "both")]
)


def found_of(table, column, choice, value):
    lines = table[(table["column"] == column) & (table["choice"] == choice) & (table["value"] == value)]
    return lines.set_index("row")[["mean", "rank"]].T.to_dict("list"), int(lines["turned"].iloc[0])


def test_the_order_turns_where_the_scores_say_so_by_hand():
    table = panel(plan(SETTINGS), [A, B])
    per_image, _ = found_of(table, "dice", OWN, "published")
    assert per_image["a"] == pytest.approx([np.mean([1, 2 / 11, 2 / 3]), 1])
    assert per_image["b"] == pytest.approx([np.mean([120 / 150, 18 / 19, 0, 2 / 3]), 2])
    pooled, turned = found_of(table, "dice", "average", "pooled")
    assert [pooled["a"][1], pooled["b"][1], turned] == [1, 2, 0]
    zero, turned = found_of(table, "dice", "empty", "zero")
    assert zero["a"][0] == pytest.approx(np.mean([1, 2 / 11, 0, 2 / 3]))
    assert [zero["a"][1], zero["b"][1], turned] == [2, 1, 1]
    kept, turned = found_of(table, "hausdorff", "hausdorff_missing", "diagonal")
    assert kept == {"a": [5.0, 1.0], "b": [np.mean([3, 2, 100, 9]), 2.0]}
    assert (found_of(table, "hausdorff", OWN, "published")[0]["b"][1], turned) == (1.0, 1)


def test_the_panel_starts_from_the_tables_own_means_and_leaves_out_what_has_no_better_side():
    runs = [A, B, run_of("a", [(3, 1, 0, 1.0, "both")], "t"), run_of("b", [(2, 1, 1, 1.0, "both")], "t", 1)]
    table = panel(plan(SETTINGS), runs)
    own = table[table["choice"] == OWN].set_index(["row", "column", "class"])["mean"]
    ours = tabulate(plan(SETTINGS), runs).set_index(["row", "column", "class"])["mean"].drop("cells", level="column")
    pd.testing.assert_series_equal(own.sort_index(), ours.sort_index())
    assert (table.loc[table["choice"] == OWN, "turned"] == 0).all()
    assert set(table.loc[table["column"] == "pixel_error", "choice"]) == {OWN}  # which follows no rule


def test_what_should_be_zero_is_ranked_by_its_distance_from_it():
    biased = {row: run_of(row, [(9, 0, 1, 1.0, "both")]) for row in ("a", "b")}
    for row, counted in (("a", 5), ("b", 11)):
        biased[row].pixels[["gt_count", "pred_count"]] = [10, counted]
    table = panel(plan(SETTINGS | {"columns": {"count_bias": "B"}}), list(biased.values()))
    assert found_of(table, "count_bias", OWN, "published")[0] == {"a": [-5, 2], "b": [1, 1]}


def test_a_strict_table_has_no_strict_line_of_its_own():
    table = panel(plan(SETTINGS | {"convention": "strict"}), [A, B])
    assert "convention" not in set(table["choice"])
    assert set(table.loc[table["choice"] == OWN, "value"]) == {"strict"}


def cells_of(ious):
    """Matched pairs of true and predicted cells with these IoU."""
    number = range(1, len(ious) + 1)
    pairs = {"sample": "s0", "cell": number, "best_match": number, "iou": ious, "counted": True, "min_area": 1.0}
    sides = [pd.DataFrame(pairs | {"side": side, "area": 10}) for side in ("gt", "pred")]
    return pd.concat(sides, ignore_index=True).assign(on_small=0, on_ignored=0)


def test_the_least_iou_of_a_match_is_varied_where_cells_are_known():
    few, many = (run_of(row, [(9, 0, 1, 1.0, "both")], cells=cells_of(ious)) for row, ious in
                 (("a", [0.95, 0.95, 0.4]), ("b", [0.65, 0.65, 0.65])))  # fmt: skip
    table = panel(plan(SETTINGS), [few, many])
    at = [found_of(table, "matching", "matching", str(least)) for least in (0.5, 0.6, 0.7, 0.8, 0.9)]
    assert [found["a"][0] for found, _ in at] == pytest.approx([2 / 3] * 5)
    assert [found["b"][0] for found, _ in at] == [1, 1, 0, 0, 0]
    assert [turned for _, turned in at] == [0, 0, 1, 1, 1]
    assert "matching" not in set(panel(plan(SETTINGS), [A, B])["choice"])


def drawn_cells(seed):
    """A run of cells of two types of which shares by chance are covered, given another type or beside the truth."""
    rng = np.random.default_rng(seed)
    gt = np.kron(np.arange(1, 26).reshape(5, 5), np.pad(np.ones((4, 5), int), 1))
    pred = np.where(rng.random((30, 35)) < np.kron(rng.random((5, 5)), np.ones((6, 7))), np.roll(gt, 1, 1), 0)
    types = [np.where(labels > 0, rng.integers(1, 3, 26)[labels], 0) for labels in (gt, pred)]
    types[1] = np.where(
        (pred > 0) & (rng.random(pred.shape) < np.kron(rng.random((5, 5)), np.ones((6, 7)))), 1, types[1]
    )
    sides = cell_facts(Truth(gt, types[0], np.ones(gt.shape, bool)), pred, types[1], n_classes=3, min_area=1, gap_cap=3)
    cells = [pd.DataFrame({"sample": "s0", "side": side, "gap_cap": 3, **facts})
             for side, facts in zip(("gt", "pred"), sides, strict=True)]  # fmt: skip
    pixels = pd.DataFrame({"sample": "s0", "class": range(3), "class_name": ["background", "one", "two"]})
    return Run("a", "s", 0, pixels, pd.concat(cells, ignore_index=True))


def test_a_threshold_is_varied_of_the_columns_that_it_decides_and_of_no_other():
    told = {"accuracy": ["missed", "incomplete", "two_types"]}
    own = read(told | {"thresholds": {"two_types": "1/4"}})
    decided = {name: set() for name in VARIED}
    for seed in range(8):
        run = drawn_cells(seed)
        for name, column in product(VARIED, cell_columns.COLUMNS):
            others = [read(told | {"thresholds": {"two_types": "1/4", name: value}}) for value in VARIED[name]]
            if any(column.score(run, 0, rules) != column.score(run, 0, own) for rules in others):
                decided[name].add(column.key)
    assert decided == {name: {key.key for key in cell_columns.COLUMNS if decides(name, key, own)} for name in VARIED}
    assert ["accuracy" in decided[name] for name in VARIED] == [True, False, True, True]


def test_the_order_turns_where_a_cell_counts_as_found_from_less_on():
    runs = [replace(drawn_cells(0), model=row) for row in ("a", "b")]
    for run, shares in zip(runs, ([0.35] * 9 + [1] * 16, [0.0] * 8 + [1] * 17), strict=True):
        run.cells.loc[run.cells["side"] == "gt", "covered"] = np.array(shares) * 20
    settings = SETTINGS | {"columns": {"missed": "FN", "incomplete": "III"}, "thresholds": {"incomplete": 0.7}}
    table = panel(plan(settings), runs)
    assert found_of(table, "missed", OWN, "published") == ({"a": [9, 2], "b": [8, 1]}, 0)
    assert found_of(table, "missed", "found", "0.3") == ({"a": [0, 1], "b": [8, 2]}, 1)
    assert found_of(table, "missed", "found", "0.7") == ({"a": [9, 2], "b": [8, 1]}, 0)
    ways = table.groupby("column")["value"].unique()
    assert ways["incomplete"].tolist() == ["published", "0.8", "0.9"]  # 0.7 is the table's own
    assert ways["missed"].tolist() == ["published", "0.3", "0.7"]


def test_a_tie_or_a_blank_is_no_turn():
    assert turns({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 1, "c": np.nan}) == []
    assert turns({"a": 1, "b": 2, "c": 3}, {"a": 3, "b": 2, "c": 1}) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert turns({"a": 2, "b": 1}, {"a": 1, "b": 2}) == [("b", "a")]


def test_images_without_a_class_are_counted_by_side():
    again = run_of("a", [(0, 0, 7, np.nan, "missed")] * 4, seed=1)
    found = absences(plan(SETTINGS), [B, A, again]).to_numpy().tolist()
    assert found == [["a", "cell", 4, 0.5, 2, 0], ["b", "cell", 4, 0, 0, 1]]
