"""Which cells of segmented images count, and the fields that they are of: from their tables alone, without pixels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.metrics.counting import RULES, SQUARE_UM_PER_MM2
from hemoseg.tables.count_intervals import Found

PIXELS_PER_UNIT = 1e6  # of a density where the size of pixels is not known


def found_in(
    cells: pd.DataFrame, images: pd.DataFrame, classes: Sequence[str], *, border: str, min_area: float, **asked: Any
) -> Found:
    """The cells that count, and the images that they are of.

    Args:
        cells: cells.csv of the step segment.
        images: images.csv of it, those to be counted.
        classes: names of classes 1..K.
        border: one of `metrics.counting.RULES`; a cell at a border is at the one that is nearest to its centre, which
            is wrong at most for cells in a corner.
        min_area: in pixels of the network; cells below it do not count.
        asked: level, within, seed and notes of `Found`.
    """
    scale = images["scale"].fillna(1.0).astype(float)
    pixels = images["rows"] * images["columns"]
    known = bool(images["pixel_size_um"].notna().all()) if len(images) else False
    field = pixels * (images["pixel_size_um"].astype(float) ** 2 / SQUARE_UM_PER_MM2 if known else 1 / PIXELS_PER_UNIT)
    table = images[["image", "group"]].assign(area=pixels * scale**2, field=field, scale=scale)
    cells = cells[cells["image"].isin(set(images["image"]))]
    size = images.assign(scale=scale).set_index("image").loc[cells["image"], ["rows", "columns", "scale"]]
    cut = borders(cells, size)
    large = cells["area_px"].to_numpy(float) * size["scale"].to_numpy() ** 2 >= min_area
    counts = cells.assign(whole=cut == "no")[np.isin(cut, RULES[border]) & large]
    return Found(list(classes), table, counts, f"cells per {'mm2' if known else '10^6 px'}", **asked)


def borders(cells: pd.DataFrame, size: pd.DataFrame) -> np.ndarray:
    """Of each cell ``no``, ``upper_left`` or ``lower_right``: the side of its image that cuts it."""
    row, column = cells["row"].to_numpy(float), cells["column"].to_numpy(float)
    before = np.minimum(row, column)
    after = np.minimum(size["rows"].to_numpy() - 1 - row, size["columns"].to_numpy() - 1 - column)
    side = np.where(after < before, "lower_right", "upper_left")
    return np.where(cells["touches_border"].astype(bool), side, "no")
