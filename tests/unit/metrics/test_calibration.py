"""Squared errors and bins of probabilities against scikit-learn, MONAI and their definitions, and their laws."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from monai.metrics.calibration import CalibrationErrorMetric, CalibrationReduction
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from hemoseg.metrics.calibration import PIXELS, RIGHT, SUM, calibration, calibration_error, in_bins
from hemoseg.metrics.pixels import cross_entropy

probabilities = npst.arrays(np.float64, st.integers(1, 40), elements=st.floats(0, 1))


def drawn(seed, classes=4, shape=(23, 31), sharp=0.4):
    """Probabilities of a class map that they know something of, and the map; the last column is ignored."""
    rng = np.random.default_rng(seed)
    probability = rng.dirichlet(np.full(classes, sharp), shape).transpose(2, 0, 1)
    gt = (rng.random((*shape, 1)) > probability.transpose(1, 2, 0).cumsum(axis=-1)).sum(axis=-1).clip(0, classes - 1)
    valid = np.ones(shape, bool)
    valid[:, -1] = False
    return probability.astype(np.float32), np.where(valid, gt, 255).astype(np.uint8), valid


@pytest.mark.parametrize("classes", [2, 4])
def test_squared_errors_are_the_brier_scores_of_scikit_learn(classes):
    probability, gt, valid = drawn(0, classes)
    squares = calibration(probability, gt, valid, 15).squares / valid.sum()
    for class_id in range(classes):
        expected = brier_score_loss(gt[valid] == class_id, probability[class_id, valid])
        assert squares[class_id] == pytest.approx(expected, rel=1e-5)
    rows = probability[:, valid].T.astype(np.float64)
    whole = brier_score_loss(gt[valid], rows / rows.sum(axis=1, keepdims=True), labels=range(classes),
                             scale_by_half=False)  # fmt: skip
    assert squares.sum() == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_bins_are_those_of_scikit_learn_and_their_error_that_of_monai(seed):
    probability, gt, valid = drawn(seed)
    found = calibration(probability, gt, valid, 15).reliability
    planes = [(plane[valid], gt[valid] == class_id) for class_id, plane in enumerate(probability)]
    planes.append((probability[:, valid].max(axis=0), probability[:, valid].argmax(axis=0) == gt[valid]))
    told = CalibrationErrorMetric(
        num_bins=15, include_background=True, calibration_reduction=CalibrationReduction.EXPECTED, right=True
    )
    for plane, (values, right) in zip(found, planes, strict=True):
        share, mean = calibration_curve(right, values.astype(float), n_bins=15)
        filled = plane[PIXELS] > 0
        np.testing.assert_allclose(plane[RIGHT, filled] / plane[PIXELS, filled], share, rtol=1e-6)
        np.testing.assert_allclose(plane[SUM, filled] / plane[PIXELS, filled], mean, rtol=1e-6)
        arrays = (torch.from_numpy(np.asarray(side, np.float32))[None, None] for side in (values, right))
        assert calibration_error(plane) == pytest.approx(told(*arrays).item(), rel=1e-4)


@given(probabilities, st.data(), st.sampled_from([1, 2, 4, 15]))
def test_a_bin_holds_its_upper_edge_and_the_first_one_zero(values, data, bins):
    right = data.draw(npst.arrays(bool, len(values)))
    found = in_bins(values, right, bins)
    for number in range(bins):
        inside = (values * bins > number) & (values * bins <= number + 1)
        inside |= (values == 0) & (number == 0)
        assert found[:2, number].tolist() == [inside.sum(), (inside & right).sum()]
        assert found[SUM, number] == pytest.approx(values[inside].sum())


@given(probabilities, st.data())
def test_the_error_lies_between_the_mean_gap_and_one_and_finer_bins_never_lower_it(values, data):
    right = data.draw(npst.arrays(bool, len(values)))
    whole, coarse, fine = (calibration_error(in_bins(values, right, bins)) for bins in (1, 5, 15))
    assert whole == pytest.approx(abs(values.mean() - right.mean()))
    assert -1e-9 <= whole <= coarse + 1e-9 <= fine + 2e-9 <= 1 + 3e-9


def test_the_bins_of_images_add_up():
    whole = drawn(5, shape=(20, 30))
    parts = [tuple(side[..., rows, :] for side in whole) for rows in (slice(0, 7), slice(7, 20))]
    one, other, both = (calibration(*part, 10) for part in (*parts, whole))
    np.testing.assert_allclose(one.reliability + other.reliability, both.reliability)
    np.testing.assert_allclose(one.squares + other.squares, both.squares)


def test_what_is_certain_and_right_has_no_error_and_what_is_certain_and_wrong_all_of_it():
    gt = np.array([[0, 1, 2, 1]], np.uint8)
    valid = np.ones(gt.shape, bool)
    sure = (np.arange(3)[:, None, None] == gt).astype(np.float16)
    assert calibration(sure, gt, valid, 15).squares.sum() == 0
    assert calibration_error(calibration(sure, gt, valid, 15).reliability).tolist() == [0, 0, 0, 0]
    wrong = np.roll(sure, 1, axis=0)
    assert calibration(wrong, gt, valid, 15).squares.sum() == 2 * gt.size
    assert calibration_error(calibration(wrong, gt, valid, 15).reliability)[-1] == 1


def test_of_classes_as_probable_the_first_is_the_most_probable_as_numpy_says():
    probability = np.full((4, 1, 2), 0.25)
    found = calibration(probability, np.array([[0, 1]]), np.ones((1, 2), bool), 4).reliability
    assert found[-1, :, 0].tolist() == [2, 1, 0.5]


def test_probabilities_are_normalised_and_ignored_pixels_count_nowhere():
    probability, gt, valid = drawn(1)
    halved, found = (calibration(part, gt, valid, 15) for part in (probability / 2, probability))
    np.testing.assert_allclose(halved.squares, found.squares, rtol=1e-6)
    assert found.reliability[:, PIXELS].sum(axis=1).tolist() == [valid.sum()] * 5
    nothing = calibration(probability, gt, np.zeros_like(valid), 15)
    assert nothing.squares.tolist() == [0, 0, 0, 0]
    assert np.isnan(calibration_error(nothing.reliability)).all()


def test_probabilities_of_another_shape_are_refused():
    probability, gt, valid = drawn(1)
    with pytest.raises(ValueError, match="differ in shape"):
        calibration(probability[:, :-1], gt, valid, 15)


def test_cross_entropy_is_the_log_loss_of_scikit_learn():
    probability, gt, valid = drawn(2)
    rows = probability[:, valid].T.astype(float)
    expected = log_loss(gt[valid], rows / rows.sum(axis=1, keepdims=True), labels=range(4), normalize=False)
    clipped = cross_entropy(probability, gt, valid).sum()  # probabilities below 2^-24 cost no more than that
    assert clipped == pytest.approx(expected, rel=1e-3)
