"""Precision-recall curves and average precision from histograms against scikit-learn on binned probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.metrics import average_precision_score, precision_recall_curve

from hemoseg.metrics.precision_recall import average_precision, precision_recall_points

histograms = npst.arrays(np.int32, (2, 8), elements=st.integers(0, 5))
with_class = histograms.filter(lambda histogram: histogram[1].any())


def pixels_of(histogram):
    """Truth and binned probability of every pixel that the histogram counts."""
    truth, bins = (np.repeat(index.ravel(), histogram.ravel()) for index in np.indices(histogram.shape))
    return truth, bins / histogram.shape[1]


@given(with_class)
def test_the_average_precision_is_scikit_learns(histogram):
    assert average_precision(histogram) == pytest.approx(average_precision_score(*pixels_of(histogram)), abs=1e-12)


@given(with_class)
def test_the_points_are_scikit_learns(histogram):
    points = np.unique(np.stack(precision_recall_points(histogram)), axis=1)
    precision, recall, _ = precision_recall_curve(*pixels_of(histogram))
    expected = np.unique([precision[:-1], recall[:-1]], axis=1)  # without its last, where nothing is taken
    taken = points[:, ~((points[0] == 1) & (points[1] == 0))]
    np.testing.assert_allclose(taken, expected[:, ~((expected[0] == 1) & (expected[1] == 0))], atol=1e-12)


@given(with_class)
def test_recall_rises_to_one_and_no_ranking_is_worse_than_the_reverse_of_the_truth(histogram):
    precision, recall = precision_recall_points(histogram)
    assert (np.diff(recall) >= 0).all()
    assert recall[-1] == 1
    assert precision[-1] == histogram[1].sum() / histogram.sum()
    own, others = np.arange(1, histogram[1].sum() + 1), histogram[0].sum()
    worst = (own / (others + own)).mean()  # every other pixel ranked above the first of the class
    assert worst - 1e-12 <= average_precision(histogram) <= 1 + 1e-12


@given(npst.arrays(np.int32, (3, 2, 6), elements=st.integers(0, 4)))
def test_several_histograms_have_the_numbers_of_each(stack):
    np.testing.assert_allclose(average_precision(stack), [average_precision(one) for one in stack])


def test_without_a_pixel_of_the_class_there_is_no_number_and_without_another_it_is_one():
    histogram = np.array([[3, 4], [0, 0]])
    assert np.isnan(average_precision(histogram))
    assert average_precision(histogram[::-1]) == 1


def test_more_pixels_than_an_int32_can_add_are_counted():
    assert average_precision(np.full((2, 4), 2**30, np.int32)) == 0.5
