"""Columns made from numbers of cells that are told apart: what was found minus what is there, image by image.

Numbers of connected components, which need no cells that are told apart, are in `tables.count_columns`.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.weighting import Total, mean_of_known, of_totals

NUMBERS = ["sample", "frame", "class", "class_name", "true", "found"]


@of_totals
def cell_bias(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Predicted minus true number of cells, mean over the images; NaN where the truth does not tell cells apart."""
    return mean_of_known(total, *_differences(run))


@of_totals
def cell_mae(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Absolute difference of the numbers, mean over the images; NaN where the truth does not tell cells apart."""
    images, difference = _differences(run)
    return mean_of_known(total, images, np.abs(difference))


def _differences(run: Run) -> tuple[pd.DataFrame, np.ndarray]:
    """A row per image, and what its prediction has more cells than its truth, float ``(N,)``."""
    images = run.pixels.drop_duplicates("sample")
    if not run.knows_cells:
        return images, np.full(len(images), np.nan)
    found = run.summed(run.pred, (~run.excused).astype(float))
    return images, found - run.summed(run.gt, np.ones(len(run.gt)))


def numbers_of_images(run: Run) -> pd.DataFrame:
    """True and predicted number of cells of each class in every image; columns are `NUMBERS`.

    A cell is of the class that most of its pixels have; one without a class stands in no line.
    """
    images = run.pixels.drop_duplicates("sample")[["sample", "frame"]]
    parts = [pd.DataFrame(columns=NUMBERS)]
    for class_id, name in run.class_names.items():
        if class_id and run.knows_cells:
            true = run.summed(run.gt, (run.gt["class"] == class_id).to_numpy(float))
            found = run.summed(run.pred, ((run.pred["class"] == class_id) & ~run.excused).to_numpy(float))
            parts.append(images.assign(**{"class": class_id, "class_name": name, "true": true, "found": found}))
    return pd.concat(parts[1:] or parts, ignore_index=True)[NUMBERS]


_NUMBER = (
    "cells that count, each of which the truth tells apart; a predicted cell mostly on true cells too small to count "
    "or on ignored pixels is none"
)
COLUMNS = (
    Column("cell_bias", cell_bias, False, "cells/image", 2, "zero", f"predicted minus true number of {_NUMBER}", ""),
    Column("cell_mae", cell_mae, False, "cells/image", 2, "low", f"mean absolute error of the number of {_NUMBER}", ""),
)
