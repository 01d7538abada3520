import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from skimage.measure import label, perimeter_crofton

from hemoseg.labels.enlarging import between, certainty, enlarge


def drawn(seed, size=(9, 11)):
    """Cells that touch, two classes in each, with probabilities that agree with them."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 4, size)
    cells[:, ::3] = np.repeat(cells[::2, ::3], 2, axis=0)[: size[0]]  # some lie over several pixels
    cells[:, 1::3] = cells[:, ::3][:, : cells[:, 1::3].shape[1]]
    classes = np.where(cells > 0, rng.integers(1, 3, size), 0).astype(np.uint8)
    probability = rng.integers(0, 60, (3, *size)).astype(np.uint8)
    np.put_along_axis(probability, classes[None].astype(int), rng.integers(60, 255, (1, *size)).astype(np.uint8), 0)
    return cells, classes, probability


def places_of(coarse, fine):
    """Where the centres of fine pixels lie on the coarse grid, by the definition."""
    return [min(max((place + 0.5) * coarse / fine - 0.5, 0), coarse - 1) for place in range(fine)]


def one_by_one(cells, classes, y, x):
    """What a place may be: the cells of the largest weight, and of each the classes of its nearest pixels."""
    corners = [
        (max(0, 1 - abs(i - y)) * max(0, 1 - abs(j - x)), i, j)
        for i in range(int(y), min(int(y) + 2, len(cells)))
        for j in range(int(x), min(int(x) + 2, len(cells[0])))
        if cells[i, j]
    ]
    votes = {cells[i, j]: sum(w for w, k, m in corners if cells[k, m] == cells[i, j]) for _, i, j in corners}
    best = [cell for cell, vote in votes.items() if vote > max(votes.values()) - 1e-5]
    largest = {cell: max(w for w, i, j in corners if cells[i, j] == cell) for cell in best}
    return {
        cell: {classes[i, j] for w, i, j in corners if cells[i, j] == cell and w > largest[cell] - 1e-5}
        for cell in best
    }


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), rows=st.integers(9, 31), columns=st.integers(11, 30))
def test_cells_are_those_of_the_definition(seed, rows, columns):
    cells, classes, probability = drawn(seed)
    certain = certainty(cells, probability)
    found, kinds = enlarge(cells, classes, certain, between(9, rows), between(11, columns))
    down, across = places_of(9, rows), places_of(11, columns)
    inside = map_coordinates(certain.astype(float), np.meshgrid(down, across, indexing="ij"), order=1, mode="nearest")
    for row, column in np.ndindex(rows, columns):
        if inside[row, column] < -1e-3:
            assert found[row, column] == kinds[row, column] == 0
        elif inside[row, column] > 1e-3:  # what lies between is even but for rounding
            may_be = one_by_one(cells, classes, down[row], across[column])
            assert found[row, column] in may_be
            assert kinds[row, column] in may_be[found[row, column]]


def test_the_certainty_is_the_lead_of_the_likeliest_class_over_the_background():
    cells = np.array([[1, 2, 0, 0, 3]])
    background, one, other = [55, 100, 200, 255, 128], [150, 55, 30, 0, 127], [50, 100, 25, 0, 0]
    found = certainty(cells, np.array([[background], [one], [other]], np.uint8))
    assert found.tolist() == [[95, 1, -170, -255, 1]]  # an even guess at a pixel of a cell is one of the cell


def test_halfway_between_cell_and_ground_is_ground():
    cells = np.array([[1, 0, 0, 1]])
    found, kinds = enlarge(cells, cells.astype(np.uint8), certainty(cells, None), between(1, 1), between(4, 6))
    assert found.tolist() == kinds.tolist() == [[1, 0, 0, 0, 0, 1]]
    found, _ = enlarge(cells, cells.astype(np.uint8), certainty(cells, None), between(1, 1), between(4, 12))
    assert found.tolist() == [[1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1]]


@given(seed=st.integers(0, 1000))
def test_on_its_own_grid_nothing_changes(seed):
    cells, classes, probability = drawn(seed)
    found, kinds = enlarge(cells, classes, certainty(cells, probability), between(9, 9), between(11, 11))
    np.testing.assert_array_equal(found, cells)
    np.testing.assert_array_equal(kinds, classes)


@given(seed=st.integers(0, 1000), cut=st.integers(1, 24))
def test_rows_in_parts_are_the_rows_of_the_whole(seed, cut):
    cells, classes, probability = drawn(seed)
    certain, rows, columns = certainty(cells, probability), between(9, 25), between(11, 30)
    whole, _ = enlarge(cells, classes, certain, rows, columns)
    parts = []
    for first, last in ((0, cut), (cut, 25)):
        own, top = rows.part(first, last), rows.before[first]
        parts.append(enlarge(cells[top:], classes[top:], certain[top:], own, columns)[0])
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("radius", [20.4, 25.0, 33.7])
def test_a_disc_found_on_a_coarse_grid_keeps_its_area_and_outline(radius):
    """A step of probability, averaged over coarse pixels as a network that is sure of its cells gives it."""
    side, factor = 96, 4
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    fine = (np.hypot(y, x) <= radius).astype(float)
    inside = fine.reshape(side // factor, factor, -1, factor).mean(axis=(1, 3))
    probability = np.rint(255 * np.stack([1 - inside, inside])).astype(np.uint8)
    cells = label(inside > 0.5)
    places = between(side // factor, side)
    found, _ = enlarge(cells, cells.astype(np.uint8), certainty(cells, probability), places, places)
    stairs = cells.repeat(factor, axis=0).repeat(factor, axis=1)
    around, of_stairs = (perimeter_crofton(one > 0, directions=4) / (2 * np.pi * radius) for one in (found, stairs))
    assert found.sum() == pytest.approx(np.pi * radius**2, rel=0.03)
    assert abs(around - 1) < 0.02
    assert abs(around - 1) < abs(of_stairs - 1)


def test_touching_cells_stay_two_and_lines_between_them_stay():
    cells = np.array([[1, 1, 2, 2]] * 4)
    places = between(4, 16)
    found, _ = enlarge(cells, cells.astype(np.uint8), certainty(cells, None), places, places)
    np.testing.assert_array_equal(found, cells.repeat(4, axis=0).repeat(4, axis=1))
    parted = np.array([[1, 1, 0, 2, 2]] * 5)
    places = between(5, 20)
    found, _ = enlarge(parted, parted.astype(np.uint8), certainty(parted, None), places, places)
    assert set(np.unique(found)) == {0, 1, 2}
    assert (found[:, 9:11] == 0).all()
