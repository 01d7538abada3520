"""Make the clinic's tables from measured cells: counts, density, shape and shares of classes per frame and patient."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hemoseg.metrics.counting import Counted, counted
from hemoseg.steps import arguments, files
from hemoseg.tables.clinic import frame_table, patient_table

TEXTS = dict.fromkeys(
    ("side", "sample", "frame", "group", "clusters", "class_name", "border", "measure", "class", "unit"), str
)


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
    cells = read(folder / "cells.csv").astype({"class": int})
    return counted(cells, read(folder / "frames.csv"), files.read_json(folder / "facts.json")["classes"], settings)


def read(path: Path) -> pd.DataFrame:
    """A table of this step or of measure, with names as text whatever they look like.

    Raises:
        InputError: the file is absent or damaged.
    """
    table = files.read_table(path, dtype=TEXTS)
    return table.fillna({name: "" for name in ("frame", "group", "unit", "clusters") if name in table})
