"""Count the cells of segmented images: per image, patient and class, corrected for the model's errors, with intervals.

Reads a folder that `segment` wrote and the section ``errors`` of the model's ``evidence.json``, what cross-validation
saw it do; without it numbers are as found. Writes three files into --out, each whole:

* ``patients.csv`` and ``images.csv``: a row per patient or image, measure, target and class, see
  `hemoseg.tables.count_intervals`: ``found``, cells as the model found them; ``value``, corrected; ``low``, ``high``,
  the interval; of shares of a patient also ``fields_needed`` and ``cells_needed`` in all, with which four in five
  patients' half widths are at most --within, and ``floor``, the half width that the model's errors leave with any
  number of fields; ``notes``, words;
* ``facts.json``: what was counted by which rules, and what the words say.

Which cells count is as in the evidence: none below its least area. A cell at the upper or left border counts and one at
the lower or right border does not (``--border``), by the border that is nearest to its centre.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hemoseg.errors import InputError
from hemoseg.metrics.counting import RULES
from hemoseg.metrics.detector import Detector, detector
from hemoseg.metrics.field_sampling import Sampling
from hemoseg.steps import arguments, files
from hemoseg.steps.mask_folders import read_groups
from hemoseg.steps.model_evidence import beside_model, evidence_of
from hemoseg.steps.segmented import Segmented, read_segmented
from hemoseg.tables.count_intervals import NOTES, evidence_fields, image_counts, patient_counts
from hemoseg.tables.detector_errors import is_readable
from hemoseg.tables.field_cells import found_in
from hemoseg.tables.sickling import SEVERAL, WIDTH_OVER_LENGTH

MARKER = "facts.json"


def main(argv: Sequence[str] | None = None) -> None:
    """Run the step."""
    args = _parser().parse_args(argv)
    segmented = read_segmented(args.folder)
    images = _images(args, segmented)
    path = args.evidence or beside_model(segmented)
    errors = read_errors(path, segmented, needed=args.evidence is not None) if path else None
    asked = {"level": args.level, "within": args.within, "seed": args.seed, "border": args.border}
    least = errors["min_area"] if errors else 0.0
    notes = ("against_auto",) if errors and errors.get("against") == "auto" else ()
    found = found_in(segmented.cells, images, segmented.class_names[1:], min_area=least, notes=notes, **asked)
    known: Detector | None = detector(errors) if errors else None
    tables = {
        "patients": patient_counts(found, known, evidence_fields(errors) if errors else Sampling()),
        "images": image_counts(found, known),
    }
    facts = {
        "images": len(images), "left_out": len(segmented.images) - len(images), **asked, "least_area_px": least,
        "evidence": _told(errors, known), "sickling": {"width_over_length": WIDTH_OVER_LENGTH, "several": SEVERAL},
        "notes": NOTES, "use": "research use only",
    }  # fmt: skip
    with files.folder_written_whole(args.out, files.has_marker(MARKER)) as folder:
        for name, table in tables.items():
            files.write_table(folder / f"{name}.csv", table)
        files.write_json(folder / MARKER, facts)
    print(_summary(tables["patients"], args.out))


def _parser() -> argparse.ArgumentParser:
    parser = arguments.parser("count", __doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder that `hemoseg segment` wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for patients.csv, images.csv and facts.json")
    parser.add_argument(
        "--evidence", type=Path, help="a shared model, or its evidence.json; default: the model that segmented"
    )
    parser.add_argument("--groups", type=Path, help="CSV of columns image and group (patient), before the folder's own")
    parser.add_argument("--unflagged", action="store_true", help="leave out images that images.csv flags")
    parser.add_argument("--border", choices=list(RULES), default="counting_frame", help="which cells there count")
    parser.add_argument("--level", type=_share, default=0.95, help="of the intervals (0.95)")
    parser.add_argument("--within", type=_share, default=0.05, help="half width of shares that is asked for (0.05)")
    parser.add_argument("--seed", type=arguments.whole_from(0), default=0, help="of the draws")
    return parser


def _share(text: str) -> float:
    number = float(text)
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{text} does not lie between 0 and 1")
    return number


def _images(args: argparse.Namespace, segmented: Segmented) -> pd.DataFrame:
    """The images that are counted, with their patients."""
    images = segmented.images
    if args.groups:
        groups = read_groups(args.groups, images["file"].tolist())
        images = images.assign(group=[groups[file] for file in images["file"]])
    if args.unflagged:
        images = images[images["flags"] == ""]
    if images.empty:
        raise InputError(f"{args.folder}: every image is flagged; count without --unflagged, or take better images")
    return images


def read_errors(path: Path, segmented: Segmented, *, needed: bool) -> dict[str, Any] | None:
    """The section ``errors`` of the evidence; none where it has none and it is not ``needed``.

    Raises:
        InputError: it is damaged, or of a model with other classes.
    """
    errors = evidence_of(path).get("errors") or {}
    if not is_readable(errors):
        if needed:
            raise InputError(f"{path}: says nothing of errors per frame; make it anew with `share`, or do without it")
        return None
    if list(errors["classes"]) != segmented.class_names[1:]:
        raise InputError(
            f"{path}: is of a model of the classes {', '.join(errors['classes'])}, the images were segmented into "
            f"{', '.join(segmented.class_names[1:])}; give the evidence of that model"
        )
    return errors


def _told(errors: dict[str, Any] | None, known: Detector | None) -> dict[str, Any] | None:
    """What facts.json says of the evidence."""
    if not errors or not known:
        return None
    return {
        "frames": len(errors["frames"]), "patients": known.freedom + 1 if known.grouped else None,
        "cells": dict(zip(known.classes, known.truth.tolist(), strict=True)),
    }  # fmt: skip


def _summary(patients: pd.DataFrame, out: Path) -> str:
    """A line per patient and class with its share; with its number where there is a single class."""
    shown = patients[(patients["measure"] == "share") & (patients["target"] == "patient")]
    if shown.empty:
        shown = patients[patients["measure"] == "count"]
    lines = []
    for row in shown.to_dict("records"):
        ends = "" if pd.isna(row["low"]) else f"  [{row['low']:.3g}, {row['high']:.3g}]"
        lines.append(f"{row['group'] or 'all images':<16} {row['class']:<16} {row['value']:8.3g}{ends}")
    return "\n".join([*lines, f"{out}: patients.csv, images.csv, facts.json"])
