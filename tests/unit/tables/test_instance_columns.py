"""Columns of matched instances against loops over sets of pixels, and at their edges."""

from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hemoseg.metrics import cell_errors
from hemoseg.metrics.cells import Truth, cell_facts
from hemoseg.tables import instance_columns
from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import read

label_images = npst.arrays(np.int32, (5, 6), elements=st.integers(0, 3))
images = st.tuples(
    label_images, label_images, npst.arrays(bool, (5, 6), elements=st.sampled_from([True] * 5 + [False]))
)
PIXELS = pd.DataFrame({"class": range(2), "class_name": ["background", "cell"]})


def run_of(*images, min_area=1, markers=None):
    """A run over images, each (true cells, predicted cells, which pixels are not ignored)."""
    tables = []
    for number, (gt, pred, valid) in enumerate(images):
        told = {"n_classes": 2, "min_area": min_area, "gap_cap": 10, "markers": markers}
        facts = cell_facts(Truth(gt, (gt > 0) * 1, valid), pred, (pred > 0) * 1, **told)
        for side, columns in zip(("gt", "pred"), facts, strict=True):
            tables.append(pd.DataFrame({"sample": f"s{number}", "side": side, "gap_cap": 10, **columns}))
    return Run("unet", "fold0", 0, PIXELS, pd.concat(tables, ignore_index=True))


def row_of(gt, pred):
    """One image of one row: digits are cells, dots background."""
    labels = [np.array([[0 if c == "." else int(c) for c in text]]) for text in (gt, pred)]
    return (*labels, np.ones(labels[0].shape, bool))


def score(key, run):
    return COLUMNS[key].score(run, 0, read({}))


def sides(gt, pred, valid, min_area):
    """Pixels of the true and predicted cells that count, and which of the latter need no match."""
    cells = [
        {int(i): {tuple(x) for x in np.argwhere((labels == i) & valid)} for i in np.unique(labels) if i}
        for labels in (gt, pred)
    ]
    small = set().union(*(s for s in cells[0].values() if len(s) < min_area))
    true, found = ({i: s for i, s in side.items() if s and len(s) >= min_area} for side in cells)
    ignored = {j: int(((pred == j) & ~valid).sum()) for j in found}
    return true, found, {j for j, q in found.items() if 2 * len(q & small) > len(q) or ignored[j] > len(q)}


def iou(s, q):
    return len(s & q) / len(s | q)


def most_pairs(allowed):
    """Size of the largest one-to-one matching of a bool table: every one is tried."""
    allowed = allowed if allowed.shape[0] <= allowed.shape[1] else allowed.T
    orders = permutations(range(allowed.shape[1]), allowed.shape[0])
    return max(sum(allowed[i, j] for i, j in enumerate(order)) for order in orders)


def counts_by_hand(images, min_area, enough):
    """Matches, their IoU, false finds and misses: the first free cell with enough IoU, in the order of numbers."""
    tp = fp = fn = 0
    summed = 0.0
    for image in images:
        true, found, excused = sides(*image, min_area)
        taken = {}
        for i, s in true.items():
            match = next((j for j, q in found.items() if j not in taken and enough(iou(s, q))), None)
            if match is not None:
                taken[match] = i
                summed += iou(s, found[match])
        if true and found:
            assert len(taken) == most_pairs(
                np.array([[enough(iou(s, q)) for q in found.values()] for s in true.values()])
            )
        tp += len(taken)
        fn += len(true) - len(taken)
        fp += len(set(found) - set(taken) - excused)
    return tp, fp, fn, summed


def ratio(over, under, empty=np.nan):
    return over / under if under else empty


@settings(deadline=None, max_examples=30)
@given(st.lists(images, min_size=1, max_size=3), st.integers(1, 4))
def test_scores_of_matched_cells_are_those_of_loops(images, min_area):
    run = run_of(*images, min_area=min_area)
    tp, fp, fn, _ = counts_by_hand(images, min_area, lambda share: share >= 0.5)
    f1 = []
    for twentieths in range(10, 20):
        at = counts_by_hand(images, min_area, lambda share, least=twentieths: share >= least / 20)
        f1.append(ratio(2 * at[0], 2 * at[0] + at[1] + at[2]))
    expected = {
        "precision_50": ratio(tp, tp + fp, 0.0 if fn else np.nan),
        "recall_50": ratio(tp, tp + fn, 0.0 if fp else np.nan),
        "f1_50": f1[0],
        "f1_50_95": np.mean(f1),
    }
    tp, fp, fn, summed = counts_by_hand(images, min_area, lambda share: share > 0.5)
    expected["panoptic"] = ratio(summed, tp + fp / 2 + fn / 2)
    expected["panoptic_segmentation"] = ratio(summed, tp)
    expected["panoptic_recognition"] = ratio(tp, tp + fp / 2 + fn / 2)
    assert {key: score(key, run) for key in expected} == pytest.approx(expected, nan_ok=True)
    if tp:
        product_of_factors = score("panoptic_segmentation", run) * score("panoptic_recognition", run)
        assert score("panoptic", run) == pytest.approx(product_of_factors)


def best_partners(true, found):
    """Every one-to-one assignment that has the largest summed IoU, as lists of pairs that overlap."""
    ids = list(found) + [None] * len(true)
    ways = {}
    for order in set(permutations(ids, len(true))):
        pairs = [(i, j) for i, j in zip(true, order, strict=True) if j is not None and true[i] & found[j]]
        ways.setdefault(round(sum(iou(true[i], found[j]) for i, j in pairs), 9), []).append(pairs)
    return ways[max(ways)]


def aggregated(true, found, excused, pairs):
    """Intersection and union of HoVer-Net's AJI+, cell by cell."""
    over = sum(len(true[i] & found[j]) for i, j in pairs)
    under = sum(len(true[i] | found[j]) for i, j in pairs)
    under += sum(len(s) for i, s in true.items() if i not in [i for i, _ in pairs])
    under += sum(len(q) for j, q in found.items() if j not in {j for _, j in pairs} | excused)
    return over, under


@settings(deadline=None, max_examples=30)
@given(st.lists(images, min_size=1, max_size=2), st.integers(1, 4))
def test_aggregated_jaccard_is_that_of_a_best_assignment(images, min_area):
    ways = []
    for image in images:
        true, found, excused = sides(*image, min_area)
        ways.append({aggregated(true, found, excused, pairs) for pairs in best_partners(true, found)})
    possible = [ratio(sum(o for o, _ in way), sum(u for _, u in way)) for way in product(*ways)]
    value = score("aji_plus", run_of(*images, min_area=min_area))
    assert any(value == pytest.approx(other, nan_ok=True) for other in possible)


@pytest.mark.parametrize("twentieths", range(10, 21))
def test_a_cell_at_exactly_the_threshold_is_a_match_before_and_after_its_iou_was_text(twentieths, tmp_path):
    run = run_of(row_of("1" * 20, "2" * twentieths + "." * (20 - twentieths)))
    run.cells.to_csv(tmp_path / "cells.csv", index=False)
    expected = min(twentieths - 9, 10) / 10
    for cells in (run.cells, pd.read_csv(tmp_path / "cells.csv")):
        assert score("f1_50_95", Run("unet", "fold0", 0, PIXELS, cells)) == pytest.approx(expected)


def test_of_two_halves_one_is_a_match_and_none_is_of_panoptic_quality():
    run = run_of(row_of("1111", "2233"))
    assert [score(key, run) for key in ("precision_50", "recall_50")] == [0.5, 1]
    assert [score(key, run) for key in ("panoptic", "panoptic_recognition")] == [0, 0]
    assert np.isnan(score("panoptic_segmentation", run))
    assert score("split_cells", run) == 1
    run = run_of(row_of("2233", "1111"))
    assert [score(key, run) for key in ("precision_50", "recall_50", "split_cells")] == [1, 0.5, 0]


def test_the_counts_of_images_are_summed_before_they_are_divided():
    good, bad = row_of("112233", "112233"), row_of("11....", "....55")
    run = run_of(good, bad)
    assert [score(key, run) for key in ("precision_50", "recall_50", "f1_50")] == [0.75, 0.75, 0.75]
    assert score("panoptic", run) == pytest.approx(3 / 4)
    assert score("aji_plus", run) == pytest.approx(6 / 10)


def test_a_prediction_on_cells_too_small_to_count_or_on_ignored_pixels_is_no_error():
    scores = ("precision_50", "f1_50", "panoptic", "aji_plus")
    run = run_of(row_of("1111.22.", "5555.666"), min_area=3)
    assert [score(key, run) for key in scores] == [1, 1, 1, 1]
    run = run_of(row_of("1111.22.", "5555.666"), min_area=2)  # now the small one counts: 2 of 3 pixels match
    assert [score(key, run) for key in scores] == [1, 1, pytest.approx(5 / 6), 6 / 7]
    gt, pred, valid = row_of("1111......", "5555.66666")
    for ignored, expected in ((3, [1, 1, 1, 1]), (2, [1 / 2, 2 / 3, pytest.approx(1 / 1.5), 4 / 7])):
        known = valid & (np.arange(10) < 10 - ignored)
        assert [score(key, run_of((gt, pred, known))) for key in scores] == expected


KEYS = [column.key for column in instance_columns.COLUMNS]


@pytest.mark.parametrize(("gt", "pred", "value"), [("....", "33..", 0), ("11..", "....", 0), ("....", "....", np.nan)])
def test_cells_on_one_side_only_score_0_and_none_at_all_is_blank(gt, pred, value):
    run = run_of(row_of(gt, pred))
    for key in set(KEYS) - {"panoptic_segmentation", "split_cells", "marked_twice"}:
        np.testing.assert_equal(score(key, run), value)
    assert np.isnan(score("panoptic_segmentation", run))


def test_without_true_instances_what_needs_cells_is_blank():
    run = run_of(row_of("11..", "33.."))
    blank = Run("unet", "fold0", 0, PIXELS, run.cells.iloc[:0])
    assert len(KEYS) == 10
    assert np.isnan([score(key, blank) for key in KEYS]).all()


def test_cells_that_were_cut_or_marked_twice_are_counted_and_unmarked_ones_are_blank():
    gt = row_of("1111.22..99", "3344.56..77")
    run = run_of(gt, markers=np.array([[0, 0], [0, 3], [0, 5], [0, 7], [0, 9]]))
    assert score("split_cells", run) == 2
    assert score("marked_twice", run) == 1
    assert score("marked_twice", run_of(gt, markers=np.zeros((0, 2)))) == 0
    assert np.isnan(score("marked_twice", run_of(gt)))


@settings(deadline=None, max_examples=30)
@given(st.lists(images, min_size=1, max_size=3), st.sampled_from([1, 1.5, 3]))
def test_the_instance_error_is_that_of_loops_over_pixels(images, touching):
    errors = touch = 0
    for gt, pred, valid in images:
        true, found, _ = sides(gt, pred, valid, 1)
        for i, s in true.items():
            gaps = [np.hypot(a - c, b - d) for k, o in true.items() if k != i for a, b in s for c, d in o]
            if min(gaps, default=np.inf) > touching:
                continue
            touch += 1
            others = [o for k, o in true.items() if k != i]
            errors += not any(
                iou(s, q) > 0.5 and 2 * len(s & q) > len(s) and not any(2 * len(o & q) > len(o) for o in others)
                for q in found.values()
            )
    run = run_of(*images)
    value = COLUMNS["instance_error"].score(run, 0, read({"thresholds": {"touching": touching}}))
    np.testing.assert_equal(value, errors / touch if touch else np.nan)


sparse_images = npst.arrays(np.int32, (5, 9), elements=st.sampled_from([0] * 12 + [1, 2, 3]))


@settings(deadline=None, max_examples=30)
@given(sparse_images, sparse_images)
def test_unseparated_cells_of_one_image_are_the_errors_of_the_column(gt, pred):
    valid = np.ones(gt.shape, bool)
    told = {"n_classes": 2, "min_area": 1, "gap_cap": 10}
    facts = cell_facts(Truth(gt, (gt > 0) * 1, valid), pred, (pred > 0) * 1, **told)
    wrong = cell_errors.unseparated(*facts, 1)
    touch = facts[0]["gap"] <= 1
    assert not (wrong & ~touch).any()
    value = COLUMNS["instance_error"].score(run_of((gt, pred, valid)), 0, read({"thresholds": {"touching": 1}}))
    np.testing.assert_equal(value, wrong.sum() / touch.sum() if touch.any() else np.nan)
