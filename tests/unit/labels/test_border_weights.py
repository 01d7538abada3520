"""The border term of the weight map against loops, against scipy, and at its edges."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.ndimage import distance_transform_edt

from hemoseg.labels.border_weights import CUT_OFF, border_weights, reach

label_images = npst.arrays(np.int32, (7, 9), elements=st.sampled_from([0, 0, 0, 0, 0, 1, 2, 5]))


def by_loops(labels, strength, sigma):
    """The formula, pixel by pixel and cell by cell, in float64."""
    cells = [np.argwhere(labels == number).tolist() for number in np.unique(labels[labels > 0])]
    weights = np.zeros(labels.shape)
    for row, column in np.argwhere(labels == 0).tolist():
        nearest = sorted(min(math.dist((row, column), pixel) for pixel in cell) for cell in cells)
        if len(nearest) > 1:
            weights[row, column] = strength * math.exp(-((nearest[0] + nearest[1]) ** 2) / (2 * sigma**2))
    return weights


def by_scipy(labels, strength=10.0, sigma=5.0):
    """One distance transform of the whole image per cell, all kept: what most code that is copied about does."""
    numbers = np.unique(labels[labels > 0])
    if len(numbers) < 2:
        return np.zeros(labels.shape)
    distances = np.sort([distance_transform_edt(labels != number) for number in numbers], axis=0)
    return np.where(labels == 0, strength * np.exp(-((distances[0] + distances[1]) ** 2) / (2 * sigma**2)), 0)


def discs(size, count, radius, seed):
    """Cells that touch, overlap the border and hide each other."""
    rows, columns = np.indices(size)
    labels = np.zeros(size, np.int32)
    for number, (row, column) in enumerate(np.random.default_rng(seed).uniform(0, size, (count, 2)), start=1):
        labels[np.hypot(rows - row, columns - column) < radius] = number
    return labels


def agree(found, exact, strength):
    assert found.dtype == np.float32
    matters = exact >= CUT_OFF * strength
    np.testing.assert_allclose(found[matters], exact[matters], rtol=2e-5)
    assert (found[~matters] <= CUT_OFF * strength * 1.0001).all()
    assert (found >= 0).all()


@settings(deadline=None)
@given(label_images, st.floats(0.3, 6), st.floats(0.5, 20))
def test_weights_are_those_of_the_formula(labels, sigma, strength):
    agree(border_weights(labels, strength=strength, sigma=sigma), by_loops(labels, strength, sigma), strength)


@pytest.mark.parametrize("seed", range(3))
def test_weights_are_those_of_whole_distance_transforms(seed):
    labels = discs((150, 190), 24, 11, seed)
    exact = by_scipy(labels)
    assert (exact[labels == 0] < CUT_OFF * 10).any(), "the cut-off is never met"
    agree(border_weights(labels), exact, 10.0)


def test_only_background_between_cells_weighs():
    labels = np.zeros((9, 40), np.int32)
    labels[:, :4] = 1
    labels[:, 7:30] = 2
    weights = border_weights(labels)
    assert not weights[labels > 0].any()
    assert weights[4, 4:7] == pytest.approx(10 * np.exp(-(4**2) / 50), rel=1e-6)  # 1 + 3, 2 + 2, 3 + 1
    assert weights[4, 39] < 1e-5 * weights[4, 5]


def test_cells_that_share_an_edge_leave_only_what_lies_beside_them():
    labels = np.zeros((11, 12), np.int32)
    labels[3:8, 2:6], labels[3:8, 6:10] = 1, 2
    weights = border_weights(labels)
    assert not weights[3:8, 2:10].any()
    assert weights[2, 5] == pytest.approx(10 * np.exp(-((1 + np.sqrt(2)) ** 2) / 50), rel=1e-5)
    np.testing.assert_allclose(weights, by_loops(labels, 10, 5), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cells", [0, 1])
def test_fewer_than_two_cells_weigh_nothing(cells):
    labels = np.zeros((20, 30), np.int32)
    labels[5:9, :12] = cells
    assert not border_weights(labels).any()
    assert not border_weights(np.full((6, 6), cells)).any()


def test_a_cell_in_two_pieces_is_one_cell_and_numbers_may_have_gaps():
    labels = np.zeros((10, 30), np.int64)
    labels[2:5, 2:5] = labels[2:5, 8:11] = 70000
    assert not border_weights(labels).any()
    labels[7:9, 25:] = 3
    agree(border_weights(labels), by_loops(labels, 10, 5), 10)


@settings(deadline=None)
@given(label_images, st.permutations(range(1, 6)), st.integers(0, 3))
def test_renumbering_mirroring_and_turning_move_the_weights_along(labels, order, quarters):
    weights = border_weights(labels)
    np.testing.assert_array_equal(border_weights(np.append(0, order)[labels]), weights)
    np.testing.assert_allclose(border_weights(np.rot90(labels, quarters)), np.rot90(weights, quarters), rtol=1e-5)
    np.testing.assert_allclose(border_weights(labels[:, ::-1]), weights[:, ::-1], rtol=1e-5)


@pytest.mark.parametrize("sigma", [0.1, 1, 5, 12])
def test_beyond_the_reach_nothing_matters(sigma):
    beyond = reach(sigma) + 1  # of the second nearest cell; the nearest is at least 1 away
    assert math.exp(-((beyond + 1) ** 2) / (2 * sigma**2)) < CUT_OFF


@pytest.mark.parametrize("wrong", [{"sigma": 0}, {"sigma": -1}, {"strength": -1}, {"sigma": float("nan")}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="sigma > 0"):
        border_weights(np.zeros((3, 3), int), **wrong)


def test_fifteen_hundred_cells_need_no_map_each():
    """A map per cell, as `by_scipy` keeps them, would be 3 GB here."""
    import tracemalloc

    row, column = np.indices((500, 500))
    labels = np.where((row % 12 < 10) & (column % 12 < 10), row // 12 * 42 + column // 12 + 1, 0)
    tracemalloc.start()
    weights = border_weights(labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(np.unique(labels)) - 1 > 1500
    assert peak < 60 * labels.size
    part = (slice(100, 160), slice(100, 160))
    np.testing.assert_allclose(weights[part][30, 30], by_scipy(labels[80:180, 80:180])[50, 50], rtol=1e-5)
