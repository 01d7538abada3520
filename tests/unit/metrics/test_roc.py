"""ROC curves and areas from histograms against scikit-learn on binned probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import roc_auc_score, roc_curve

from hemoseg.metrics import roc
from hemoseg.metrics.pixels import probability_edges, probability_histograms

histograms = npst.arrays(np.int32, (2, 8), elements=st.integers(0, 5))
with_both = histograms.filter(lambda histogram: histogram.sum(axis=1).all())


def pixels_of(histogram):
    """Truth and binned probability of every pixel that the histogram counts."""
    truth, bins = (np.repeat(index.ravel(), histogram.ravel()) for index in np.indices(histogram.shape))
    return truth, bins / histogram.shape[1]


@given(with_both)
def test_the_area_is_scikit_learns_on_the_binned_probabilities(histogram):
    assert roc.auc(histogram) == pytest.approx(roc_auc_score(*pixels_of(histogram)), abs=1e-12)


@given(with_both)
def test_the_curve_is_scikit_learns_on_the_binned_probabilities(histogram):
    false, true, _ = roc_curve(*pixels_of(histogram), drop_intermediate=False)
    points = np.unique(np.stack(roc.roc_points(histogram)), axis=1)
    np.testing.assert_allclose(points, np.unique([false, true], axis=1), atol=1e-12)


@given(with_both)
def test_the_area_under_the_points_is_the_area_and_turning_the_classes_turns_it(histogram):
    assert np.trapezoid(*roc.roc_points(histogram)[::-1]) == pytest.approx(roc.auc(histogram), abs=1e-12)
    assert roc.auc(histogram[::-1]) == pytest.approx(1 - roc.auc(histogram), abs=1e-12)


@given(with_both)
def test_the_rate_at_a_point_of_the_curve_is_the_highest_there(histogram):
    false, true = roc.roc_points(histogram)
    found = roc.true_positive_rate(histogram, false)
    np.testing.assert_allclose(found, [true[false == rate].max() for rate in false])
    between = roc.true_positive_rate(histogram, np.linspace(0, 1, 50))
    assert (np.diff(between) >= 0).all()
    assert between[-1] == 1


@pytest.mark.parametrize("absent", [0, 1])
def test_without_pixels_on_one_side_there_is_no_curve_and_no_area(absent):
    histogram = np.ones((2, 4), np.int32)
    histogram[absent] = 0
    assert np.isnan(roc.auc(histogram))
    assert np.isnan(roc.roc_points(histogram)).all()
    assert np.isnan(roc.true_positive_rate(histogram, np.array([0, 0.5]))).all()


def test_more_pixels_than_an_int32_can_multiply_are_counted():
    histogram = np.full((2, 4), 2**30, np.int32)
    assert roc.auc(histogram) == 0.5


def test_from_probabilities_to_the_area_in_as_many_bins():
    rng = np.random.default_rng(0)
    probability = rng.dirichlet(np.ones(3), (20, 30)).transpose(2, 0, 1)
    gt = (rng.random((20, 30, 1)) > probability.transpose(1, 2, 0).cumsum(axis=-1)).sum(axis=-1)
    found = probability_histograms(probability, gt, np.ones(gt.shape, bool), 16)
    for class_id in range(3):
        binned = np.searchsorted(probability_edges(16), probability[class_id], side="right")
        assert roc.auc(found[class_id]) == pytest.approx(roc_auc_score((gt == class_id).ravel(), binned.ravel()))
