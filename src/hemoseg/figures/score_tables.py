"""The tidy table of an experiment as HTML: ours, the best numbers bold, and below each row what a paper printed."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

NOTHING, UNKNOWN = "–", "unknown"
ARROWS = {"high": "↑", "low": "↓", "zero": "→ 0"}
MOST_COLUMNS = 8  # of a table; more do not fit the page


def scores(
    table: pd.DataFrame,
    columns: Mapping[str, Mapping[str, Any]],
    *,
    mark_best: bool = True,
    intervals: pd.DataFrame | None = None,
) -> str:
    """The tidy table of an experiment as HTML: ours, and below each row the published number.

    With several classes each column that is scored per class has a table with the classes across.

    Args:
        table: ``results/tables/<experiment>.csv``.
        columns: header, unit, digits and better of each column, of ``<experiment>.conventions.json``.
        mark_best: print the best of our numbers bold.
        intervals: ``results/tables/<experiment>.intervals.csv``; low and high are printed below each of our numbers.
    """
    if intervals is not None:
        keys = ["row", "family", "column", "class"]
        table = table.merge(intervals[[*keys, "low", "high"]], on=keys, how="left")
    classes_of = table.groupby("column", sort=False)["class"].nunique()
    wide = [column for column, classes in classes_of.items() if classes > 1]
    parts = []
    for column in wide:
        lines = table[table["column"] == column]
        parts.append(f"<h3>{_head(columns[column])}</h3>{_grid(lines, 'class', columns, mark_best)}")
    rest = table[~table["column"].isin(wide)]
    parts += [_grid(lines, "column", columns, mark_best) for lines in _within_the_page(rest)]
    return "".join(parts)


def _within_the_page(lines: pd.DataFrame) -> list[pd.DataFrame]:
    """The lines of one table, or of several where one would be too wide: what papers printed first, then ours."""
    heads = list(dict.fromkeys(lines["column"]))
    if len(heads) <= MOST_COLUMNS:
        return [lines] if heads else []
    printed = lines[lines["published"].notna()]["column"] if "published" in lines else lines["column"]
    even = math.ceil(len(heads) / math.ceil(len(heads) / MOST_COLUMNS))  # nine are five and four, not eight and one
    first = [head for head in heads if head in set(printed)][:MOST_COLUMNS] or heads[:even]
    return [lines[lines["column"].isin(first)], *_within_the_page(lines[~lines["column"].isin(first)])]


def published_only(published: pd.DataFrame, ours: Sequence[str], columns: Mapping[str, Mapping[str, Any]]) -> str:
    """Rows of the papers' table for methods that were not run here; empty where there are none."""
    rest = published[~published["row"].isin(ours) & published["column"].isin(columns)]
    if rest.empty:
        return ""
    lines = rest.rename(columns={"value": "mean"}).assign(label=rest["row"].str.replace("_", " "), source="", family="")
    return f'<div class="theirs">{scores(lines, columns, mark_best=False)}</div>'


def sources(table: pd.DataFrame) -> list[str]:
    """Where the published numbers of a table were printed."""
    return [str(source) for source in dict.fromkeys(table["source"].dropna()) if source]


def _head(column: Mapping[str, Any], name: str = "") -> str:
    """Header of a column with its unit and the direction that is better."""
    extra = " ".join(filter(None, [column.get("unit", ""), ARROWS.get(column.get("better", ""), "")]))
    small = f' <small title="{escape(str(column["definition"]))}">{escape(extra)}</small>' if extra else ""
    return f"{escape(str(name or column['header']))}{small}"


def _grid(lines: pd.DataFrame, across: str, columns: Mapping[str, Mapping[str, Any]], mark_best: bool) -> str:
    heads = list(dict.fromkeys(lines[across]))
    shown = [escape(str(head)) if across == "class" else _head(columns[head]) for head in heads]
    best = _best(lines, across, columns) if mark_best else set()
    body = []
    for row, of_row in lines.groupby(["row", "family"], sort=False):
        cells = {line[across]: line for line in of_row.to_dict("records")}
        label = escape(str(of_row["label"].iloc[0]))
        ours = "".join(_ours(cells.get(head), (row, head) in best, columns) for head in heads)
        body.append(f'<tr><th scope="row">{label}</th>{ours}</tr>')
        if source := next((cell["source"] for cell in cells.values() if _has_source(cell)), ""):
            theirs = "".join(_published(cells.get(head), columns) for head in heads)
            body.append(
                f'<tr class="published"><th scope="row" title="{escape(str(source))}">published</th>{theirs}</tr>'
            )
    top = "".join(f'<th scope="col">{head}</th>' for head in shown)
    dense = ' class="dense densest"' if len(heads) > 7 else " class=dense" if len(heads) > 5 else ""
    table = f"<table{dense}><thead><tr><th></th>{top}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _best(lines: pd.DataFrame, across: str, columns: Mapping[str, Mapping[str, Any]]) -> set[tuple[str, str]]:
    """((row, family), head) of our best numbers under each head, as printed; none where all are alike or alone."""
    best = set()
    for head, rows in lines.groupby(across, sort=False):
        facts = columns[rows["column"].iloc[0]]
        values = rows.set_index(["row", "family"])["mean"].dropna().round(facts["digits"])
        if facts["better"] and values.nunique() > 1:
            aims = {"high": values.max(), "low": values.min(), "zero": values.abs().min()}
            measured = values.abs() if facts["better"] == "zero" else values
            best |= {(row, head) for row in values.index[measured == aims[facts["better"]]]}
    return best


def _ours(cell: Mapping[str, Any] | None, best: bool, columns: Mapping[str, Mapping[str, Any]]) -> str:
    if cell is None:
        return "<td></td>"
    digits = columns[cell["column"]]["digits"]
    text = number(cell["mean"], cell["sd"], digits)
    if not pd.isna(cell.get("low", float("nan"))):
        text += f'<span class="interval">{cell["low"]:.{digits}f} to {cell["high"]:.{digits}f}</span>'
    return f"<td{' class=best' if best else ''}>{text}</td>"


def _has_source(cell: Mapping[str, Any]) -> bool:
    """Whether a paper has this cell, be its number known or not."""
    return bool(cell["source"]) and not pd.isna(cell["source"])


def _published(cell: Mapping[str, Any] | None, columns: Mapping[str, Mapping[str, Any]]) -> str:
    if cell is None:
        return "<td></td>"
    if _has_source(cell) and pd.isna(cell["published"]):
        return f"<td>{UNKNOWN}</td>"
    return f"<td>{number(cell['published'], cell['published_sd'], columns[cell['column']]['digits'])}</td>"


def number(value: float, sd: float, digits: int) -> str:
    """A number in print: ``0.965 ± 0.002``, without the spread where there is none, a dash without a value."""
    if pd.isna(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    return text if pd.isna(sd) else f"{text} ± {sd:.{digits}f}"
