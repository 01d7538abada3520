"""Gaps between cells against the distances of all pairs of pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.spatial.distance import cdist

from hemoseg.metrics.gaps import nearest_gaps

dense = npst.arrays(np.int64, (7, 8), elements=st.integers(0, 4))
sparse = npst.arrays(np.int64, (11, 13), elements=st.sampled_from([0] * 40 + [1, 2, 3, 4]))


@given(dense | sparse, st.sampled_from([1, 1.5, 3, 4.3, 7.5, 20]))
def test_gaps_equal_the_smallest_distance_over_all_pairs(labels, cap):
    found = nearest_gaps(labels, 4, cap)
    for cell in range(1, 5):
        mine, others = np.argwhere(labels == cell), np.argwhere((labels != cell) & (labels > 0))
        expected = cdist(mine, others).min(initial=np.inf)
        np.testing.assert_equal(found[cell - 1], expected if expected <= cap else np.nan)


def test_cells_at_opposite_ends_of_neighbouring_rows_are_not_neighbours():
    """Offsets run over the flat image: a row's end must not meet the next row's start."""
    labels = np.zeros((4, 30), np.int64)
    labels[1, -1], labels[2, 0] = 1, 2
    assert np.isnan(nearest_gaps(labels, 2, 10)).all()


def test_a_solid_cell_inside_another_is_one_pixel_away():
    labels = np.ones((9, 9), np.int64)
    labels[3:6, 3:6] = 2
    assert nearest_gaps(labels, 2, 10).tolist() == [1, 1]


@pytest.mark.parametrize("cap", [3, 4.3, 6.5, 9])
def test_two_pixels_at_any_offset_are_as_far_apart_as_they_are(cap):
    for row, column in np.ndindex(8, 8):
        if row or column:
            labels = np.zeros((9, 9), np.int64)
            labels[0, 0], labels[row, column] = 1, 2
            distance = np.hypot(row, column)
            np.testing.assert_equal(nearest_gaps(labels, 2, cap), [distance if distance <= cap else np.nan] * 2)
