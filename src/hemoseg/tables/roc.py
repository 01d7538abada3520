"""ROC curves per class, one against the rest, averaged over folds at fixed false positive rates."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hemoseg.metrics.roc import true_positive_rate
from hemoseg.tables.column import Run
from hemoseg.tables.folds import over_folds

# Most pixels are background: what tells models apart lies far below a false positive rate of 0.01. Ours.
GRID = np.unique(np.concatenate([[0.0], np.logspace(-5, 0, 101), np.linspace(0, 1, 101)]))
HEADER = ["row", "label", "class", "fpr", "tpr", "sd", "n"]


def curves(rows: Mapping[str, str], runs: Sequence[Run]) -> pd.DataFrame:
    """A line per row of the table, class and false positive rate of `GRID`; columns are `HEADER`.

    ``tpr`` is the mean true positive rate over the ``n`` folds that have a pixel of the class, ``sd`` its standard
    deviation (ddof = 1): vertical averaging, Fawcett 2006, doi:10.1016/j.patrec.2005.10.010. A fold is the mean of its
    seeds. Methods without probabilities have no lines.
    """
    order = {row: place for place, row in enumerate(rows)}
    known = sorted((run for run in runs if run.histograms is not None), key=lambda run: order[run.model])
    tables = [_of_class(run, rows[run.model], c) for run in known for c in run.class_names]
    if not tables:
        return pd.DataFrame(columns=HEADER)
    found = over_folds(pd.concat(tables, ignore_index=True), ["row", "label", "class", "fpr"], "tpr")
    return found.rename(columns={"mean": "tpr", "folds": "n"})[HEADER]


def _of_class(run: Run, label: str, class_id: int) -> pd.DataFrame:
    rates = {"fpr": GRID, "tpr": true_positive_rate(run.histograms[class_id], GRID)}
    name = run.class_names[class_id]
    return pd.DataFrame({"row": run.model, "label": label, "class": name, "split": run.split, "seed": run.seed} | rates)
