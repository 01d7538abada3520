import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hemoseg.labels.areas import areas, compact, median_area


@given(st.lists(hnp.arrays(np.int32, (5, 6), elements=st.integers(0, 4)), max_size=3))
def test_median_is_that_of_all_cells_of_all_images(images):
    every = [int((image == n).sum()) for image in images for n in range(1, 5) if (image == n).any()]
    assert median_area(images) == (np.median(every) if every else 0.0)


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


@pytest.mark.parametrize("factor", [1, 5, 100_000_000])
@given(labels=hnp.arrays(np.int32, (5, 6), elements=st.integers(0, 9)))
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
