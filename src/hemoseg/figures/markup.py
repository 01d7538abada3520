"""Pieces of a page as HTML; whatever comes from data or settings is escaped here, or in `score_tables`."""

import base64
import io
import json
import re
from collections.abc import Iterable
from html import escape
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

CHART_DPI, PHOTO_DPI = 144, 120
MOST_BYTES = 800_000  # of a picture of images; a page has about five


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
