"""Gaps between cells against the distances of all pairs of pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.spatial.distance import cdist

from hemoseg.metrics.gaps import nearest_gaps


@given(npst.arrays(np.int64, (7, 8), elements=st.integers(0, 4)), st.sampled_from([1, 1.5, 3, 20]))
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
