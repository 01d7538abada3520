"""The folder that `segment` writes, read again: what was found in each image, cell by cell."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.errors import InputError
from hemoseg.steps.files import read_json, read_table
from hemoseg.steps.images import read_labels
from hemoseg.steps.segmented_checks import checked_facts, checked_tables

MARKER = "segment.json"
FORMAT = 1
FACTS = ("format", "model", "classes", "settings", "versions", "complete")
WORDS = {"image": str, "file": str, "page": str, "group": str, "flags": str}  # columns of images.csv that are text
CELL_WORDS = {"image": str, "group": str, "class_name": str}


@dataclass(frozen=True)
class Segmented:
    """A finished folder of `segment`.

    Attributes:
        folder: where it lies.
        facts: what segment.json says: model, classes (background first), settings, versions.
        images: a row per image, in the order in which they were given; see `read_segmented`.
        cells: a row per cell of all images; ``id`` is the cell's number in the image's instances.
    """

    folder: Path
    facts: dict[str, Any]
    images: pd.DataFrame
    cells: pd.DataFrame

    @property
    def class_names(self) -> list[str]:
        """Names of the classes, background first."""
        return list(self.facts["classes"])

    def row(self, name: str) -> pd.Series:
        """The row of one image.

        Raises:
            InputError: there is no such image.
        """
        rows = self.images[self.images["image"] == name]
        if rows.empty:
            raise InputError(f"{self.folder}: holds no image {name!r}; images.csv lists those it holds")
        return rows.iloc[0]

    def cells_of(self, name: str) -> pd.DataFrame:
        """The rows of one image's cells, by falling position: row i is cell i + 1."""
        return self.cells[self.cells["image"] == name].reset_index(drop=True)

    def instances(self, name: str) -> np.ndarray:
        """Cells 1..n of one image in reading order, int32 ``(H, W)`` on the image's own grid.

        Raises:
            InputError: there is no such image, or its file is absent, damaged or of another size.
        """
        return self._labels(name, self.folder / "instances" / f"{name}.tif")

    def classes(self, name: str) -> np.ndarray:
        """Class map of one image, uint8 ``(H, W)``; errors as `instances`."""
        return self._labels(name, self.folder / "classes" / f"{name}.png").astype(np.uint8)

    def file(self, name: str) -> Path:
        """The image's original file.

        It is looked for as it was given, from here and from where `segment` was started.

        Raises:
            InputError: it is in neither place.
        """
        given = Path(self.row(name)["file"])
        places = [given, self.folder / self.facts.get("started_in", ".") / given]
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise InputError(f"{given}: the file of image {name!r} is not where it was; put it back to see the image")
        return found

    def image(self, name: str) -> np.ndarray:
        """The image as it was read, uint8 or uint16 ``(C, H, W)``, as many channels as the model reads.

        Raises:
            InputError: its file is not where it was, or holds another image by now.
        """
        from hemoseg.steps.sources import open_source  # tifffile and OpenCV: not for who reads the tables alone

        row, file = self.row(name), self.file(name)
        values = open_source(file, self.facts["model"].get("in_channels"), page=row["page"] or None).whole()
        if values.shape[1:] != (row["rows"], row["columns"]):
            raise InputError(f"{file}: has another size than when it was segmented; segment it again")
        return values

    def _labels(self, name: str, file: Path) -> np.ndarray:
        row = self.row(name)
        labels = read_labels(file)
        if labels.shape != (row["rows"], row["columns"]):
            raise InputError(f"{file}: has another size than its image in images.csv; segment it again")
        return labels


def is_segmented(folder: str | Path) -> bool:
    """Whether a folder is one that `segment` wrote or began."""
    return (Path(folder) / MARKER).is_file()


def read_segmented(folder: str | Path) -> Segmented:
    """Read the tables and facts of a finished folder; its pixels are read when they are asked for.

    ``images`` has the columns image (the id, which names all files), file (as given), page, group, rows, columns,
    channels, pixel_size_um (NaN where it is not known), scale, cells, ``n_<class>`` for each class but the background,
    flags (";" between words). Text is never NaN. The columns of ``cells`` are those of
    `hemoseg.metrics.cell_table`.

    Raises:
        InputError: it is no such folder, `segment` has not finished it, or a file is absent, damaged, or does not fit
            the others.
    """
    folder = Path(folder)
    if not is_segmented(folder):
        raise InputError(f"{folder}: holds no {MARKER}; pass a folder that `hemoseg segment` wrote")
    facts = read_json(folder / MARKER, FACTS)
    if facts["format"] != FORMAT:
        raise InputError(f"{folder}: is of format {facts['format']}, this version reads {FORMAT}; segment again")
    checked_facts(folder / MARKER, facts)
    if not facts["complete"]:
        raise InputError(f"{folder}: is not finished; run the same `hemoseg segment` once more, it goes on")
    images, cells = read_tables(folder)
    checked_tables(folder, facts, images, cells)
    return Segmented(folder, facts, images, cells)


def read_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of images and cells of a folder, finished or not, as `read_segmented` has them.

    Raises:
        InputError: a file is absent or damaged.
    """
    images = read_table(folder / "images.csv", ["image", "file", "rows", "columns", "cells"], dtype=WORDS)
    cells = read_table(folder / "cells.csv", ["image", "id", "class", "row", "column"], dtype=CELL_WORDS)
    return _with_texts(images, WORDS), _with_texts(cells, CELL_WORDS)


def _with_texts(table: pd.DataFrame, words: dict[str, type]) -> pd.DataFrame:
    """Empty text as "", so that no reader compares with NaN; a column of text that is missing is empty."""
    return table.assign(**{name: table[name].fillna("") if name in table else "" for name in words})
