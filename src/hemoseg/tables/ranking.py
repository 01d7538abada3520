"""How stable the order of the rows is: in what share of the draws of the test images each row has each rank."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.table import Plan, class_names, shown_classes
from hemoseg.tables.uncertainty import Drawn, drawn

HEADER = ["row", "label", "column", "header", "class", "rank", "share", "measured", "n_units"]


def ranking(plan: Plan, runs: Sequence[Run], draws: Drawn | None = None) -> pd.DataFrame:
    """A line per column, class, row and rank, of the runs of one family of splits; columns are `HEADER`.

    ``share`` of the draws in which the row has that ``rank`` (1 is best; equal rows share the better rank), and
    ``measured`` whether it has it in the table. A row without a number in a draw has no rank there, so its shares may
    sum to less than 1. Columns that know no better side, and rows that were not run, are left out.
    """
    draws = drawn(plan, runs) if draws is None else draws
    names, lines = class_names(plan, runs), []
    for key in (key for key in plan.columns if COLUMNS[key].better):
        for class_name in shown_classes(plan, COLUMNS[key], names):
            rows = [row for row in plan.rows if (row, key, class_name) in draws.numbers]
            numbers = np.stack([draws.numbers[row, key, class_name] for row in rows])
            told = {"column": key, "header": plan.columns[key], "class": class_name}
            found = _lines(rows, ranks(numbers, COLUMNS[key].better))
            lines += [told | {"label": plan.rows[line["row"]]} | line for line in found]
    return pd.DataFrame(lines, columns=HEADER[:-1]).assign(n_units=draws.units.number)[HEADER]


def ranks(numbers: np.ndarray, better: str) -> np.ndarray:
    """Rank of each row in each draw, 1 for the best, the better one for equal rows; float ``(rows, draws)``, NaN stays.

    Args:
        numbers: ``(rows, draws)``.
        better: ``high``, ``low`` or ``zero``.
    """
    badness = {"high": -numbers, "low": numbers, "zero": np.abs(numbers)}[better]
    found = rankdata(np.where(np.isnan(badness), np.inf, badness), method="min", axis=0).astype(float)
    return np.where(np.isnan(badness), np.nan, found)


def _lines(rows: Sequence[str], found: np.ndarray) -> list[dict]:
    places = range(1, len(rows) + 1)
    return [
        {"row": row, "rank": rank, "share": float((own[1:] == rank).mean()), "measured": bool(own[0] == rank)}
        for row, own in zip(rows, found, strict=True)
        for rank in places
    ]
