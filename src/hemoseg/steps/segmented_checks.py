"""Whether what a folder of `segment` says of itself fits together: tables are edited, cut, copied over each other."""

from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.errors import InputError

MOST_SCALE = 64.0  # from an image to the network's grid, or back
CELL_WORDS = ("image", "group", "class_name")  # columns of cells.csv that are text


def checked_facts(marker: Path, facts: Mapping[str, Any]) -> None:
    """Look over ``segment.json``.

    Raises:
        InputError: a value makes no sense.
    """
    model, classes = facts["model"], facts["classes"]
    says = {
        "model": isinstance(model, dict) and isinstance(model.get("path", ""), str),
        "classes": isinstance(classes, list)
        and len(classes) > 1
        and all(isinstance(name, str) for name in classes)
        and len(set(classes)) == len(classes),
        "settings": isinstance(facts["settings"], dict),
        "complete": isinstance(facts["complete"], bool),
        "started_in": isinstance(facts.get("started_in", "."), str),
    }
    if wrong := [name for name, well in says.items() if not well]:
        raise InputError(f"{marker}: what it says of {wrong[0]!r} makes no sense; segment again")


def checked_tables(folder: Path, facts: Mapping[str, Any], images: pd.DataFrame, cells: pd.DataFrame) -> None:
    """Look over ``images.csv`` and ``cells.csv``, with the columns that `hemoseg.steps.segmented.read_tables` asks for.

    Raises:
        InputError: they do not fit together, or hold what no image and no cell has.
    """
    if cause := _of_images(images):
        raise InputError(f"{folder / 'images.csv'}: {cause}; segment again")
    if cause := _of_cells(list(facts["classes"]), images, cells):
        raise InputError(f"{folder / 'cells.csv'}: {cause}; segment again")


def _of_images(images: pd.DataFrame) -> str:
    """What is wrong with the table of images, "" where nothing is."""
    if images.empty:
        return "holds no image"
    if images["image"].duplicated().any():
        return f"names {images['image'][images['image'].duplicated()].iloc[0]!r} twice"
    for name in images["image"]:
        if not name or PureWindowsPath(name).name != name or Path(name).name != name:
            return f"{name!r} is no name of an image"
    for column, low, high in (("rows", 1, 2**31), ("columns", 1, 2**31), ("scale", 1 / MOST_SCALE, MOST_SCALE)):
        values = pd.to_numeric(images[column], errors="coerce") if column in images else pd.Series([1.0])
        whole = column == "scale" or (values % 1 == 0).all()
        if not (whole and values.between(low, high).all()):
            return f"column {column!r} holds what no image has"
    if "pixel_size_um" not in images:
        return "column 'pixel_size_um' is missing"
    sizes = pd.to_numeric(images["pixel_size_um"], errors="coerce").dropna()
    return "" if ((sizes > 0) & np.isfinite(sizes)).all() else "column 'pixel_size_um' holds what no pixel has"


def _of_cells(classes: list[str], images: pd.DataFrame, cells: pd.DataFrame) -> str:
    """What is wrong with the table of cells, "" where nothing is."""
    if lost := [name for name in ("area_px", "eccentricity", "touches_border") if name not in cells]:
        return f"column {lost[0]!r} is missing"
    words = [name for name in cells if name not in CELL_WORDS and cells[name].dtype.kind not in "iufb"]
    if words and len(cells):
        return f"column {words[0]!r} holds what is no number"
    numbers = cells.select_dtypes("number")
    if np.isinf(numbers.to_numpy(float)).any() or cells[["id", "class", "row", "column"]].isna().any(axis=None):
        return "holds values that are no numbers"
    if not cells["class"].isin(range(1, len(classes))).all():
        return f"holds classes beyond 1 to {len(classes) - 1}"
    if "class_name" in cells and (cells["class_name"] != cells["class"].map(dict(enumerate(classes)))).any():
        return "names other classes than segment.json"
    of_image = cells["image"].value_counts().reindex(images["image"], fill_value=0).to_numpy()
    if of_image.sum() != len(cells) or (of_image != images["cells"].to_numpy()).any():
        return "holds other cells than images.csv counts"
    return ""
