import numpy as np
import pytest

from hemoseg.inference.cells import DEFAULT_MARKERS, find_cells
from hemoseg.labels.components import connected_components

DISTANCE = DEFAULT_MARKERS | {"source": "distance"}


def two_discs(apart=14, radius=9):
    """A class map of two discs that overlap, of class 1 and 2, and a speck of class 1."""
    rows, columns = np.indices((30, 50))
    classes = np.zeros((30, 50), np.uint8)
    for number, centre in enumerate((16, 16 + apart), 1):
        classes[(rows - 15) ** 2 + (columns - centre) ** 2 <= radius**2] = number
    classes[2, 2:4] = 1
    return classes


def boxes(*points):
    """Boxes of 9 x 9 px round pixels."""
    return np.array([[c - 4, r - 4, c + 5, r + 5, 0.9] for r, c in points], np.float32).reshape(-1, 5)


def test_components_leave_the_class_map_as_it_is():
    classes = two_discs()
    told, cells = find_cells(classes, 5, cells="components", boxes=None, markers=DEFAULT_MARKERS)
    assert np.array_equal(told, classes)
    assert np.array_equal(cells, connected_components(classes > 0, 5))
    assert cells.max() == 1


@pytest.mark.parametrize(("markers", "given"), [(DISTANCE, None), (DEFAULT_MARKERS, boxes((15, 16), (15, 30)))])
def test_a_watershed_draws_a_line_between_touching_cells(markers, given):
    classes = two_discs()
    told, cells = find_cells(classes, 5, cells="watershed", boxes=given, markers=markers)
    assert cells.max() == 2
    assert cells[15, 16] != cells[15, 30] > 0
    line = (told == 0) & (classes > 0)
    assert 0 < line.sum() < 30
    assert np.array_equal(line, (cells == 0) & (connected_components(classes > 0, 5) > 0))
    assert np.array_equal(told[~line], classes[~line])  # the speck too: too small for a cell, foreground all the same
    assert told.dtype == classes.dtype


def test_two_boxes_in_one_cell_cut_it_and_no_box_leaves_it():
    classes = (two_discs(apart=0) > 0).astype(np.uint8)
    for given, number in ((boxes((15, 12), (15, 20)), 2), (boxes(), 1)):
        assert find_cells(classes, 5, cells="watershed", boxes=given, markers=DEFAULT_MARKERS)[1].max() == number
