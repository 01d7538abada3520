"""Pieces of a page as HTML; whatever comes from data or settings is escaped here and nowhere else."""

import base64
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

NOTHING, UNKNOWN = "–", "unknown"
ARROWS = {"high": "↑", "low": "↓", "zero": "→ 0"}
CHART_DPI, PHOTO_DPI = 144, 120
MOST_BYTES = 800_000  # of a picture of images; a page has about five

MOST_COLUMNS = 8  # of a table of scores; more do not fit the page


def title(text: str, source: str) -> str:
    """The page's heading with the source of its table."""
    below = f'<p class="source">{escape(str(source))}</p>' if source else ""
    return f"<h1>{escape(str(text))}</h1>{below}"


def heading(text: str) -> str:
    """Heading of a section that only some pages have."""
    return f"<h2>{escape(str(text))}</h2>"


def subheading(text: str) -> str:
    """Heading within a section."""
    return f"<h3>{escape(str(text))}</h3>"


def badges(facts: Iterable[tuple[str, str]]) -> str:
    """Short facts of the first screen: (text, kind); the kind is ``simulated``, ``real`` or empty."""
    spans = (f'<span class="badge {escape(kind)}">{escape(str(text))}</span>' for text, kind in facts)
    return f'<p class="badges">{"".join(spans)}</p>'


def paragraph(text: str, kind: str = "") -> str:
    """One paragraph of plain text; kinds are ``verdict``, ``warning`` and ``note``."""
    return f'<p class="{escape(kind)}">{_coded(text)}</p>' if text else ""


def bullets(sentences: Iterable[str], kind: str = "") -> str:
    """Sentences as a list."""
    items = "".join(f"<li>{_coded(sentence)}</li>" for sentence in sentences)
    return f'<ul class="{escape(kind)}">{items}</ul>' if items else ""


def _coded(text: str) -> str:
    """Escaped text in which `code` stands between backticks."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(str(text)))


def details(summary: str, inner: str) -> str:
    """A block of HTML that a reader opens."""
    return f"<details><summary>{escape(summary)}</summary>{inner}</details>" if inner else ""


def settings(content: Any) -> str:
    """Settings as text that can be copied."""
    return f"<pre>{escape(json.dumps(content, indent=2, ensure_ascii=False))}</pre>"


def picture(figure: Figure, caption: str, *, colours: int | None = None) -> str:
    """A figure as PNG within the page, its caption as its alternative text too.

    Args:
        figure: what is drawn.
        caption: plain text: what is drawn, of how many, in which units.
        colours: what a chart needs; a picture of images has no number and is reduced only where it is large.
    """
    png = _png(figure, CHART_DPI if colours else PHOTO_DPI)
    if colours:
        png = min(png, _reduced(png, colours, Image.Dither.NONE), key=len)
    elif len(png) > MOST_BYTES:
        png = _reduced(png, 256, Image.Dither.FLOYDSTEINBERG)
    width = round(figure.get_figwidth() * 100)
    data = base64.b64encode(png).decode()
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(caption)}" width="{width}">'
    return f'<figure><div class="scroll">{image}</div><figcaption>{escape(caption)}</figcaption></figure>'


def _png(figure: Figure, dpi: int) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, facecolor="white")
    return buffer.getvalue()


def _reduced(png: bytes, colours: int, dither: Image.Dither) -> bytes:
    """The same picture with a palette."""
    buffer = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    # The palette is found first, since Pillow dithers only to a palette that is given.
    reduced = picture.quantize(palette=picture.quantize(colours), dither=dither)
    values, paper = reduced.getpalette(), 3 * reduced.getpixel((0, 0))
    reduced.putpalette([*values[:paper], 255, 255, 255, *values[paper + 3 :]])  # the margin stays white
    reduced.save(buffer, "png", optimize=True)
    return buffer.getvalue()


def number(value: float, sd: float, digits: int) -> str:
    """A number in print: ``0.965 ± 0.002``, without the spread where there is none, a dash without a value."""
    if pd.isna(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    return text if pd.isna(sd) else f"{text} ± {sd:.{digits}f}"


def frame(table: pd.DataFrame, caption: str = "") -> str:
    """A small table as HTML; cells are shown as they are, the first column is a heading."""
    heads = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in table.columns)
    rows = []
    for first, *rest in table.astype(object).to_numpy().tolist():
        cells = "".join(f"<td>{escape(str(cell))}</td>" for cell in rest)
        rows.append(f'<tr><th scope="row">{escape(str(first))}</th>{cells}</tr>')
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = "".join(rows)
    return f'<div class="scroll"><table>{above}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def with_below(table: pd.DataFrame, *below: pd.DataFrame, caption: str = "") -> str:
    """A small table as HTML, and below each of its rows the same row of the other tables, those that have rows."""
    heads = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in table.columns)
    parts = [part.astype(object).to_numpy().tolist() for part in (table, *below) if len(part)]
    body = []
    for rows in zip(*parts, strict=True):
        for number, row in enumerate(rows):
            first, *rest = (escape(str(cell)) for cell in row)
            cells = "".join(f"<td>{cell}</td>" for cell in rest)
            body.append(f'<tr{" class=published" if number else ""}><th scope="row">{first}</th>{cells}</tr>')
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    lines = "".join(body)
    return f'<div class="scroll"><table>{above}<thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'


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
    """The lines of one table, or of two where one would be too wide: what papers printed, and what is ours alone."""
    heads = list(dict.fromkeys(lines["column"]))
    if len(heads) <= MOST_COLUMNS:
        return [lines] if heads else []
    printed = lines[lines["published"].notna()]["column"] if "published" in lines else lines["column"]
    first = [head for head in heads if head in set(printed)][:MOST_COLUMNS] or heads[:MOST_COLUMNS]
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
