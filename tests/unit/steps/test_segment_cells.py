"""What covers much of a huge image is measured on fewer pixels, in the same units."""

import numpy as np
import pandas as pd
import pytest

from hemoseg.labels.regions import Regions
from hemoseg.steps import segment_cells
from hemoseg.steps.found import Found, Stores
from hemoseg.steps.row_store import RowStore


def found_of(labels):
    """The cells of a label image as `segment` finds them."""
    (height, width), image = labels.shape, np.where(labels > 0, 200, 50).astype(np.uint8)[None]
    stores = Stores(RowStore(height, (width,), np.uint8, None), RowStore(height, (width,), np.uint32, None), None)
    stores.classes.append((labels > 0).astype(np.uint8))
    stores.labels.append(labels.astype(np.uint32))
    regions = Regions(np.arange(labels.max() + 1), np.zeros((0, 4), np.int64))
    return Found(lambda first, last: image[:, first:last], labels.shape, labels.shape, stores, regions)


def test_a_huge_cell_is_measured_on_fewer_pixels_in_the_same_units(monkeypatch):
    rows, columns = np.indices((180, 240))
    labels = np.where(((rows - 100) / 60) ** 2 + ((columns - 130) / 90) ** 2 <= 1, 2, 0)
    labels[2:5, 3:9] = 1
    found = found_of(labels)
    exact = segment_cells.cells_of(found, ["background", "cell"], 0.5)
    monkeypatch.setattr(segment_cells, "BLOCK", 2400)  # ten rows
    monkeypatch.setattr(segment_cells, "COARSE", 4000)
    rough = segment_cells.cells_of(found, ["background", "cell"], 0.5)
    pd.testing.assert_series_equal(rough.iloc[0], exact.iloc[0])
    one, other = (table.iloc[1].to_dict() for table in (rough, exact))
    assert one.keys() == other.keys()
    assert one["area_px"] != other["area_px"]
    for name in ("area_px", "perimeter_px", "major_axis_px", "minor_axis_px", "area_um2", "perimeter_um"):
        assert one[name] == pytest.approx(other[name], rel=0.1)
    for name in ("row", "column", "row_um", "column_um"):
        assert one[name] == pytest.approx(other[name], abs=3)
    assert one["area_um2"] == pytest.approx(one["area_px"] / 4)
    assert one["major_axis_um"] == pytest.approx(one["major_axis_px"] / 2)
    assert (one["id"], one["class"]) == (2, 1)
    assert one["mean_intensity"] == pytest.approx(200 / 255, rel=0.05)
