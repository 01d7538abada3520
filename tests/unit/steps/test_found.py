"""Cells and classes that were found on a coarser grid, on the image's own."""

import numpy as np

from hemoseg.labels.regions import LINE, Regions
from hemoseg.steps.found import Found, Stores
from hemoseg.steps.row_store import RowStore


def test_lines_between_cells_are_background_and_dust_keeps_its_class():
    labels = np.tile(np.array([1, 1, LINE, 2, 2, 0, 3], np.uint32), (5, 1))
    stores = Stores(RowStore(5, (7,), np.uint8, None), RowStore(5, (7,), np.uint32, None), None)
    stores.labels.append(labels)
    stores.classes.append((labels > 0).astype(np.uint8))
    regions = Regions(np.array([0, 1, 2, 0]), np.zeros((0, 4), np.int64))  # 3 is too small for a cell
    found = Found(lambda first, last: np.zeros((1, last - first, 28), np.uint8), (20, 28), (5, 7), stores, regions)
    assert len(found) == 2
    cells, classes = found.labels(0, 20), found.classes(0, 20)
    assert (cells[:, 9:11] == 0).all()
    assert (classes[:, 9:11] == 0).all()
    assert (cells[:, 24:] == 0).all()
    assert (classes[:, 24:] == 1).all()
    assert ((classes > 0) == (cells > 0))[:, :20].all()
