"""What `segment` leaves of an image, and the tables of all images."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hemoseg.data.field_quality import field_flags
from hemoseg.figures.outlines import outlined
from hemoseg.metrics.cell_table import columns
from hemoseg.steps.files import read_table, written_whole
from hemoseg.steps.formats import write_formats
from hemoseg.steps.found import BAND, Found, bands
from hemoseg.steps.label_files import write_label_tiff, write_png, write_tiff
from hemoseg.steps.segment_cells import cells_of
from hemoseg.steps.segment_inputs import Item
from hemoseg.steps.segmented import CELL_WORDS
from hemoseg.steps.stopwatch import Stopwatch
from hemoseg.tables.agreement import agreement_flags

CLASS_WORDS = ("image", "group", "class_name")
WHOLE = ("id", "class", "area_px")


class Lazy:
    """An image that is sliced like an array ``(C, H, W)`` or ``(H, W)``, and read when it is."""

    def __init__(self, rows: Any, shape: tuple[int, ...]):
        self._rows, self.shape = rows, shape

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        rows = key[-2]
        first, last, _ = rows.indices(self.shape[-2])
        return self._rows(first, last)[..., :, key[-1]]


def write_image(
    out: Path,
    item: Item,
    found: Found,
    class_names: Sequence[str],
    *,
    probability: bool,
    formats: Sequence[str],
    watch: Stopwatch,
) -> pd.DataFrame:
    """Write all files of one image, each whole; its rows of the table of cells."""
    with watch.of("measure"):
        cells = cells_of(found, class_names, item.pixel_size)
        cells.insert(0, "image", item.name)
        cells.insert(1, "group", item.group)
    with watch.of("write"):
        write_label_tiff(out / "instances" / f"{item.name}.tif", found.size, len(found), found.labels)
        step = max(1, BAND // found.size[1])
        write_png(out / "classes" / f"{item.name}.png", found.size, found.classes, step)
        if probability and found.stores.probability is not None:
            write_tiff(
                out / "probability" / f"{item.name}.tif", found.size, np.dtype(np.uint8), found.probability,
                planes=len(class_names),
            )  # fmt: skip
        picture = outlined(found.image, found.labels, found.size, cells["class"].to_numpy())
        with written_whole(out / "overlays" / f"{item.name}.png") as temporary:
            temporary.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
        if formats:
            labels = _whole(found)
            facts = {"classes": list(class_names), "pixel_size_um": item.pixel_size}
            write_formats(out, item.name, labels, cells, facts, formats)
    return cells


def _whole(found: Found) -> np.ndarray:
    """All labels, int32 ``(H, W)``: what the writers of formats need; it is in memory once."""
    labels = np.empty(found.size, np.int32)
    for first, last in bands(*found.size):
        labels[first:last] = found.labels(first, last)
    return labels


def flags_of(
    found: Found, evidence: Mapping[str, Any], scale: float, channels: int, white: float | None
) -> list[tuple[str, str]]:
    """Words and reasons that speak against counting an image, ``white`` its number of full light where it is told."""
    image, labels = Lazy(found.image, (channels, *found.size)), Lazy(found.labels, found.size)
    return [*field_flags(image, labels, evidence, scale, white), *agreement_flags(image, labels, evidence, scale)]


def row_of(
    item: Item, cells: pd.DataFrame, class_names: Sequence[str], channels: int, scale: float, flags: Sequence[str]
) -> dict[str, Any]:
    """The row of an image in images.csv."""
    row = {
        "image": item.name, "file": item.file, "page": item.page, "group": item.group, "rows": item.source.size[0],
        "columns": item.source.size[1], "channels": channels,
        "pixel_size_um": "" if item.pixel_size is None else item.pixel_size, "scale": scale, "cells": len(cells),
    }  # fmt: skip
    row |= {f"n_{name}": int((cells["class"] == value).sum()) for value, name in enumerate(class_names) if value}
    return row | {"flags": ";".join(dict.fromkeys(flags))}


def write_cells(out: Path, parts: Sequence[Path], channels: int, in_micrometres: bool) -> None:
    """Join the tables of all images to cells.csv and cells.parquet, one image in memory at a time.

    Both come from the same files, so that they hold the same numbers, those of a run that was interrupted too.
    """
    names = columns(channels, in_micrometres)
    schema = pa.schema([(name, _type_of(name)) for name in names])
    with (
        written_whole(out / "cells.csv") as text,
        written_whole(out / "cells.parquet") as table,
        open(text, "w", encoding="utf-8", newline="") as file,
        pq.ParquetWriter(table, schema) as writer,
    ):
        csv.writer(file, lineterminator="\n").writerow(names)
        for rows in _tables(parts, names):
            rows.to_csv(file, index=False, header=False, lineterminator="\n", float_format="%.9g")
            writer.write_table(pa.Table.from_pandas(rows, schema=schema, preserve_index=False))


def _tables(parts: Sequence[Path], names: Sequence[str]) -> Iterator[pd.DataFrame]:
    for part in parts:
        rows = read_table(part, dtype=CELL_WORDS).reindex(columns=list(names))
        texts = {name: rows[name].fillna("") for name in CELL_WORDS}
        numbers = {name: rows[name].astype(float) for name in names if _type_of(name) == pa.float64()}
        yield rows.assign(**texts, **numbers)


def _type_of(name: str) -> pa.DataType:
    if name in CELL_WORDS:
        return pa.string()
    if name == "touches_border":
        return pa.bool_()
    return pa.int64() if name in WHOLE else pa.float64()
