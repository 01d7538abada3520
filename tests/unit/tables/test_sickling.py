"""The sickling index: ellipses on either side of the threshold, and cells that are left out."""

import numpy as np
import pandas as pd
import pytest
from skimage.draw import ellipse

from hemoseg.metrics.shapes import cell_shapes
from hemoseg.tables.sickling import is_sickled, sickling_rows


@pytest.mark.parametrize(("length", "sickled"), [(1.0, False), (1.9, False), (2.1, True), (4.0, True)])
def test_a_cell_is_sickled_from_twice_as_long_as_wide(length, sickled):
    for turned in (0.0, 0.7):
        labels = np.zeros((200, 200), int)
        labels[ellipse(100, 100, 15 * length, 15, rotation=turned)] = 1
        assert is_sickled(cell_shapes(labels)["eccentricity"]).tolist() == [sickled]
    assert is_sickled(np.array([np.sqrt(0.75), np.nan])).tolist() == [True, False]


def index(table, images, every=None):
    return sickling_rows(table, images, images if every is None else every, 0.95)


def table_of(*rows):
    return pd.DataFrame(rows, columns=["image", "whole", "area_px", "eccentricity"])


def images(*names, group="p"):
    return pd.DataFrame({"image": list(names), "group": group, "area": 1.0})


def test_cut_cells_and_those_that_are_probably_several_are_left_out():
    rows = [("i", True, 100, 0.1)] * 6 + [("i", True, 90, 0.95)] * 2 + [("i", False, 90, 0.95), ("i", True, 200, 0.95)]
    (row,) = index(table_of(*rows), images("i"))
    assert row["value"] == pytest.approx(2 / 8)
    assert row["found"] == 2
    assert 0 < row["low"] < 0.25 < row["high"] < 1


def test_it_is_the_patients_own_and_none_where_nothing_is_measured():
    rows = [("i", True, 100, 0.1), ("j", True, 100, 0.95)]
    every = images("i", "j")
    (row,) = index(table_of(*rows), every[:1], every)
    assert row["value"] == 0
    (row,) = index(table_of(*rows), images("k"), images("i", "j", "k"))
    assert np.isnan(row["value"])
    assert index(table_of(*rows).drop(columns="eccentricity"), every) == []
