"""The page of the viewer: its template with styles, script and data put in; it loads nothing and runs nothing else.

The page's own policy allows the one style and the one script whose hashes it names, and pictures that are in it.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from hemoseg.errors import InputError
from hemoseg.figures.viewer import Shown, colours, record
from hemoseg.steps.files import write_text

# In the order that they need.
SCRIPTS = ("decode", "match", "trace", "hatch", "crowd", "camera", "stage", "rows", "list", "legend", "input", "viewer")
MOST_SIDE = 2000  # pixels along the longer side of a picture; ours: a screen shows no more at once
MOST_MB = 60  # of the whole page; ours: browsers open it in seconds
# Columns of a table of cells as the list calls them: label, unit, digits after the point, whether it begins with them.
COLUMNS: dict[str, tuple[str, str, int, bool]] = {
    "probability": ("Prob.", "", 2, True),
    "area_um2": ("Area", "µm²", 1, True),
    "area_px": ("Area", "px", 0, False),
    "perimeter_um": ("Perimeter", "µm", 1, False),
    "perimeter_px": ("Perimeter", "px", 1, False),
    "major_axis_um": ("Longer axis", "µm", 1, False),
    "minor_axis_um": ("Shorter axis", "µm", 1, False),
    "major_axis_px": ("Longer axis", "px", 1, False),
    "minor_axis_px": ("Shorter axis", "px", 1, False),
    "eccentricity": ("Eccentricity", "", 2, False),
    "solidity": ("Solidity", "", 2, False),
    "form_factor": ("Form factor", "", 2, False),
    "mean_intensity": ("Brightness", "", 2, False),
    "touches_border": ("Touches border", "", 0, False),
    "row": ("Row", "px", 1, False),
    "column": ("Column", "px", 1, False),
}


@dataclass(frozen=True)
class Page:
    """What the page says besides its images.

    Attributes:
        title, subtitle: above the image.
        class_names: background first.
        chosen: colours of classes by name, where the reader chose any.
        truth_name: what the true cells are called (truth, auto-labels).
        home, home_words: where the first link leads; no link if empty.
        missing: why an image may be without its picture, and the remedy.
        notes: sentences under the help.
    """

    title: str
    subtitle: str
    class_names: Sequence[str]
    chosen: Mapping[str, str] | None = None
    truth_name: str = "Truth"
    home: str = ""
    home_words: str = ""
    missing: str = ""
    notes: Sequence[str] = ()


class Wanted(NamedTuple):
    """An image to show: its name, a word for the list of images, and what reads it."""

    name: str
    note: str
    read: Callable[[], Shown]


def write(
    out: Path, page: Page, images: Iterable[Wanted], *, most_side: int = MOST_SIDE, most_mb: float = MOST_MB
) -> tuple[int, list[str]]:
    """Write the page; images are read one at a time, until the next one would not fit.

    Returns:
        How many images it shows, and the names of those left out.

    Raises:
        InputError: not even the first one fits, or there is none.
    """
    heads, records, columns, left_out, size = [], [], [], [], 0
    for wanted in images:
        if left_out:
            left_out.append(wanted.name)
            continue
        shown = wanted.read()
        content = record(shown, most_side)
        text = safe_json(content)
        if size + len(text) > most_mb * 1e6:
            left_out.append(wanted.name)
            continue
        size += len(text)
        records.append(text)
        columns += [key for layer in content["layers"] for key in layer["columns"]]
        said = [layer for layer in content["layers"] if layer["role"] == "prediction"]
        cells = len(said[0]["ids"]) if len(said) == 1 else None  # several differ
        heads.append({"name": shown.name, "note": wanted.note, "cells": cells})
    if not heads:
        cause = f"{left_out[0]!r} alone makes more than {most_mb:g} MB" if left_out else "there is no image to show"
        raise InputError(f"{out}: {cause}; allow a larger page, a smaller side, or name other images")
    write_text(out, _rendered(page, heads, records, columns, left_out))
    return len(heads), left_out


def _rendered(page: Page, heads: list[dict], records: list[str], columns: list[str], left_out: list[str]) -> str:
    folder = templates()
    style = (folder / "viewer.css").read_text(encoding="utf-8")
    script = "\n".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'"use strict";\n{{\n{script}\n}}'
    tints = colours(page.class_names, page.chosen)
    classes = [{"name": name, "colour": tint} for name, tint in zip(page.class_names, tints, strict=True)]
    head = {"format": 1, "classes": classes, "columns": _columns(set(columns)), "images": heads}
    data = [{"id": "head", "json": safe_json(head)}]
    data += [{"id": f"image-{i}", "json": text} for i, text in enumerate(records)]
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder), autoescape=True)
    subtitle = page.subtitle + (
        f" · {len(heads)} of {len(heads) + len(left_out)} images, as many as the page may hold" if left_out else ""
    )
    words = {name: getattr(page, name) for name in ("title", "truth_name", "home", "home_words", "missing")}
    rendered = environment.get_template("viewer.html.j2").render(
        **words,
        subtitle=subtitle,
        notes=[*page.notes, *([f"Left out: {', '.join(left_out)}."] if left_out else [])],
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=data,
    )
    return rendered.encode("utf-8", "replace").decode("utf-8")  # a folder's name need not be text


def _columns(known: set[str]) -> list[dict[str, Any]]:
    found = []
    for key, (label, unit, digits, usual) in COLUMNS.items():
        if key in known:
            usual = usual or (key == "area_px" and "area_um2" not in known)
            found.append({"key": key, "label": label, "unit": unit, "digits": digits, "usual": usual})
    return found


def safe_json(content: Any) -> str:
    """JSON that ends no script and begins no comment of HTML, whatever the texts in it."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))  # ASCII: no line separators, no lone surrogates
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _hash(text: str) -> str:
    """What a policy calls an inline style or script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def templates() -> Path:
    """Folder of the viewer's template: that of the repository, or what an install put beside the interpreter.

    Raises:
        InputError: neither is there.
    """
    for folder in (Path(__file__).parents[3] / "reports", Path(sys.prefix) / "share/hemoseg/reports"):
        if (folder / "templates/viewer/viewer.html.j2").is_file():
            return folder / "templates/viewer"
    raise InputError("the viewer's template is not installed; install hemoseg from its repository")
