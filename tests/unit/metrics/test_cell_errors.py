"""Verdicts at and around their thresholds."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemoseg.metrics import cell_errors


@pytest.mark.parametrize(
    ("value", "meant"),
    [(0.5, "1/2"), (0.8, "4/5"), (0.3333333, "1/3"), ("1/3", "1/3"), (0.25, "1/4"), (1, "1"), (0.1, "1/10")],
)
def test_a_threshold_is_the_fraction_that_was_meant(value, meant):
    assert cell_errors.share(value) == Fraction(meant)


@given(st.integers(1, 10_000), st.integers(1, 1000), st.integers(1, 1000))
def test_a_part_at_exactly_the_threshold_is_not_below_it(whole, over, under):
    threshold = Fraction(over, under)
    part = threshold * whole
    if part.denominator == 1:
        assert not cell_errors.below(int(part), whole, threshold)
        assert cell_errors.below(int(part) - 1, whole, threshold)


def test_exactly_half_covered_is_found_and_exactly_half_on_truth_is_no_artefact():
    half = Fraction(1, 2)
    assert cell_errors.is_missed(np.array([4, 5, 6]), np.array([10, 10, 10]), half).tolist() == [True, False, False]
    none = np.zeros(2, int)
    assert cell_errors.is_spurious(np.array([4, 5]), np.array([10, 10]), none, half).tolist() == [True, False]


def test_the_rest_of_a_cell_that_lies_mostly_on_ignored_pixels_is_no_artefact():
    on_truth, area, on_ignored = np.array([0, 0, 9, 0]), np.array([10, 10, 10, 10]), np.array([11, 10, 90, 0])
    assert cell_errors.is_spurious(on_truth, area, on_ignored, Fraction(1, 2)).tolist() == [False, True, False, True]


def test_two_types_is_reached_at_the_share_of_the_total_area_not_of_the_covered():
    as_class = np.array([[6, 3], [6, 2], [5, 2], [3, 3], [6, 0]])
    area = np.array([9, 9, 9, 12, 9])
    third, quarter = Fraction(1, 3), Fraction(1, 4)
    assert cell_errors.is_of_two_types(as_class, area, third).tolist() == [True, False, False, False, False]
    assert cell_errors.is_of_two_types(as_class, area, quarter).tolist() == [True, False, False, True, False]


def test_three_types_count_all_that_is_not_the_commonest():
    assert cell_errors.is_of_two_types(np.array([[7, 2, 1]]), np.array([10]), Fraction(3, 10)).tolist() == [True]


def test_majority_ties_go_to_the_lowest_class_and_nothing_is_zero():
    assert cell_errors.majority(np.array([[2, 2, 1], [0, 3, 3], [0, 0, 0], [0, 0, 1]])).tolist() == [1, 2, 0, 3]


def test_a_prediction_merges_from_two_cells_on():
    assert cell_errors.is_merging(np.array([0, 1, 2, 3])).tolist() == [False, False, True, True]
