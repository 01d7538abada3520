"""A table as Markdown: ours as mean ± sd, the published number on a line of its own."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from hemoseg.tables.columns import COLUMNS

UNKNOWN, NOTHING = "unknown", "–"


def markdown(table: pd.DataFrame, title: str, sentences: list[str]) -> str:
    """The tidy table (`tables.table.HEADER`) for people, with its sentences below.

    Each family of splits has a line of its own. With one class (or none) it is a single table. Otherwise each column
    that is scored per class gets a table with the classes across, as the papers print it, and what is left shares the
    last one.
    """
    parts = [f"## {title}"]
    classes_of = table.groupby("column", sort=False)["class"].nunique()
    wide = [column for column, classes in classes_of.items() if classes > 1]
    for column in wide:
        lines = table[table["column"] == column]
        parts += [f"### {lines['header'].iloc[0]}", _grid(lines, "class")]
    rest = table[~table["column"].isin(wide)]
    if len(rest):
        parts.append(_grid(rest, "header"))
    parts.append("\n".join(f"* {sentence}" for sentence in sentences))
    return "\n\n".join(parts) + "\n"


def number(value: float, sd: float, digits: int) -> str:
    """A number in print: ``0.965 ± 0.002``, without the spread where there is none, a dash without a value."""
    if pd.isna(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    return text if pd.isna(sd) else f"{text} ± {sd:.{digits}f}"


def published_number(cell: Mapping[str, Any]) -> str:
    """The papers' number of a line of a table; ``unknown`` where they print one that we do not know."""
    if cell["source"] and pd.isna(cell["published"]):
        return UNKNOWN
    return number(cell["published"], cell["published_sd"], COLUMNS[cell["column"]].digits)


def _grid(lines: pd.DataFrame, across: str) -> str:
    """One Markdown table: rows down, ``across`` (class or header) across, columns aligned."""
    heads = list(dict.fromkeys(lines[across]))
    body = []
    for _, of_row in lines.groupby(["row", "family"], sort=False):
        by_head = {line[across]: line for line in of_row.to_dict("records")}
        cells = [by_head[head] for head in heads]
        body.append([_escape(cells[0]["label"]), *(_ours(cell) for cell in cells)])
        if any(cell["source"] for cell in cells):
            body.append(["*published*", *(_published(cell) for cell in cells)])
    heading = ["", *map(_escape, map(str, heads))]
    widths = [max(len(line[i]) for line in [heading, *body]) for i in range(len(heading))]
    rule = ["-" * max(widths[0], 3), *("-" * max(width - 1, 3) + ":" for width in widths[1:])]
    return "\n".join(_line(cells, widths) for cells in [heading, rule, *body])


def _line(cells: list[str], widths: list[int]) -> str:
    first = cells[0].ljust(max(widths[0], 3))
    return "| " + " | ".join([first, *(c.rjust(max(w, 4)) for c, w in zip(cells[1:], widths[1:], strict=True))]) + " |"


def _ours(cell: dict) -> str:
    return number(cell["mean"], cell["sd"], COLUMNS[cell["column"]].digits)


def _published(cell: dict) -> str:
    text = published_number(cell)
    return text if text == NOTHING else f"*{text}*"


def _escape(text: str) -> str:
    return text.replace("|", r"\|")
