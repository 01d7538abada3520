"""Distances between boundaries against MONAI's and DeepMind's surface-distance, and where their conventions differ.

* MONAI: its boundary is 4-connected (a pixel with one of 4 neighbours outside), ours 8-connected. On one boundary its
  Hausdorff distance, 95th percentile (the larger of both directions, linear), average symmetric surface distance (all
  pixels pooled: `assd`) and surface Dice are ours. Where one side is empty it gives inf or NaN and leaves them out of
  its means; ours is a case that the table must name.
* surface-distance: its boundary runs between the pixels, and each of its pieces counts by its length. Its sums over
  our distances, of pieces of equal length, are ours; its percentile is an order statistic, ours linear between two.
  Version 0.1 cannot do empty masks with numpy 2.
"""

import numpy as np
import pytest
import surface_distance
import torch
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice
from scipy.ndimage import gaussian_filter
from sklearn.metrics import recall_score

from hemoseg.metrics import surfaces as module
from hemoseg.metrics.nearest import squared_distances
from hemoseg.metrics.pixels import confusion, counts
from hemoseg.metrics.surfaces import boundary, surfaces


def blobs(seed):
    """Two masks of blobs, some on the frame, the second near the first."""
    rng = np.random.default_rng(seed)
    field, noise = (gaussian_filter(rng.normal(size=(48, 60)), 3) for _ in range(2))
    return field > 0.05, field + 0.4 * noise > 0.05


def of_monai(measure, gt, pred, **settings):
    planes = (torch.from_numpy(mask)[None, None].float() for mask in (pred, gt))
    return measure(*planes, include_background=True, **settings).item()


def edge_of_monai(mask):
    inside = np.pad(mask, 1)
    centre = inside[1:-1, 1:-1]
    return mask & ~(centre & inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tolerance", [0, 1, 2, 5**0.5])
def test_on_the_boundary_of_monai_every_distance_is_that_of_monai(monkeypatch, seed, tolerance):
    gt, pred = blobs(seed)
    monkeypatch.setattr(module, "boundary", edge_of_monai)
    found = surfaces(gt, pred, tolerance)
    number = found.boundary_gt + found.boundary_pred
    expected = (
        (found.hausdorff, of_monai(compute_hausdorff_distance, gt, pred)),
        (found.hausdorff_95, of_monai(compute_hausdorff_distance, gt, pred, percentile=95)),
        ((found.surface_gt + found.surface_pred) / number,
         of_monai(compute_average_surface_distance, gt, pred, symmetric=True)),
        (found.surface_pred / found.boundary_pred, of_monai(compute_average_surface_distance, gt, pred)),
        ((found.near_gt + found.near_pred) / number,
         of_monai(compute_surface_dice, gt, pred, class_thresholds=[tolerance])),
    )  # fmt: skip
    for ours, theirs in expected:
        assert ours == pytest.approx(theirs, rel=1e-5)


def test_the_boundary_of_monai_lacks_the_pixels_that_touch_the_outside_at_a_corner_only():
    gt, pred = blobs(0)
    for mask in (gt, pred):
        only_here = boundary(mask) & ~edge_of_monai(mask)
        assert only_here.any()
        assert not (edge_of_monai(mask) & ~boundary(mask)).any()
    square, notched = np.ones((2, 5, 5), bool)
    notched[0, 0] = False
    there = surfaces(np.pad(square, 2), np.pad(notched, 2))
    assert there.boundary_pred == 16  # the corner has gone, the pixel inside it has come
    assert edge_of_monai(np.pad(notched, 2)).sum() == 15
    assert there.hausdorff == of_monai(compute_hausdorff_distance, np.pad(square, 2), np.pad(notched, 2)) == 1


@pytest.mark.parametrize("seed", range(4))
def test_sums_over_pieces_of_equal_length_are_those_of_surface_distance(seed):
    gt, pred = blobs(seed)
    found = surfaces(gt, pred, 2)
    edges = [boundary(gt), boundary(pred)]
    there, back = (np.sqrt(np.sort(squares)) for squares in squared_distances(edges, edges[::-1]))
    told = {"distances_gt_to_pred": there, "distances_pred_to_gt": back}
    told |= {"surfel_areas_gt": np.ones(len(there)), "surfel_areas_pred": np.ones(len(back))}
    means = surface_distance.compute_average_surface_distance(told)
    assert means == pytest.approx((found.surface_gt / found.boundary_gt, found.surface_pred / found.boundary_pred))
    assert surface_distance.compute_robust_hausdorff(told, 100) == found.hausdorff
    shares = surface_distance.compute_surface_overlap_at_tolerance(told, 2)
    assert shares == pytest.approx((found.near_gt / found.boundary_gt, found.near_pred / found.boundary_pred))
    dice = surface_distance.compute_surface_dice_at_tolerance(told, 2)
    assert dice == pytest.approx((found.near_gt + found.near_pred) / (found.boundary_gt + found.boundary_pred))
    ranked = max(np.percentile(side, 95, method="inverted_cdf") for side in (there, back))
    assert surface_distance.compute_robust_hausdorff(told, 95) == ranked
    assert abs(found.hausdorff_95 - ranked) <= 1  # two neighbours of the order are that near here


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")
@pytest.mark.parametrize("gap", [2, 5])
def test_around_a_cell_the_boundary_between_pixels_tells_the_same_within_half_a_pixel(gap):
    radius = np.hypot(*np.mgrid[-40:40, -40:40])
    gt, pred = radius < 20, radius < 20 + gap
    found = surfaces(gt, pred, gap)
    told = surface_distance.compute_surface_distances(gt, pred, (1, 1))
    means = surface_distance.compute_average_surface_distance(told)
    ours = found.surface_gt / found.boundary_gt, found.surface_pred / found.boundary_pred
    assert ours == pytest.approx(means, abs=0.5)
    assert ours == pytest.approx((gap, gap), abs=0.5)
    assert found.hausdorff_95 == pytest.approx(surface_distance.compute_robust_hausdorff(told, 95), abs=0.5)


@pytest.mark.parametrize("seed", range(3))
def test_specificity_is_the_recall_of_what_is_not_the_class_in_scikit_learn(seed):
    gt, pred = (mask.astype(np.uint8) for mask in blobs(seed))
    c = counts(confusion(gt, pred, np.ones(gt.shape, bool), 2))
    expected = [recall_score(gt.ravel(), pred.ravel(), pos_label=other) for other in (1, 0)]
    assert (c["tn"] / (c["tn"] + c["fp"])).tolist() == pytest.approx(expected)
