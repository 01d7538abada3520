import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hemoseg.data.placement import Placed
from hemoseg.tables import trust

masks = arrays(bool, (4, 5))


def placed(instances, classes=None):
    instances = np.asarray(instances, np.int32)
    classes = (instances > 0).astype(np.uint8) if classes is None else np.asarray(classes, np.uint8)
    return Placed(classes, instances, None, classes != 255)


def table(*rows):
    """Ranked frames of (name, cells, label cells, shared cells, shared pixels, model pixels, label pixels)."""
    return trust.ranked(pd.DataFrame(rows, columns=["frame", *trust.COUNTS]))


def overlap(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum()) if (a | b).any() else 1.0


@given(masks, masks, masks)
def test_the_worse_of_label_and_model_is_never_nearer_to_any_truth_than_the_bound(label, found, truth):
    counts = trust.counted(placed(label), placed(found))
    (row,) = trust.ranked(pd.DataFrame([{"frame": "a"} | counts])).to_dict("records")
    assert row["dice"] == pytest.approx(overlap(label, found))
    assert min(overlap(label, truth), overlap(found, truth)) <= row["best_of_worse"] + 1e-12


def test_the_bound_is_reached_by_a_truth_halfway_between_both():
    # An IoU of 1/3 between them, so of 2/3 at most with any truth: here the truth is all that either sees.
    label, found, truth = (np.array([row], bool) for row in ([1, 1, 0], [0, 1, 1], [1, 1, 1]))
    (row,) = trust.ranked(pd.DataFrame([{"frame": "a"} | trust.counted(placed(label), placed(found))])).to_dict(
        "records"
    )
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
