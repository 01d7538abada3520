"""Columns that challenges rank cell segmentation by: matched cells over thresholds, and the overlap of true cells.

All are of the cells of every type together, summed over the images of a run. Where the truth has no instances they are
NaN: blank, not guessed. Which cells are matched, and which need no match, is said in `tables.matching`.
"""

import numpy as np
from numpy.typing import ArrayLike

from hemoseg.tables.column import Run, share
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.matching import SUMMED, UNMATCHED, at_half, over_thresholds
from hemoseg.tables.weighting import Total, of_totals, ratio

_AP, _SEG = "doi:10.1038/s41592-019-0612-7, doi:10.1007/978-3-030-00934-2_30", "doi:10.1038/nmeth.4473"


@of_totals
def seg(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Mean over the true cells of the IoU with their host, 0 without one, in [0, 1]; NaN where no true cell is."""
    return ratio(total(run.gt, host_ious(run)), total(run.gt, np.ones(len(run.gt))))


def host_ious(run: Run) -> np.ndarray:
    """IoU of each true cell that counts with the predicted cell that holds over half of it, 0 without, ``(n,)``."""
    hosts = run.pred[["sample", "cell", "area"]].rename(columns={"cell": "host", "area": "of_host"})
    cells = run.gt[["sample", "host", "host_shared", "area"]].merge(hosts, on=["sample", "host"], how="left")
    shared = cells["host_shared"].to_numpy(float)
    return np.where(shared > 0, shared / (cells["area"] + cells["of_host"].fillna(0) - shared).clip(lower=1), 0.0)


_MATCHED = (
    f"matched one to one (mutual best match) of {SUMMED}; {UNMATCHED}; the Data Science Bowl, StarDist and Cellpose "
    "call it average precision, though nothing is ranked"
)
COLUMNS = (
    share(
        "ap_50",
        at_half("jaccard"),
        f"tp / (tp + fp + fn) of cells at an IoU of at least 0.5, {_MATCHED}",
        _AP,
    ),
    share(
        "ap_50_95",
        over_thresholds("jaccard"),
        f"mean of tp / (tp + fp + fn) of cells over the least IoUs 0.5, 0.55, ... 0.95, {_MATCHED}",
        _AP,
    ),
    share(
        "seg",
        seg,
        "SEG of the Cell Tracking Challenge: mean over the true cells of all images of the IoU with the predicted cell "
        "that holds more than half of it, 0 where none does; false finds cost nothing; blank where no true cell is",
        _SEG,
    ),
)
