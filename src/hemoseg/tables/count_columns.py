"""Columns made from numbers of cells per class, which `metrics.components` counts in class maps, true and predicted.

They need no instances: a cell is a connected component of its class. The background has no number: NaN.
"""

import numpy as np
from numpy.typing import ArrayLike

from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.pixel_columns import of_class
from hemoseg.tables.weighting import Total, mean_of_known, of_totals, ratio, sum_of_known

_AUTO_CSC = "doi:10.34133/2022/9842349"


@of_totals
def counted(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Predicted cells, summed over the images."""
    return _sum(run, class_id, "pred_count", total)


@of_totals
def counted_true(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """True cells, summed over the images."""
    return _sum(run, class_id, "gt_count", total)


@of_totals
def count_ratio(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Sum of predicted / sum of true numbers of cells, >= 0; NaN where no cell is there."""
    return ratio(*(_sum(run, class_id, side, total) for side in ("pred_count", "gt_count")))


@of_totals
def count_bias(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Predicted minus true number of cells, mean over images."""
    rows = of_class(run, class_id)
    return mean_of_known(total, rows, rows["pred_count"] - rows["gt_count"])


@of_totals
def count_mae(run: Run, class_id: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Absolute difference between predicted and true number of cells, mean over images."""
    rows = of_class(run, class_id)
    return mean_of_known(total, rows, (rows["pred_count"] - rows["gt_count"]).abs())


def _sum(run: Run, class_id: int, side: str, total: Total) -> np.ndarray:
    rows = of_class(run, class_id)
    return sum_of_known(total, rows, rows[side])


_COUNT = "8-connected components of the class, of at least the least area and not mostly on ignored pixels"
COLUMNS = (
    Column("counted", counted, True, "cells", 1, "", f"predicted number over the test images; {_COUNT}", _AUTO_CSC),
    Column("counted_true", counted_true, True, "cells", 1, "", f"true number over the test images; {_COUNT}", ""),
    Column(
        "count_ratio",
        count_ratio,
        True,
        "",
        4,
        "",
        f"sum of predicted / sum of true numbers, in which misses and false finds cancel; {_COUNT}",
        _AUTO_CSC,
    ),
    Column("count_bias", count_bias, True, "cells/image", 2, "zero", f"predicted minus true number; {_COUNT}", ""),
    Column("count_mae", count_mae, True, "cells/image", 2, "low", f"mean absolute error of the number; {_COUNT}", ""),
)
