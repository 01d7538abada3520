"""Precision-recall curves per class, one against the rest, averaged over folds at fixed recalls."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hemoseg.metrics.precision_recall import precision_at
from hemoseg.tables.column import Run
from hemoseg.tables.folds import in_order, origin, over_folds
from hemoseg.tables.table import Plan

GRID = np.linspace(0.005, 1, 200)
KEYS = ["row", "label", "family", "class", "recall"]
HEADER = [*KEYS, "precision", "sd", "n", "chance"]


def curves(plan: Plan, runs: Sequence[Run]) -> pd.DataFrame:
    """A line per row of the table, family, class and recall of `GRID`; columns are `HEADER`.

    ``precision`` is the mean over the ``n`` folds that have a pixel of the class, ``sd`` its standard deviation (ddof =
    1), a fold being the mean of its seeds; ``chance`` is the share of pixels that are of the class, which a ranking by
    chance has. Methods without probabilities have no lines.
    """
    known = [run for run in in_order(plan, runs) if run.histograms is not None]
    tables = [_of_class(run, c).assign(**origin(plan, run)) for run in known for c in run.class_names]
    if not tables:
        return pd.DataFrame(columns=HEADER)
    values = pd.concat(tables, ignore_index=True)
    found = over_folds(values, KEYS, "precision").rename(columns={"mean": "precision", "folds": "n"})
    return found.merge(over_folds(values, KEYS, "chance")[[*KEYS, "mean"]].rename(columns={"mean": "chance"}))[HEADER]


def _of_class(run: Run, class_id: int) -> pd.DataFrame:
    histogram = run.histograms[class_id]
    chance = histogram[1].sum() / max(histogram.sum(), 1)
    told = {"class": run.class_names[class_id], "chance": chance}
    return pd.DataFrame(told | {"recall": GRID, "precision": precision_at(histogram, GRID)})
