"""Hausdorff distance against scipy's and scikit-image's on the same boundaries, and its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.ndimage import binary_erosion
from scipy.spatial.distance import directed_hausdorff
from skimage.metrics import hausdorff_distance

from hemoseg.metrics.surfaces import boundary, case, diagonal, surfaces

masks = npst.arrays(bool, (9, 12))
filled = masks.filter(np.any)


def hausdorff(gt, pred):
    return surfaces(gt, pred).hausdorff


def inner_edge(mask):
    return mask & ~binary_erosion(mask, np.ones((3, 3)), border_value=0)


@given(masks)
def test_the_boundary_is_the_mask_less_its_erosion(mask):
    assert np.array_equal(boundary(mask), inner_edge(mask))


@given(filled, filled)
def test_hausdorff_equals_scipy_and_scikit_image(a, b):
    edges = inner_edge(a), inner_edge(b)
    points = [np.argwhere(edge) for edge in edges]
    expected = max(directed_hausdorff(*points)[0], directed_hausdorff(*points[::-1])[0])
    assert hausdorff(a, b) == pytest.approx(expected, abs=1e-12)
    assert hausdorff(a, b) == pytest.approx(hausdorff_distance(*edges), abs=1e-12)


@given(filled, filled, st.integers(0, 5), st.integers(0, 5))
def test_hausdorff_is_symmetric_zero_on_itself_and_moves_with_the_masks(a, b, rows, columns):
    distance = hausdorff(a, b)
    assert hausdorff(b, a) == distance
    assert hausdorff(a, a) == 0
    shifts = ((rows, 5 - rows), (columns, 5 - columns))
    assert hausdorff(np.pad(a, shifts), np.pad(b, shifts)) == distance
    assert distance <= diagonal(a.shape)


def test_two_corner_pixels_are_a_diagonal_apart():
    a, b = np.zeros((2, 1080, 1920), bool)
    a[0, 0] = b[-1, -1] = True
    assert hausdorff(a, b) == diagonal(a.shape) == pytest.approx(np.hypot(1079, 1919), abs=0)


def test_a_hole_counts_because_boundaries_are_compared_not_areas():
    ring = np.ones((11, 11), bool)
    ring[5, 5] = False
    assert hausdorff(ring, np.ones((11, 11), bool)) == 4


def test_a_mask_that_fills_the_image_has_its_frame_as_boundary():
    full = np.ones((5, 5), bool)
    assert boundary(full).sum() == 16
    centre = np.zeros((5, 5), bool)
    centre[2, 2] = True
    assert hausdorff(full, centre) == pytest.approx(np.sqrt(8))


@pytest.mark.parametrize(
    ("gt", "pred", "name"), [(1, 1, "both"), (1, 0, "missed"), (0, 1, "spurious"), (0, 0, "absent")]
)
def test_an_empty_side_has_no_distance_and_a_case(gt, pred, name):
    gt, pred = np.full((3, 4), bool(gt)), np.full((3, 4), bool(pred))
    assert case(gt, pred) == name
    assert np.isnan(hausdorff(gt, pred)) == (name != "both")


def test_masks_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        hausdorff(np.ones((2, 2), bool), np.ones((2, 3), bool))
