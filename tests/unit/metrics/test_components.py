import numpy as np
import pytest
from skimage.measure import label

from hemoseg.metrics.components import count_of_class, counted_components


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


@pytest.mark.parametrize("least", [0, 1, 2, 4])
def test_the_components_that_count_are_those_of_another_library_one_by_one(least):
    random = np.random.default_rng(least)
    for _ in range(60):
        classes = random.choice([0, 0, 1, 2], (7, 9))
        valid = random.random((7, 9)) < 0.7
        for class_id in (1, 2):
            found = counted_components(classes, valid, class_id, least)
            parts = label(classes == class_id, connectivity=2)
            areas = [((part & valid).sum(), (part & ~valid).sum(), part) for part in of_each(parts)]
            kept = [part for left, ignored, part in areas if left >= max(least, ignored, 1)]
            assert found.max(initial=0) == len(kept) == count_of_class(classes, valid, class_id, least)
            assert np.array_equal(found > 0, np.any([np.zeros((7, 9), bool), *kept], axis=0))
            assert all(len(np.unique(found[part])) == 1 for part in kept)


def of_each(parts):
    return [parts == number for number in range(1, parts.max() + 1)]
