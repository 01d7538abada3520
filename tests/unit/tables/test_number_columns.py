"""Numbers of cells that are told apart, against counting them one by one."""

import numpy as np
import pandas as pd

from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.number_columns import numbers_of_images

NAMES = ("background", "disc", "sickle")
# sample, side, class, counted, area, on_small, on_ignored
CELLS = [
    *[("a", "gt", c, True, 9, 0, 0) for c in (1, 1, 2)],
    ("a", "gt", 1, False, 1, 0, 0),  # too small to count
    *[("a", "pred", c, True, 9, 0, 0) for c in (1, 2, 2, 2, 0)],  # the last one without a class
    ("a", "pred", 1, True, 9, 5, 0),  # mostly on a cell that is too small to count
    ("b", "pred", 1, True, 9, 0, 10),  # mostly on ignored pixels
    ("b", "gt", 2, True, 9, 0, 0),
]


def run(cells=CELLS):
    columns = ["sample", "side", "class", "counted", "area", "on_small", "on_ignored"]
    told = {"sample": list("aaabbbccc"), "frame": list("aaabbbccc"), "class": [0, 1, 2] * 3, "class_name": NAMES * 3}
    return Run("unet", "all", 0, pd.DataFrame(told), pd.DataFrame(cells, columns=columns))


def test_numbers_of_images_are_of_cells_that_count_by_class():
    found = numbers_of_images(run()).set_index(["sample", "class_name"])[["true", "found"]]
    expected = {("a", "disc"): (2, 1), ("a", "sickle"): (1, 3), ("b", "disc"): (0, 0), ("b", "sickle"): (1, 0)}
    expected |= {("c", name): (0, 0) for name in NAMES[1:]}
    assert {key: tuple(row) for key, row in found.iterrows()} == expected


def test_bias_and_error_are_means_over_all_images_of_cells_of_any_class():
    found = [COLUMNS[key].score(run(), 0, Conventions()) for key in ("cell_bias", "cell_mae")]
    assert found == [(2 - 1 + 0) / 3, (2 + 1 + 0) / 3]


def test_without_cells_that_are_told_apart_there_is_no_number():
    bare = run([])
    assert np.isnan([COLUMNS[key].score(bare, 0, Conventions()) for key in ("cell_bias", "cell_mae")]).all()
    assert numbers_of_images(bare).empty
