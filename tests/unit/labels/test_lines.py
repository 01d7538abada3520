import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.labels.components import connected_components
from hemoseg.labels.lines import between_cells


def scattered(seed, shape=(12, 15), cells=4):
    """Rectangles over rectangles: cells of any number that touch, share corners and lie on the frame."""
    random = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    for number in random.choice(np.arange(1, 300), cells, replace=False):
        row, column = random.integers(-2, shape[0]), random.integers(-2, shape[1])
        labels[max(row, 0) : row + 6, max(column, 0) : column + 6] = number
    return labels


def near_another(labels, reach):
    """The same by looking at every pixel's neighbours."""
    found = np.zeros(labels.shape, bool)
    for row, column in np.argwhere(labels > 0):
        around = labels[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
        found[row, column] = bool(set(around[around > 0].tolist()) - {int(labels[row, column])})
    return found


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), reach=st.integers(0, 3))
def test_lines_are_the_pixels_that_see_another_cell(seed, reach):
    labels = scattered(seed)
    assert np.array_equal(between_cells(labels, reach), near_another(labels, reach))


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10**6), reach=st.integers(1, 2))
def test_without_the_lines_no_component_holds_two_cells(seed, reach):
    labels = scattered(seed)
    left = np.where(between_cells(labels, reach), 0, labels)
    parts = connected_components(left > 0)
    assert all(len(set(left[parts == number].tolist())) == 1 for number in range(1, parts.max() + 1))


@pytest.mark.parametrize("reach", [1, 2, 3])
def test_cells_that_share_an_edge_are_parted_by_twice_the_reach(reach):
    labels = np.repeat([[1] * 10 + [2] * 10], 9, axis=0)
    lines = between_cells(labels, reach)
    assert lines[4].sum() == 2 * reach
    assert lines[:, 10 - reach : 10 + reach].all()


def test_a_lone_cell_and_no_cell_lose_nothing():
    alone = np.zeros((8, 8), np.int32)
    assert not between_cells(alone, 2).any()
    alone[2:6, 2:6] = 9
    assert not between_cells(alone, 2).any()
