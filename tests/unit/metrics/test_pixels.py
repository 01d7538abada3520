"""Pixel counts against loops, cross-entropy against its definition, histograms against numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import roc_auc_score

from hemoseg.metrics import pixels, roc

maps = npst.arrays(np.uint8, (6, 7), elements=st.integers(0, 3))
everywhere = np.ones((6, 7), bool)


def scores(matrix):
    c = pixels.counts(matrix)
    return 2 * c["tp"] / np.maximum(2 * c["tp"] + c["fp"] + c["fn"], 1), c["tp"] / np.maximum(sum_of(c), 1)


def sum_of(c):
    return c["tp"] + c["fp"] + c["fn"]


@given(maps, maps, npst.arrays(bool, (6, 7)))
def test_counts_equal_a_loop_over_the_valid_pixels(gt, pred, valid):
    c = pixels.counts(pixels.confusion(gt, pred, valid, 4))
    for class_id in range(4):
        loop = {"tp": 0, "fp": 0, "fn": 0, "tn": 0}
        for t, p in zip(gt[valid], pred[valid], strict=True):
            loop[("t" if (t == class_id) == (p == class_id) else "f") + ("p" if p == class_id else "n")] += 1
        assert {name: values[class_id] for name, values in c.items()} == loop


@given(maps, maps)
def test_dice_and_jaccard_are_symmetric_and_tied_to_each_other(a, b):
    dice, jaccard = scores(pixels.confusion(a, b, everywhere, 4))
    assert np.array_equal(dice, scores(pixels.confusion(b, a, everywhere, 4))[0])
    np.testing.assert_allclose(dice, 2 * jaccard / (1 + jaccard))


@given(maps, maps, st.permutations(range(4)))
def test_renaming_the_classes_renames_the_counts(gt, pred, order):
    order = np.array(order)
    before = pixels.confusion(gt, pred, everywhere, 4)
    after = pixels.confusion(order[gt], order[pred], everywhere, 4)
    assert np.array_equal(after[np.ix_(order, order)], before)


def test_ignored_pixels_do_not_count_whatever_they_hold():
    gt = np.array([[0, 1, 255]])
    matrix = pixels.confusion(gt, np.array([[0, 0, 7]]), gt != 255, 2)
    assert matrix.tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize(("gt", "pred", "words"), [([[2]], [[0]], "truth holds class 2"), ([[0]], [[9]], "prediction")])
def test_a_class_out_of_range_is_refused(gt, pred, words):
    with pytest.raises(ValueError, match=words):
        pixels.confusion(np.array(gt), np.array(pred), np.array([[True]]), 2)


def test_maps_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        pixels.confusion(np.zeros((2, 2), int), np.zeros((2, 3), int), np.ones((2, 2), bool), 2)


def softmax(seed, shape=(3, 40, 50)):
    logits = np.random.default_rng(seed).normal(0, 2, shape)
    e = np.exp(logits - logits.max(axis=0))
    return e / e.sum(axis=0)


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_cross_entropy_is_minus_log_of_the_true_class_summed_by_true_class(dtype):
    probability, gt = softmax(0), np.random.default_rng(1).integers(0, 3, (40, 50))
    valid = np.random.default_rng(2).random((40, 50)) > 0.2
    expected = [-np.log(probability[c][(gt == c) & valid]).sum() for c in range(3)]
    found = pixels.cross_entropy(probability.astype(dtype), gt, valid)
    np.testing.assert_allclose(found, expected, rtol=1e-5 if dtype == np.float64 else 5e-3)


def test_float16_keeps_the_digits_of_a_confident_true_class():
    """1 - 1e-4 is 1.0 in float16; the other class still says 1e-4."""
    probability = np.array([[[1e-4]], [[1 - 1e-4]]]).astype(np.float16)
    assert probability[1, 0, 0] == 1
    found = pixels.cross_entropy(probability, np.array([[1]]), np.array([[True]]))
    assert found[1] == pytest.approx(1e-4, rel=1e-3)


def test_a_true_class_of_probability_zero_costs_as_much_as_the_smallest_float16():
    probability = np.array([[[1.0]], [[0.0]]], np.float16)
    found = pixels.cross_entropy(probability, np.array([[1]]), np.array([[True]]))
    assert found[1] == pytest.approx(24 * np.log(2))


@pytest.mark.parametrize("value", [0.4, np.nan])
def test_probabilities_that_do_not_sum_to_one_are_refused(value):
    with pytest.raises(ValueError, match="do not sum to 1"):
        pixels.cross_entropy(np.full((2, 1, 1), value), np.array([[1]]), np.array([[True]]))


def test_histograms_equal_numpys_for_each_class_and_truth():
    probability, gt = softmax(3), np.random.default_rng(4).integers(0, 3, (40, 50))
    valid = np.random.default_rng(5).random((40, 50)) > 0.2
    found = pixels.probability_histograms(probability.astype(np.float16), gt, valid, 64)
    for c in range(3):
        for side in (False, True):
            values = probability.astype(np.float16)[c][valid & ((gt == c) == side)].astype(float)
            assert np.array_equal(found[c, int(side)], np.histogram(values, pixels.probability_edges(64))[0])


def test_the_ends_of_the_scale_fall_in_the_first_and_last_bin():
    probability = np.array([[[0.0, 1.0, 0.25]], [[1.0, 0.0, 0.75]]], np.float16)
    found = pixels.probability_histograms(probability, np.array([[1, 0, 1]]), np.ones((1, 3), bool), 4)
    edges = pixels.probability_edges(4)
    place = {value: int(np.flatnonzero(edges[:-1] <= value)[-1]) for value in (0.0, 0.25, 0.75, 1.0)}
    assert (place[0.0], place[1.0]) == (0, len(edges) - 2)
    for counted, values in ((found[1, 1], (1.0, 0.75)), (found[1, 0], (0.0,)), (found[0, 0], (0.0, 0.25))):
        assert np.flatnonzero(counted).tolist() == sorted(place[value] for value in values)


@pytest.mark.parametrize("bins", [1, 2, 3, 64, 256, 5000])
def test_the_bins_hold_all_from_0_to_1_and_are_finer_at_the_ends(bins):
    edges = pixels.probability_edges(bins)
    assert (edges[0], edges[-1]) == (0, 1)
    assert (np.diff(edges) > 0).all()
    assert set(np.linspace(0, 1, bins + 1)) <= set(edges)
    rare = np.float16([2.0**-24, 2.0**-20, 1e-5, 1e-4])
    assert len(set(np.searchsorted(edges, rare.astype(float), side="right"))) == len(rare)


def test_the_ranking_of_a_rare_class_is_kept_where_equal_bins_would_lose_it():
    """All probabilities below 1 / 256: in equal bins every pixel is tied, AUC 0.5."""
    rng = np.random.default_rng(0)
    gt = (rng.random((60, 60)) < 0.1).astype(int)
    rare = np.float16(10 ** rng.normal(-4.5 + gt, 0.6).clip(-7, -2.5))
    found = pixels.probability_histograms(np.stack([1 - rare, rare]), gt, np.ones(gt.shape, bool), 256)[1]
    assert roc.auc(found) == pytest.approx(roc_auc_score(gt.ravel(), rare.ravel()), abs=0.003)
