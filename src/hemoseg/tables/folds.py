"""Mean and spread over folds of many numbers at once, by the rule of `tables.table.summarise`."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from hemoseg.tables.column import Run
from hemoseg.tables.table import Plan


def in_order(plan: Plan, runs: Sequence[Run]) -> list[Run]:
    """Runs in the order of the rows of the plan."""
    place = {row: number for number, row in enumerate(plan.rows)}
    return sorted(runs, key=lambda run: place[run.model])


def origin(plan: Plan, run: Run) -> dict[str, Any]:
    """Where a line of a table is from: row, label, family, split, seed."""
    named = {"row": run.model, "label": plan.rows[run.model], "family": plan.family_of(run.split)}
    return named | {"split": run.split, "seed": run.seed}


def over_folds(values: pd.DataFrame, keys: Sequence[str], column: str = "value") -> pd.DataFrame:
    """Mean, sd (ddof = 1) and number of folds of each combination of ``keys``, in the order of the first appearance.

    Args:
        values: ``keys``, ``split``, ``seed`` and the number in ``column``, a line per run.

    Returns:
        ``keys``, mean, sd, folds. A fold is the mean of its seeds; one without a number (NaN) is left out.
    """
    folds = values.groupby([*keys, "split"], sort=False)[column].mean()
    found = folds.groupby(level=list(keys), sort=False).agg(["mean", "std", "count"])
    return found.reset_index().rename(columns={"std": "sd", "count": "folds"})
