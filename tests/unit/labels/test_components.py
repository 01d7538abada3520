import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label

from hemoseg.labels.components import connected_components


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.7))
def test_parts_are_those_of_scikit_image_in_reading_order(seed, share):
    mask = np.random.default_rng(seed).random((19, 23)) < share
    ours, theirs = connected_components(mask), label(mask, connectivity=2)
    assert ours.dtype == np.int32
    pairs = {(int(a), int(b)) for a, b in zip(ours.ravel(), theirs.ravel(), strict=True)}
    assert len(pairs) == ours.max() + 1 == theirs.max() + 1
    firsts = [int(np.flatnonzero(ours.ravel() == n)[0]) for n in range(1, ours.max() + 1)]
    assert firsts == sorted(firsts)


def test_a_diagonal_and_a_line_of_300_pixels_are_one_part_each():
    assert connected_components(np.eye(300, dtype=bool)).max() == 1
    assert connected_components(np.ones((1, 300), bool)).max() == 1


def test_small_parts_are_dropped_and_the_rest_numbered_without_gaps():
    mask = np.zeros((10, 12), bool)
    mask[0, 0] = mask[2:5, 2:5] = mask[7, 7:10] = True
    labels = connected_components(mask, min_area=3)
    assert np.bincount(labels.ravel()).tolist()[1:] == [9, 3]


def test_an_empty_mask_has_no_part():
    assert connected_components(np.zeros((4, 5), bool)).max() == 0
