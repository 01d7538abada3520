import tracemalloc

import numpy as np
import pytest

from hemoseg.inference.cells import DEFAULT_MARKERS, find_cells
from hemoseg.labels.components import connected_components
from hemoseg.metrics.cells import Truth, cell_facts

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


def test_fifteen_hundred_touching_nuclei_are_cut_and_measured_without_a_map_each():
    """40 x 38 squares that touch at one edge each, a box around each: every one becomes its own cell.

    Measured on one core that others shared: 1.2 s and a peak of 44 MB, for 780 x 820 pixels.
    """
    truth, found = np.zeros((780, 820), np.int32), []
    for number in range(1520):
        row, column = 20 * (number // 40) + 10, 20 * (number % 40) + 10
        truth[row : row + 18, column : column + 18] = number + 1
        truth[row + 6 : row + 12, column + 18 : column + 20] = number + 1  # a neck to the next one
        found.append([column, row, column + 18, row + 18, 0.9])
    classes = (truth > 0).astype(np.uint8)
    tracemalloc.start()
    _, cells = find_cells(classes, 10, cells="watershed", boxes=np.array(found, np.float32), markers=DEFAULT_MARKERS)
    known = Truth(truth, classes, np.ones(truth.shape, bool))
    true, _ = cell_facts(known, cells, classes, n_classes=2, min_area=10, gap_cap=5.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert connected_components(classes > 0).max() == 38
    assert cells.max() == 1520
    assert true["iou"].min() > 0.8
    assert peak < 150 * truth.size  # bytes; a map for each cell would be ten times as many
