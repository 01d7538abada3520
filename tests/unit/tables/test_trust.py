import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr

from hemoseg.data.placement import Placed
from hemoseg.tables import trust
from hemoseg.tables.column import Run

masks = arrays(bool, (4, 5))


def placed(instances, classes=None):
    instances = np.asarray(instances, np.int32)
    classes = (instances > 0).astype(np.uint8) if classes is None else np.asarray(classes, np.uint8)
    return Placed(classes, instances, None, classes != 255)


def table(*rows):
    """Ranked frames of (name, cells, label cells, shared cells, shared pixels, model pixels, label pixels)."""
    return trust.ranked(pd.DataFrame(rows, columns=["frame", *trust.COUNTS]).assign(large_cells=0, large_worth=0.0))


def frame_of(counts):
    return pd.DataFrame([{"frame": "a", "large_cells": 0, "large_worth": 0.0} | counts])


def overlap(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum()) if (a | b).any() else 1.0


@given(masks, masks, masks)
def test_the_worse_of_label_and_model_is_never_nearer_to_any_truth_than_the_bound(label, found, truth):
    counts = trust.counted(placed(label), placed(found))
    (row,) = trust.ranked(frame_of(counts)).to_dict("records")
    assert row["dice"] == pytest.approx(overlap(label, found))
    assert min(overlap(label, truth), overlap(found, truth)) <= row["best_of_worse"] + 1e-12


def test_the_bound_is_reached_by_a_truth_that_is_all_that_either_sees():
    label, found, truth = (np.array([row], bool) for row in ([1, 1, 0], [0, 1, 1], [1, 1, 1]))
    (row,) = trust.ranked(frame_of(trust.counted(placed(label), placed(found)))).to_dict("records")
    assert min(overlap(label, truth), overlap(found, truth)) == pytest.approx(row["best_of_worse"]) == 0.8


@given(arrays(np.int32, (5, 6), elements=st.integers(0, 3)), arrays(np.int32, (5, 6), elements=st.integers(0, 3)))
def test_shared_cells_are_the_pairs_above_half(label, found):
    ious = [
        ((label == a) & (found == b)).sum() / ((label == a) | (found == b)).sum()
        for a in range(1, 4)
        for b in range(1, 4)
        if ((label == a) | (found == b)).any()
    ]
    counts = trust.counted(placed(label), placed(found))
    assert counts["shared_cells"] == sum(iou > 0.5 for iou in ious)
    assert counts["cells"] == len(set(found.ravel()) - {0})
    assert counts["label_cells"] == len(set(label.ravel()) - {0})


def test_a_cell_of_another_class_is_disputed_and_what_was_not_seen_is_left_out_on_both_sides():
    label = placed([[1, 1, 0, 2, 2, 3]], [[1, 1, 0, 1, 1, 1]])
    found = placed([[1, 1, 0, 2, 2, 0]], [[1, 1, 0, 2, 2, 255]])
    assert trust.counted(label, found) == {
        "cells": 2, "label_cells": 2, "shared_cells": 1, "shared_pixels": 4, "model_pixels": 4, "label_pixels": 4,
    }  # fmt: skip


def test_the_most_disputed_frame_is_first_then_the_lowest_dice_then_the_order_given():
    found = table(
        ("same", 4, 4, 4, 40, 40, 40),
        ("merged", 1, 4, 0, 40, 40, 40),
        ("shrunk", 4, 4, 4, 20, 20, 40),
        ("same too", 2, 2, 2, 20, 20, 20),
        ("empty", 0, 0, 0, 0, 0, 0),
    )
    assert list(found["frame"]) == ["merged", "shrunk", "same", "same too", "empty"]
    assert list(found["rank"]) == [1, 2, 3, 4, 5]
    assert list(found["disputed"]) == [1, 0, 0, 0, 0]
    assert list(found["difference"]) == [-3, 0, 0, 0, 0]
    assert found.set_index("frame")["dice"]["empty"] == 1


@pytest.mark.parametrize(
    ("first", "spread", "shown"), [(2, 3, "cgj"), (2, 1, "c"), (9, 3, "j"), (10, 3, ""), (12, 3, "")]
)
def test_a_page_shows_the_first_and_some_of_the_rest_from_the_next_to_the_last(first, spread, shown):
    frames = pd.DataFrame({"frame": list("abcdefghij")})
    one, other = trust.looked_at(frames, first, spread)
    assert one == list("abcdefghij")[:first]
    assert "".join(other) == shown


def test_few_frames_hold_most_disputed_cells():
    sums = trust.totals(table(*((f"f{i}", 10, 10, 10 - lost, 9, 9, 9) for i, lost in enumerate([5, 3, 1, 1, 0]))))
    assert (sums["hold_half"], sums["hold_most"]) == (1, 3)
    assert sums["disputed"] == pytest.approx(10 / 50)
    assert trust.totals(table(("a", 1, 1, 1, 9, 9, 9)))["hold_half"] == 0


def run_of(frames, split="fold1"):
    """A run whose samples are the frames: (name, true cells found, missed, made up)."""
    cells, pixels = [], []
    for name, found, missed, made_up in frames:
        pixels.append({"sample": f"{name}_0", "frame": name, "class": 0, "class_name": "background"})
        facts = [("gt", i + 1, i + 1, 0.9) for i in range(found)] + [("pred", i + 1, i + 1, 0.9) for i in range(found)]
        facts += [("gt", 50 + i, 0, 0.0) for i in range(missed)] + [("pred", 50 + i, 0, 0.0) for i in range(made_up)]
        cells += [
            {"sample": f"{name}_0", "side": side, "cell": cell, "best_match": match, "iou": iou, "counted": True}
            | {"area": 9, "on_small": 0, "on_ignored": 0}
            for side, cell, match, iou in facts
        ]
    return Run("unet", split, 0, pd.DataFrame(pixels), pd.DataFrame(cells))


def test_wrong_cells_are_counted_in_each_frame_and_its_place_in_the_order_stays():
    order = table(
        ("good", 9, 9, 9, 9, 9, 9), ("bad", 9, 9, 1, 9, 9, 9), ("fair", 9, 9, 8, 9, 9, 9), ("x", 9, 9, 9, 9, 9, 9)
    )
    runs = [run_of([("bad", 2, 3, 1)]), run_of([("good", 9, 0, 0), ("fair", 4, 0, 2)], "fold2")]
    held = trust.held_against_truth(order, runs)
    assert list(held["frame"]) == ["bad", "fair", "good"]
    assert list(held["wrong"]) == [4, 2, 0]
    assert list(held["wrong_share"]) == pytest.approx([4 / 8, 2 / 10, 0])
    worth = trust.worth_of_order(held, 1)
    assert worth["share"] == pytest.approx(4 / 6)
    assert worth["by_chance"] == pytest.approx(1 / 3)
    assert worth["correlation"] == pytest.approx(1)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=9))
def test_the_correlation_is_spearmans(pairs):
    held = pd.DataFrame(pairs, columns=["disputed", "wrong_share"]).assign(wrong=1)
    ours = trust.worth_of_order(held, 1)["correlation"]
    if held["disputed"].nunique() < 2 or held["wrong_share"].nunique() < 2:
        assert np.isnan(ours)
    else:
        assert ours == pytest.approx(spearmanr(held["disputed"], held["wrong_share"]).statistic)


def test_of_no_wrong_cells_no_order_is_better():
    held = trust.held_against_truth(table(("a", 1, 1, 1, 9, 9, 9)), [run_of([("a", 1, 0, 0)])])
    assert np.isnan(trust.worth_of_order(held, 9)["share"])


def test_a_clump_is_told_by_the_median_cell_of_all_frames():
    areas = [trust.cell_areas(np.repeat([0, 3, 5], [4, 10, 25])[None]), np.array([10, 20, 10]), np.zeros(0, int)]
    assert list(areas[0]) == [10, 25]
    found = trust.large(areas)  # the median is 10; twice as large is no clump yet
    assert list(found["large_cells"]) == [1, 0, 0]
    assert list(found["large_worth"]) == [2.5, 0, 0]
    assert (trust.large([np.zeros(0, int)]) == 0).all(axis=None)
