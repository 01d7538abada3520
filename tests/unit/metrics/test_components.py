"""Components, compact labels and areas against scipy and numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.ndimage import label

from hemoseg.labels.components import connected_components
from hemoseg.metrics.components import areas, compact, count_of_class

masks = npst.arrays(bool, (8, 9))


@given(masks)
def test_components_are_those_of_scipy_with_eight_neighbours(mask):
    expected, n = label(mask, np.ones((3, 3)))
    found = connected_components(mask)
    assert found.max() == n
    assert len(set(zip(found[mask], expected[mask], strict=True))) == n
    assert np.array_equal(found > 0, mask)


def test_a_straight_line_and_a_diagonal_are_one_component_each():
    assert connected_components(np.eye(300, dtype=bool)).max() == 1
    assert connected_components(np.ones((1, 300), bool)).max() == 1


@pytest.mark.parametrize("factor", [1, 5, 100_000_000])
@given(labels=npst.arrays(np.int32, (5, 6), elements=st.integers(0, 9)))
def test_compact_numbers_the_cells_in_the_order_of_their_ids(factor, labels):
    labels = labels * factor
    renumbered, ids = compact(labels)
    assert np.array_equal(np.append(0, ids)[renumbered], labels)
    assert np.array_equal(ids, np.unique(labels[labels > 0]))
    assert areas(labels).tolist() == [int((labels == i).sum()) for i in ids]


def test_a_negative_label_is_refused():
    with pytest.raises(ValueError, match="negative"):
        compact(np.array([[-1, 0]]))


def test_no_background_pixel_and_no_pixel_at_all():
    assert areas(np.full((2, 3), 2**31 - 1, np.int32)).tolist() == [6]
    assert areas(np.zeros((0, 0), np.int32)).tolist() == []


def test_cells_of_a_class_are_counted_from_the_least_area_on_without_ignored_pixels():
    classes = np.array([[1, 1, 0, 1, 0, 2, 2, 2]])
    valid = np.array([[1, 1, 1, 1, 1, 1, 1, 0]], bool)
    assert [count_of_class(classes, valid, 1, least) for least in (0, 1, 2, 3)] == [2, 2, 1, 0]
    assert [count_of_class(classes, valid, 2, least) for least in (2, 3)] == [1, 0]


def test_what_ignored_pixels_leave_of_a_component_is_counted_once_or_not_at_all():
    classes = np.array([[1, 1, 1, 1, 1, 1, 0, 1, 1, 1]])
    kept = np.array([[1, 1, 0, 0, 1, 1, 1, 0, 0, 1]], bool)
    assert count_of_class(classes, kept, 1, 0) == 1, "two thirds of one cell, and a sliver of another"
    assert count_of_class(classes, kept, 1, 5) == 0
    assert count_of_class(classes, ~kept & (classes > 0), 1, 0) == 1
    assert count_of_class(classes, np.zeros_like(kept), 1, 0) == 0
