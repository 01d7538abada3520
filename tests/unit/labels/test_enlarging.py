import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from skimage.measure import label, perimeter_crofton

from hemoseg.labels.enlarging import between, certainty, enlarge


def drawn(seed, size=(9, 11)):
    """Cells that touch, of two classes, with probabilities that agree with them."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 4, size)
    classes = np.where(cells > 0, cells % 2 + 1, 0).astype(np.uint8)
    probability = rng.integers(0, 60, (3, *size)).astype(np.uint8)
    np.put_along_axis(probability, classes[None].astype(int), rng.integers(60, 255, (1, *size)).astype(np.uint8), 0)
    return cells, classes, probability


def one_by_one(cells, classes, certain, size):
    """The definition, pixel by pixel."""
    found, kinds = np.zeros(size, int), np.zeros(size, int)
    scale = [cells.shape[axis] / size[axis] for axis in (0, 1)]
    for row in range(size[0]):
        for column in range(size[1]):
            y, x = (
                min(max((place + 0.5) * scale[axis] - 0.5, 0), cells.shape[axis] - 1)
                for axis, place in enumerate((row, column))
            )
            if map_coordinates(certain.astype(float), [[y], [x]], order=1, mode="nearest")[0] <= 1e-6:
                continue
            corners = [
                (max(0, 1 - abs(i - y)) * max(0, 1 - abs(j - x)), i, j)
                for i in range(cells.shape[0])
                for j in range(cells.shape[1])
                if abs(i - y) < 1 and abs(j - x) < 1 and cells[i, j]
            ]
            votes = {cells[i, j]: sum(w for w, k, m in corners if cells[k, m] == cells[i, j]) for _, i, j in corners}
            found[row, column] = max(votes, key=votes.get)
            kinds[row, column] = max((w, classes[i, j]) for w, i, j in corners if cells[i, j] == found[row, column])[1]
    return found, kinds


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), rows=st.integers(9, 31), columns=st.integers(11, 30))
def test_cells_are_those_of_the_definition(seed, rows, columns):
    cells, classes, probability = drawn(seed)
    certain = certainty(cells, probability)
    found, kinds = enlarge(cells, classes, certain, between(9, rows), between(11, columns))
    wanted, of_class = one_by_one(cells, classes, certain, (rows, columns))
    # Ties of weights, halfway between two pixels, may be told either way.
    differ = found != wanted
    assert (found > 0).tolist() == (wanted > 0).tolist()
    assert differ.mean() < 0.1
    assert (kinds == of_class)[~differ].mean() > 0.9


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
