"""Mean and spread over folds of many numbers at once, by the rule of `tables.table.summarise`."""

from collections.abc import Sequence

import pandas as pd


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
