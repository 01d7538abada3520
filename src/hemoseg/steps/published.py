"""What papers printed, read for tables: reports/published/."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hemoseg.errors import InputError
from hemoseg.steps.files import read_table
from hemoseg.tables import ratios
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import require_known

PUBLISHED_COLUMNS = ("row", "class", "column", "value", "sd", "source")


def read_published(path: str | Path) -> pd.DataFrame:
    """The numbers of a table: row, class (id or name), column, value, sd, source.

    Raises:
        InputError: the file is absent, lacks a column, names an unknown one, or says something twice.
    """
    table = _read(path, PUBLISHED_COLUMNS, "number", ("row", "class", "column"))
    require_known(path, table["column"].unique(), COLUMNS)
    return table


def read_ratios(path: str | Path) -> pd.DataFrame:
    """Ratios of rows that papers claim: row, baseline, quantity, value, words, source.

    Raises:
        InputError: the file is absent, lacks a column or says something twice.
    """
    return _read(path, ratios.COLUMNS, "ratio", ("row", "baseline", "quantity"))


def _read(path: str | Path, columns: Sequence[str], what: str, keys: Sequence[str]) -> pd.DataFrame:
    """A file of these columns, in which no two lines have the same keys."""
    table = read_table(path, dtype=dict.fromkeys((*keys, "source"), str))
    if missing := [name for name in columns if name not in table]:
        raise InputError(f"{path}: column {missing[0]} is missing; the columns are {', '.join(columns)}")
    if table.duplicated(list(keys)).any():
        raise InputError(
            f"{path}: a {what} stands there twice; keep one line per {', '.join(keys[:-1])} and {keys[-1]}"
        )
    return table
