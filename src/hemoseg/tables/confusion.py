"""Confusion of classes: which true class was taken for which, in pixels and in cells.

A cell counts under the commonest predicted class of its pixels (ties: the lowest id), so a found cell that carries two
types counts once, under the commoner. A true cell that was not found is `MISSED`; a predicted cell that is none stands
in the line `NO_CELL`, under its own class. A found cell without any predicted class is `NO_TYPE`.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from hemoseg.metrics import cell_errors
from hemoseg.tables.column import Run
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.folds import in_order, origin, over_folds
from hemoseg.tables.table import Plan

MISSED, NO_CELL, NO_TYPE = "(missed)", "(no cell)", "(no type)"
KEYS = ["row", "label", "family", "unit", "true", "predicted"]
HEADER = [*KEYS, "count", "share", "sd", "folds"]


def confusion(plan: Plan, runs: Sequence[Run]) -> pd.DataFrame:
    """A line per row, family, unit (pixel or cell), true class and predicted class; columns are `HEADER`.

    ``count`` is summed over the folds, each the mean of its seeds. ``share`` is of the pixels or cells of the true
    class in a fold: mean and sd (ddof = 1) over the ``folds`` that have any.
    """
    lines = pd.concat([_of_run(run, plan) for run in in_order(plan, runs)], ignore_index=True)
    found = over_folds(lines, KEYS, "share").rename(columns={"mean": "share"})
    totals = over_folds(lines, KEYS, "number").eval("mean * folds")
    return found.assign(count=totals)[HEADER]


def _of_run(run: Run, plan: Plan) -> pd.DataFrame:
    lines = []
    for unit, true, predicted, matrix in _matrices(run, plan.conventions):
        sums = matrix.sum(axis=1, keepdims=True).astype(float)
        shares = np.divide(matrix, sums, out=np.full(matrix.shape, np.nan), where=sums > 0)
        for (i, j), number in np.ndenumerate(matrix):
            lines.append((unit, true[i], predicted[j], number, shares[i, j]))
    table = pd.DataFrame(lines, columns=["unit", "true", "predicted", "number", "share"])
    return table.assign(**origin(plan, run))


def _matrices(run: Run, conventions: Conventions) -> Iterator[tuple[str, list[str], list[str], np.ndarray]]:
    """Unit, true classes, predicted classes, and how many were taken so."""
    names = list(run.class_names.values())
    by_class = run.pixels.groupby("class")[[f"as_class_{c}" for c in run.class_names]].sum()
    yield "pixel", names, names, by_class.to_numpy()
    if run.knows_cells:
        yield "cell", [*names[1:], NO_CELL], [*names[1:], NO_TYPE, MISSED], cell_matrix(run, conventions)


def cell_matrix(run: Run, conventions: Conventions) -> np.ndarray:
    """Cells by true class 1..K and then no cell, and by predicted class 1..K, no type, missed, int ``(K + 1, K + 2)``.

    True cells without a class of their own (all of it background in the class map) count nowhere.
    """
    classes = len(run.class_names) - 1
    matrix = np.zeros((classes + 1, classes + 2), np.int64)
    area, covered = (run.gt[name].to_numpy().astype(np.int64) for name in ("area", "covered"))
    kind = cell_errors.majority(run.as_class)
    column = np.where(kind > 0, kind - 1, classes)
    column[cell_errors.is_missed(covered, area, conventions.found)] = classes + 1
    true = run.gt["class"].to_numpy().astype(np.int64)
    np.add.at(matrix, (true[true > 0] - 1, column[true > 0]), 1)
    facts = [run.pred[name].to_numpy().astype(np.int64) for name in ("on_truth", "area", "on_ignored")]
    kind = run.pred["class"].to_numpy().astype(np.int64)
    made_up = kind[cell_errors.is_spurious(*facts, conventions.artefact)]
    np.add.at(matrix, (classes, np.where(made_up > 0, made_up - 1, classes)), 1)
    return matrix
