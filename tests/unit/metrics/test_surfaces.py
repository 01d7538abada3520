"""Distances between boundaries against all pairs of their pixels, scipy and scikit-image, and their laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.spatial.distance import cdist, directed_hausdorff
from skimage.metrics import hausdorff_distance

from hemoseg.metrics.nearest import squared_distances
from hemoseg.metrics.surfaces import Surfaces, boundary, case, diagonal, surfaces

masks = npst.arrays(bool, (9, 12))
filled = masks.filter(np.any)
tolerances = st.sampled_from([0.0, 1.0, 2**0.5, 2.0, 5**0.5, 7.5, 20.0])


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


@given(filled, filled, tolerances)
def test_every_fact_is_that_of_all_pairs_of_boundary_pixels(gt, pred, tolerance):
    pairs = cdist(*(np.argwhere(inner_edge(mask)) for mask in (gt, pred)))
    there, back = pairs.min(axis=1), pairs.min(axis=0)
    expected = Surfaces(
        hausdorff=max(there.max(), back.max()),
        hausdorff_95=max(np.percentile(there, 95, method="linear"), np.percentile(back, 95, method="linear")),
        surface_gt=there.sum(),
        surface_pred=back.sum(),
        boundary_gt=len(there),
        boundary_pred=len(back),
        near_gt=sum(distance <= tolerance + 1e-9 for distance in there),
        near_pred=sum(distance <= tolerance + 1e-9 for distance in back),
    )
    assert surfaces(gt, pred, tolerance) == pytest.approx(expected, rel=1e-12)


@given(filled, filled, tolerances)
def test_swapping_the_masks_swaps_the_sides(gt, pred, tolerance):
    one, other = surfaces(gt, pred, tolerance)._asdict(), surfaces(pred, gt, tolerance)._asdict()
    for name, value in one.items():
        side = {"gt": "pred", "pred": "gt"}.get(name.split("_")[-1])
        assert other[f"{name.rsplit('_', 1)[0]}_{side}" if side else name] == value


@given(filled, filled, st.integers(0, 5), st.integers(0, 5))
def test_moving_and_padding_the_masks_changes_no_fact(gt, pred, rows, columns):
    shifts = ((rows, 5 - rows), (columns, 5 - columns))
    assert surfaces(np.pad(gt, shifts), np.pad(pred, shifts), 1.5) == surfaces(gt, pred, 1.5)


@given(filled, filled)
def test_no_distance_is_beyond_the_hausdorff_distance_and_all_is_near_within_it(gt, pred):
    found = surfaces(gt, pred, 0)
    assert 0 <= found.hausdorff_95 <= found.hausdorff <= diagonal(gt.shape)
    for side in ("gt", "pred"):
        values = found._asdict()
        assert 0 <= values[f"surface_{side}"] <= found.hausdorff * values[f"boundary_{side}"] + 1e-9
        same = np.count_nonzero(inner_edge(gt) & inner_edge(pred))
        assert values[f"near_{side}"] == same
    wide = surfaces(gt, pred, found.hausdorff)
    assert (wide.near_gt, wide.near_pred) == (found.boundary_gt, found.boundary_pred)


@given(filled, filled, tolerances, tolerances)
def test_a_wider_tolerance_loses_no_pixel(gt, pred, one, other):
    low, high = (surfaces(gt, pred, tolerance) for tolerance in sorted((one, other)))
    assert low.near_gt <= high.near_gt
    assert low.near_pred <= high.near_pred


def test_a_distance_on_the_tolerance_is_within_it_though_micrometres_do_not_divide_evenly():
    gt, pred = np.zeros((2, 1, 9), bool)
    gt[0, 0] = pred[0, 3] = True
    assert 0.3 / 0.1 < 3  # the tolerance of three pixels that comes of them
    assert surfaces(gt, pred, 0.3 / 0.1).near_gt == 1
    assert surfaces(gt, pred, 2.999).near_gt == 0


def test_distances_past_two_thousand_pixels_are_those_of_float64():
    rng = np.random.default_rng(0)
    source, target = np.zeros((2, 40, 5000), bool)
    source[rng.integers(0, 40, 50), rng.integers(0, 5000, 50)] = True
    target[17, 3] = True
    expected = distance_transform_edt(~target)[source]
    found = np.sqrt(squared_distances([source], [target])[0])
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    assert found.max() == expected.max() > 2048
    near = expected < 2048
    np.testing.assert_array_equal(found[near], expected[near])


def nested(outer, inner):
    masks = np.zeros((2, 21, 21), bool)
    masks[0, outer:-outer, outer:-outer] = masks[1, inner:-inner, inner:-inner] = True
    return masks


@pytest.mark.parametrize(
    ("masks", "hausdorff_95", "boundaries"),
    [
        (nested(3, 5), 8**0.5, (56, 40)),  # concentric squares: the corners are the farthest, over 5 % of the boundary
        (np.ones((2, 6, 7), bool), 0, (22, 22)),  # no background at all
        (np.eye(8, dtype=bool)[[0, 7]][:, None], 7, (1, 1)),  # one pixel each, at both ends of a row
    ],
)
def test_masks_that_are_nested_full_or_one_pixel(masks, hausdorff_95, boundaries):
    found = surfaces(*masks, 0)
    assert found.hausdorff_95 == pytest.approx(hausdorff_95)
    assert (found.boundary_gt, found.boundary_pred) == boundaries


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
    found = surfaces(gt, pred, 100)
    assert np.isnan(found[:4]).all() == np.isnan(found[:4]).any() == (name != "both")
    assert (found.boundary_gt, found.boundary_pred) == (10 * gt.all(), 10 * pred.all())
    assert (found.near_gt, found.near_pred) == ((10, 10) if name == "both" else (0, 0))


def test_masks_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        hausdorff(np.ones((2, 2), bool), np.ones((2, 3), bool))
