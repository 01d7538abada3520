"""ROC curves per class, one against the rest, averaged over folds at fixed false positive rates."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hemoseg.metrics.roc import true_positive_rate
from hemoseg.tables.column import Run
from hemoseg.tables.folds import in_order, origin, over_folds
from hemoseg.tables.table import Plan

# Most pixels are background: what tells models apart lies far below a false positive rate of 0.01. Ours.
GRID = np.unique(np.concatenate([[0.0], np.logspace(-5, 0, 101), np.linspace(0, 1, 101)]))
KEYS = ["row", "label", "family", "class", "fpr"]
HEADER = [*KEYS, "tpr", "sd", "n"]


def curves(plan: Plan, runs: Sequence[Run]) -> pd.DataFrame:
    """A line per row of the table, family, class and false positive rate of `GRID`; columns are `HEADER`.

    ``tpr`` is the mean true positive rate over the ``n`` folds that have a pixel of the class, ``sd`` its standard
    deviation (ddof = 1): vertical averaging, Fawcett 2006, doi:10.1016/j.patrec.2005.10.010. A fold is the mean of its
    seeds. Methods without probabilities have no lines.
    """
    known = [run for run in in_order(plan, runs) if run.histograms is not None]
    tables = [_of_class(run, c).assign(**origin(plan, run)) for run in known for c in run.class_names]
    if not tables:
        return pd.DataFrame(columns=HEADER)
    found = over_folds(pd.concat(tables, ignore_index=True), KEYS, "tpr")
    return found.rename(columns={"mean": "tpr", "folds": "n"})[HEADER]


def _of_class(run: Run, class_id: int) -> pd.DataFrame:
    tpr = true_positive_rate(run.histograms[class_id], GRID)
    return pd.DataFrame({"class": run.class_names[class_id], "fpr": GRID, "tpr": tpr})
