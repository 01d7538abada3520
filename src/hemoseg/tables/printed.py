"""A published table as its audit reads it, and what an audit says."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

import pandas as pd


class Finding(NamedTuple):
    """What the printed numbers say, and what follows of it."""

    found: str
    follows: str


@dataclass(frozen=True)
class Printed:
    """A published table: values by row and class, one column at a time.

    Attributes:
        table: row, class (name, ``average`` or ``all``), column, value, sd, source.
        claims: row, class, column, claim, value of the text that belongs to the table.
        columns: header, digits and better of each column.
        labels: what a page calls each row.
        background: name of the background.
        errors: columns whose sum `accuracy` subtracts.
    """

    table: pd.DataFrame
    claims: pd.DataFrame
    columns: Mapping[str, Mapping[str, Any]]
    labels: Mapping[str, str]
    background: str
    errors: tuple[str, ...] = ()

    def wide(self, column: str, value: str = "value") -> pd.DataFrame:
        """Values of a column: rows down, classes across, in the order of print."""
        lines = self.table[(self.table["column"] == column) & self.table["value"].notna()]
        wide = lines.pivot(index="row", columns="class", values=value).astype(float)
        return wide.reindex(index=dict.fromkeys(lines["row"]), columns=dict.fromkeys(lines["class"]))

    def header(self, column: str) -> str:
        return str(self.columns.get(column, {}).get("header", column))

    def label(self, row: str) -> str:
        return str(self.labels.get(row, row.replace("_", " ")))

    def listed(self, values: pd.Series, digits: int) -> str:
        return ", ".join(f"{self.label(row)} {in_print(value, digits)}" for row, value in values.items())


def in_print(value: float, digits: int) -> str:
    """A number rounded as people do: 0.6485, a mean of printed numbers, is 0.649."""
    return str(Decimal(str(round(float(value), 9))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))
