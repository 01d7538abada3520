import numpy as np

from hemoseg.metrics.components import count_of_class


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
