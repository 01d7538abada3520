import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hemoseg.labels.areas import median_area


@given(st.lists(hnp.arrays(np.int32, (5, 6), elements=st.integers(0, 4)), max_size=3))
def test_median_is_that_of_all_cells_of_all_images(images):
    areas = [int((image == n).sum()) for image in images for n in range(1, 5) if (image == n).any()]
    assert median_area(images) == (np.median(areas) if areas else 0.0)


def test_numbers_may_have_gaps():
    labels = np.zeros((6, 6), np.int32)
    labels[:2, :2], labels[4:, :3] = 7, 1000
    assert median_area([labels]) == 5.0


def test_cells_of_a_mask_are_its_parts_joined_over_corners():
    mask = np.zeros((6, 8), bool)
    mask[0, 0] = mask[1, 1] = mask[2, 2] = True  # one diagonal
    mask[5, 5:8] = mask[4, 5:7] = True
    assert median_area([mask]) == pytest.approx((3 + 5) / 2)


@pytest.mark.parametrize("images", [[], [np.zeros((3, 3), np.int32)], [np.zeros((3, 3), bool)]])
def test_without_a_cell_the_median_is_zero(images):
    assert median_area(images) == 0.0
