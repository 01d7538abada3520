"""Facts of cells: drawn by hand, against loops, and their laws."""

import time
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hemoseg.metrics.cells import Truth, cell_facts

label_images = npst.arrays(np.int32, (6, 7), elements=st.integers(0, 4))
class_maps = npst.arrays(np.uint8, (6, 7), elements=st.integers(0, 2))


def draw(picture):
    """Digits are cells or classes, dots background."""
    return np.array([[0 if c == "." else int(c) for c in line] for line in picture.split()])


def facts(gt, pred, *, gt_classes=None, pred_classes=None, valid=None, min_area=1, n_classes=2):
    gt, pred = (draw(x) if isinstance(x, str) else x for x in (gt, pred))
    gt_classes = (gt > 0).astype(int) if gt_classes is None else gt_classes
    pred_classes = (pred > 0).astype(int) if pred_classes is None else pred_classes
    valid = np.ones(gt.shape, bool) if valid is None else valid
    truth = Truth(gt, gt_classes, valid)
    return cell_facts(truth, pred, pred_classes, n_classes=n_classes, min_area=min_area, gap_cap=10)


def pick(table, *names):
    return [table[name].tolist() for name in names]


def test_two_touching_cells_in_one_prediction_have_one_host():
    gt, pred = facts("1122 1122", "3333 3333")
    assert pick(gt, "cell", "host", "covered", "gap") == [[1, 2], [3, 3], [4, 4], [1.0, 1.0]]
    assert pick(pred, "cell", "hosted", "area", "on_truth") == [[3], [2], [8], [8]]


def test_exactly_half_a_cell_is_not_more_than_half():
    gt, pred = facts("1111 2222", "3355 335.")
    assert pick(gt, "host", "covered") == [[0, 0], [4, 3]]
    assert pick(pred, "cell", "hosted") == [[3, 5], [0, 0]]
    gt, pred = facts("111 222", "335 33.")
    assert pick(gt, "host", "covered") == [[3, 3], [3, 2]]
    assert pick(pred, "hosted") == [[2, 0]]


def test_what_was_dropped_for_its_size_covers_nothing():
    gt, pred = facts("1111 ....", "23.. ....", min_area=2)
    assert pick(gt, "covered", "host", "best_match", "iou") == [[0], [0], [0], [0.0]]
    assert pick(pred, "counted") == [[False, False]]
    gt, pred = facts("1111 ....", "223. ....", min_area=2)
    assert pick(gt, "covered", "best_match", "iou", "as_class_1") == [[2], [2], [0.5], [2]]


def test_a_prediction_on_a_small_true_cell_lies_on_truth_but_hosts_none():
    gt, pred = facts("1..222 1..222", "33.... 33....", min_area=3)
    assert pick(gt, "counted") == [[False, True]]
    assert pick(pred, "on_truth", "on_small", "hosted", "best_match") == [[2], [2], [0], [0]]


def test_cells_of_exactly_the_least_area_count():
    gt, pred = facts("11.2", "33.4", min_area=2)
    assert pick(gt, "counted") == pick(pred, "counted") == [[True, False]]


def test_ignored_pixels_leave_truth_and_prediction():
    valid = draw("1100 1111") > 0
    gt, pred = facts("1111 ..22", "3333 ....", valid=valid)
    assert pick(gt, "area", "covered", "host", "gap") == [[2, 2], [2, 0], [3, 0], [np.sqrt(2)] * 2]
    assert pick(pred, "area", "on_truth", "on_ignored") == [[2], [2], [2]]


def test_a_cell_that_is_all_ignored_has_no_row():
    gt, pred = facts("11.. ..22", "11.. ..22", valid=draw("0011 1111") > 0)
    assert pick(gt, "cell") == pick(pred, "cell") == [[2]]


def test_classes_are_majorities_and_ties_go_to_the_lowest():
    classes = draw("1122 2221")
    gt, pred = facts("3333 5555", "4444 6666", gt_classes=classes, pred_classes=classes, n_classes=3)
    assert pick(gt, "class", "as_class_1", "as_class_2") == [[1, 2], [2, 1], [2, 3]]
    assert pick(pred, "class") == [[1, 2]]


def test_types_outside_the_counted_predictions_are_not_taken():
    """A watershed line or a dropped speck carries a class but belongs to no predicted cell."""
    gt, _ = facts("1111", "22.3", pred_classes=draw("1122"), min_area=2, n_classes=3)
    assert pick(gt, "as_class_1", "as_class_2") == [[2], [0]]


def test_cells_on_the_frame_touch_the_border():
    picture = "..1.. ..... 2.3.4 ..... ..5.."
    assert pick(facts(picture, picture)[0], "touches_border") == [[True, True, False, True, True]]


def test_gaps_are_taken_among_the_cells_that_count():
    gt, _ = facts("11.2.33", ".......", min_area=2)
    assert gt["gap"][[0, 2]].tolist() == [4, 4]
    assert np.isnan(gt["gap"][1])


@pytest.mark.parametrize("side", ["gt", "pred", "both"])
def test_an_empty_side_gives_no_rows_and_no_matches(side):
    cells = "11.. 11.."
    nothing = ".... ...."
    gt, pred = facts(nothing if side != "pred" else cells, nothing if side != "gt" else cells)
    assert (len(gt["cell"]), len(pred["cell"])) == {"gt": (0, 1), "pred": (1, 0), "both": (0, 0)}[side]
    assert not gt["covered"].any()
    assert not pred["on_truth"].any()


def test_an_image_without_background_is_measured_like_any_other():
    gt, pred = facts("11 22", "33 33")
    assert pick(gt, "area", "host") == [[2, 2], [3, 3]]
    assert pick(pred, "hosted", "on_truth") == [[2], [4]]


def pixel_sets(labels, valid):
    sets = {int(i): {tuple(x) for x in np.argwhere((labels == i) & valid)} for i in np.unique(labels) if i}
    return {i: pixels for i, pixels in sets.items() if pixels}


def best_iou(pixels, others):
    return max((len(pixels & other) / len(pixels | other) for other in others.values()), default=0)


def votes(pixels, classes):
    return [sum(classes[x] == c for x in pixels) for c in (1, 2)]


def majority(pixels, classes):
    counts = votes(pixels, classes)
    return counts.index(max(counts)) + 1 if any(counts) else 0


def brute(gt, gt_classes, pred, pred_classes, valid, min_area):
    """The definitions of the docstring, by sets of pixels."""
    t, p = pixel_sets(gt, valid), pixel_sets(pred, valid)
    taken = {j: int(((pred == j) & ~valid).sum()) for j in p}
    big_t, big_p = ({i: s for i, s in side.items() if len(s) >= min_area} for side in (t, p))
    union = set().union(*big_p.values())
    small = set().union(*(s for i, s in t.items() if i not in big_t))
    truth = {tuple(x) for x in np.argwhere(((gt_classes > 0) | (gt > 0)) & valid)}
    host = {i: next((j for j, q in big_p.items() if 2 * len(s & q) > len(s)), 0) for i, s in t.items()}
    rows_gt, rows_pred = {}, {}
    for i, s in t.items():
        facts_of_cell = (len(s & union), host[i], best_iou(s, big_p), *votes(s & union, pred_classes))
        rows_gt[i] = (majority(s, gt_classes), len(s), *facts_of_cell)
    for j, q in p.items():
        hosted = sum(host[i] == j for i in big_t)
        on = (len(q & truth), hosted, len(q & small), taken[j])
        rows_pred[j] = (majority(q, pred_classes), len(q), *on, best_iou(q, big_t))
    return rows_gt, rows_pred


@settings(deadline=None)
@given(label_images, class_maps, label_images, class_maps, npst.arrays(bool, (6, 7)), st.integers(1, 6))
def test_facts_equal_a_loop_over_pixel_sets(gt, gt_classes, pred, pred_classes, valid, min_area):
    a, b = facts(
        gt, pred, gt_classes=gt_classes, pred_classes=pred_classes, valid=valid, min_area=min_area, n_classes=3
    )
    columns = ("class", "area", "covered", "host", "iou", "as_class_1", "as_class_2")
    found_gt = {int(i): tuple(a[name][k] for name in columns) for k, i in enumerate(a["cell"])}
    columns = ("class", "area", "on_truth", "hosted", "on_small", "on_ignored", "iou")
    found_pred = {int(i): tuple(b[name][k] for name in columns) for k, i in enumerate(b["cell"])}
    assert (found_gt, found_pred) == brute(gt, gt_classes, pred, pred_classes, valid, min_area)


def best_sum(ious):
    """The largest summed IoU of a one-to-one assignment: every one of them is tried."""
    rows, columns = ious.shape
    if rows > columns:
        return best_sum(ious.T)
    return max(sum(ious[i, j] for i, j in enumerate(order)) for order in permutations(range(columns), rows))


@settings(deadline=None)
@given(label_images, label_images, npst.arrays(bool, (6, 7)), st.integers(1, 6))
def test_partners_are_the_best_assignment_of_the_cells_that_count(gt, pred, valid, min_area):
    a, _ = facts(gt, pred, valid=valid, min_area=min_area)
    t, p = ({i: s for i, s in pixel_sets(x, valid).items() if len(s) >= min_area} for x in (gt, pred))
    found = {int(i): int(j) for i, j in zip(a["cell"], a["partner"], strict=True) if j}
    shared = dict(zip(a["cell"].tolist(), a["shared"].tolist(), strict=True))
    assert len(set(found.values())) == len(found)
    assert set(found) <= set(t)
    assert set(found.values()) <= set(p)
    assert all(shared[i] == (len(s & p[found[i]]) if i in found else 0) for i, s in t.items())
    ious = np.array([[len(s & q) / len(s | q) for q in p.values()] for s in t.values()]).reshape(len(t), len(p))
    summed = sum(len(t[i] & p[j]) / len(t[i] | p[j]) for i, j in found.items())
    assert summed == pytest.approx(best_sum(ious), abs=1e-9)


@settings(deadline=None)
@given(label_images, label_images, npst.arrays(bool, (6, 7)), st.integers(1, 6))
def test_guests_are_the_counted_predictions_that_lie_mostly_in_a_cell(gt, pred, valid, min_area):
    a, _ = facts(gt, pred, valid=valid, min_area=min_area)
    guests = [q for q in pixel_sets(pred, valid).values() if len(q) >= min_area]
    within = [sum(2 * len(s & q) > len(q) for q in guests) for s in pixel_sets(gt, valid).values()]
    assert a["guests"].tolist() == within


def test_markers_are_counted_in_the_cell_of_their_pixel():
    gt, pred = draw("11.2 11.2 ...2"), draw("33.4 33.4 ...4")
    truth = Truth(gt, (gt > 0) * 1, np.ones(gt.shape, bool))
    told = {"n_classes": 2, "min_area": 1, "gap_cap": 5}
    markers = np.array([[0, 0], [0.5, 1.2], [1, 1.4], [2.4, 3], [0, 2], [9, 0], [-1, 0], [np.nan, 1]])
    counts = [cell_facts(truth, pred, (pred > 0) * 1, **told, markers=m)[0]["markers"] for m in (markers, markers[:0])]
    assert [c.tolist() for c in counts] == [[3, 1], [0, 0]]
    assert np.isnan(cell_facts(truth, pred, (pred > 0) * 1, **told)[0]["markers"]).all()


@settings(deadline=None)
@given(label_images, label_images, st.permutations(range(1, 5)))
def test_renumbering_the_cells_changes_only_their_ids(gt, pred, order):
    new = np.append(0, np.array(order) * 1000)
    for before, after in zip(facts(gt, pred), facts(new[gt], new[pred]), strict=True):
        position = np.argsort(new[before["cell"]])
        for name in set(before) - {"best_match", "partner", "shared"}:  # of equal ones any may be taken
            renamed = new[before[name]] if name in ("cell", "host") else before[name]
            np.testing.assert_equal(after[name], renamed[position])


@settings(deadline=None)
@given(label_images, label_images, st.integers(0, 3), st.integers(0, 3))
def test_moving_both_images_changes_nothing_but_the_border(gt, pred, rows, columns):
    shift = ((rows, 3 - rows), (columns, 3 - columns))
    for before, after in zip(facts(gt, pred), facts(np.pad(gt, shift), np.pad(pred, shift)), strict=True):
        for name in set(before) - {"touches_border"}:
            np.testing.assert_equal(after[name], before[name])


def test_seventy_thousand_cells_take_no_quadratic_memory_or_time():
    """A table of all pairs would hold 5e9 entries."""
    row, column = np.mgrid[:1064, :1064]
    cells = np.where((row % 4 < 3) & (column % 4 < 3), row // 4 * 266 + column // 4 + 1, 0)
    start = time.perf_counter()
    gt, pred = facts(cells, np.roll(cells, 1, axis=1))
    assert len(gt["cell"]) == 266**2 > 70_000
    assert (gt["covered"][:266] == 6).all()
    assert pred["hosted"].sum() == 266**2
    assert time.perf_counter() - start < 10
