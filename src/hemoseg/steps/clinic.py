"""Make the clinic's tables from measured cells: counts, density, shape and shares of classes per frame and patient."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hemoseg.errors import InputError
from hemoseg.metrics.counting import SHAPES, Counted, counted
from hemoseg.steps import arguments, files
from hemoseg.tables.clinic import frame_table, patient_table

TEXTS = dict.fromkeys(
    ("side", "sample", "frame", "group", "clusters", "class_name", "border", "measure", "class", "unit"), str
)

# What is made of cells.csv and frames.csv of the step measure.
OF_CELLS = ("side", "frame", "group", "class", "class_name", *SHAPES, "border", "ignored", "hosted")
OF_FRAMES = ("frame", "group", "field", "pixel_size_um", "truth")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the step."""
    parser = arguments.parser("clinic", __doc__)
    parser.add_argument("--settings", type=arguments.settings, required=True, help="border, min_area_share, level")
    parser.add_argument("--measured", type=Path, required=True, help="folder that the step measure wrote")
    parser.add_argument("--frames", required=True, help="output, a row per frame, measure and class")
    parser.add_argument("--patients", required=True, help="output, a row per patient, measure and class")
    args = parser.parse_args(argv)
    found = read_counted(args.measured, args.settings)
    tables = frame_table(found), patient_table(found)
    for path, table in zip((args.frames, args.patients), tables, strict=True):
        files.write_table(path, table)


def read_counted(folder: Path, settings: dict[str, Any]) -> Counted:
    """The measured cells with the rule that says which of them count.

    Raises:
        InputError: a file is absent or damaged, or a setting makes no sense.
    """
    cells, frames = read(folder / "cells.csv", OF_CELLS), read(folder / "frames.csv", OF_FRAMES)
    if frames.empty:
        raise InputError(f"{folder / 'frames.csv'}: names no frame; run `measure` again")
    facts = files.read_json(folder / "facts.json", needs=("classes", "info"))
    return counted(cells, frames, facts["classes"], settings)


def read(path: Path, needs: Iterable[str] = ()) -> pd.DataFrame:
    """A table of this step or of measure, with names as text whatever they look like.

    Raises:
        InputError: the file is absent or damaged, or lacks one of the columns that it ``needs``.
    """
    table = files.read_table(path, needs, dtype=TEXTS)
    return table.fillna({name: "" for name in ("frame", "group", "unit", "clusters") if name in table})
