"""The formats that other tools read: which there are, where their files lie in a folder that `segment` wrote.

A file per image is written with its image; a file for all images is written when they are done, from the label images.
"""

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hemoseg.errors import InputError


class Format(NamedTuple):
    """Where a format's files lie and which module of this room writes and reads them.

    Attributes:
        module: its ``write(path, instances, cells, facts)``.
        file: path in the folder; ``{}`` stands for the image's id.
    """

    module: str
    file: str


FORMATS = {
    "qupath": Format("qupath", "qupath/{}.geojson"),
    "coco": Format("coco", "coco.json"),
    "imagej": Format("rois", "rois/{}.zip"),
    "ome": Format("ome", "ome/{}.ome.tif"),
}
EACH = tuple(name for name, form in FORMATS.items() if "{}" in form.file)  # a file per image


def chosen(words: str) -> tuple[str, ...]:
    """Formats that a comma-separated list names; ``all`` names all, the empty list none.

    Raises:
        InputError: one of them is unknown.
    """
    names = [word.strip() for word in words.split(",") if word.strip()]
    if names == ["all"]:
        return tuple(FORMATS)
    if unknown := [name for name in names if name not in FORMATS]:
        raise InputError(f"--formats: there is no {unknown[0]!r}; choose of {', '.join(FORMATS)}, or all")
    return tuple(name for name in FORMATS if name in names)


def files_of(image: str, formats: Iterable[str]) -> list[str]:
    """Paths in the folder, of one image's files in these formats."""
    return [FORMATS[name].file.format(image) for name in formats if name in EACH]


def write_formats(
    folder: str | Path,
    image: str,
    instances: np.ndarray,
    cells: pd.DataFrame,
    facts: Mapping[str, Any],
    formats: Iterable[str],
) -> None:
    """Write one image's files, each whole.

    Args:
        folder: of `segment`.
        image: the image's id, safe as a file name.
        instances: a number per cell ``(H, W)``, 0 background.
        cells: the image's rows of the table of cells (`hemoseg.metrics.cell_table`), a row per number.
        facts: ``classes`` (names by value, the background's first), ``pixel_size_um`` (or None).
        formats: of `chosen`; those with one file for all images are left to `write_collected`.
    """
    for name in formats:
        if name in EACH:
            form = FORMATS[name]
            module = importlib.import_module(f"hemoseg.steps.{form.module}")
            module.write(Path(folder) / form.file.format(image), instances, cells, facts)


def write_collected(
    folder: str | Path, images: pd.DataFrame, cells: pd.DataFrame, facts: Mapping[str, Any], formats: Iterable[str]
) -> None:
    """Write the files that hold all images, from ``instances/`` of the folder, one image in memory at a time.

    Args:
        folder: of `segment`, its label images written.
        images: rows of images.csv.
        cells: rows of cells.csv.
        facts: as of `write_formats`.
        formats: of `chosen`.
    """
    for name in formats:
        if name not in EACH:
            form = FORMATS[name]
            module = importlib.import_module(f"hemoseg.steps.{form.module}")
            module.write(Path(folder) / form.file, images, cells, facts)
