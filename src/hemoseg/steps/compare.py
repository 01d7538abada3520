"""Compare folders of masks with the truth and each other: is A better than B on these images, and how sure is it.

Writes ``--out`` whole: ``compare.html``, the page, and beside it every number as CSV; `compare_arguments` names them.
"""

import argparse
import difflib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.steps import files, statistics
from hemoseg.steps.comparable import TOLD, Common, Labels, read_rival, read_truth
from hemoseg.steps.compare_arguments import parser
from hemoseg.steps.counting import Settings, count, read_settings, truths_of
from hemoseg.steps.folders import LABEL_FOLDERS
from hemoseg.steps.manifests import read_description, read_manifest
from hemoseg.steps.mask_folders import TRUTH, MaskFolder, matched, names_of, open_masks, read_groups, told_of_missing
from hemoseg.steps.mask_survey import BACKGROUND, Asked, survey
from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.comparison import columns, in_terminal
from hemoseg.tables.confusion import confusion
from hemoseg.tables.notes import notes
from hemoseg.tables.table import AVERAGE, Plan, plan, tabulate

MIN_AREA_SHARE = 0.1  # of the median true cell, as evaluate has it
SPLIT = "all"
KEPT = ("kinds", "class_names", "several_classes", "with_cells", "ignore", "sizes", "notices")  # for the page


@dataclass(frozen=True)
class Given:
    """What is compared: the folders, their images, what they have in common, and what else is known of the images."""

    truth: MaskFolder
    rivals: Sequence[MaskFolder]
    ids: Sequence[str]
    common: Common
    groups: Mapping[str, str]
    pixel_size: float
    min_area: float
    counting: Settings


def main(argv: list[str] | None = None) -> None:
    """Parse the arguments, count, write, print."""
    args = parser().parse_args(argv)
    with files.folder_written_whole(_free(args), files.has_marker(TOLD)) as out:
        given = read_given(args)
        for sentence in given.common.notices:
            print(f"hemoseg compare: {sentence}", file=sys.stderr)
        runs = counted(given)
        settings = table_settings(given, args.convention, args.columns)
        table_plan = plan(settings)
        table, explained = _write(out, table_plan, runs)
        made = statistics.write(table_plan, runs, out / "compare.statistics.json")
        files.write_json(out / TOLD, told(given, settings, _raw(args)))
        if not args.no_page:
            from hemoseg.steps import folder_page  # seconds of imports, which a table does not need

            folder_page.write("compare", out, settings["title"])
    print(in_terminal(table), *answers(made, explained["columns"], settings), sep="\n")
    print(f"{args.out}: {'compare.html and ' if not args.no_page else ''}tables; --help says which")


def _write(out: Path, table_plan: Plan, runs: Sequence[Run]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Write the table and what it is made from; the table and what its columns mean."""
    table = tabulate(table_plan, runs)
    explained = notes(table_plan, runs, table)
    files.write_table(out / "compare.csv", table)
    files.write_table(out / "compare.pixels.csv", _of_all(runs, "pixels"))
    files.write_table(out / "compare.cells.csv", _of_all(runs, "cells"))
    files.write_table(out / "compare.confusion.csv", confusion(table_plan, runs))
    files.write_json(out / "compare.conventions.json", explained)
    return table, explained


def answers(made: Mapping[str, pd.DataFrame], columns: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """Who is better than whom and how sure that is, as on the page's first screen."""
    from hemoseg.figures import compare_words  # a second of imports, which bad input does not need

    given = (columns, list(settings["rows"]), settings["baseline"])
    return compare_words.answers(made["intervals"], made["differences"], *given)


def _free(args: argparse.Namespace) -> Path:
    """The folder to write, if none of the given ones lies in it.

    Raises:
        InputError: one does, and would be replaced.
    """
    out = args.out.resolve()
    for path in (args.truth, *args.rivals, *filter(None, (args.groups, args.images))):
        if path.resolve().is_relative_to(out):
            raise InputError(f"--out {args.out}: {path} lies in it and would be replaced; choose another --out")
    return args.out


def _raw(args: argparse.Namespace) -> Path | None:
    """Folder of raw images, where one is given or lies beside the truth's labels."""
    beside = args.truth / "images"
    return args.images or (beside if beside.is_dir() else None)


def read_given(args: argparse.Namespace) -> Given:
    """Look over all folders; nothing is counted yet.

    Raises:
        InputError: a folder, an image or an option cannot be used.
    """
    _require_usable(args)
    truth = open_masks(args.truth, TRUTH, args.kind)
    names = names_of(args.rivals, args.names)
    rivals = [open_masks(path, name, args.kind) for path, name in zip(args.rivals, names, strict=True)]
    ids, rivals = matched(truth, rivals, args.missing)
    told = read_description(args.truth, {})
    asked = Asked(args.kind, args.class_names, args.ignore, args.cells_from_parts)
    common = survey(truth, rivals, ids, asked, [told.classes[c] for c in sorted(told.classes)])
    common = replace(common, notices=[*common.notices, *told_of_missing(truth, rivals, ids)])
    groups = read_groups(args.groups, ids) if args.groups else _groups_of(args.truth, truth, ids)
    pixel_size = args.pixel_size or told.pixel_size or float("nan")
    median = float(np.median(common.cell_areas)) if len(common.cell_areas) else 0.0
    min_area = MIN_AREA_SHARE * median if args.min_area is None else args.min_area
    return Given(truth, rivals, ids, common, groups, pixel_size, min_area, _counting(args, pixel_size))


def _require_usable(args: argparse.Namespace) -> None:
    """Refuse options that no folder makes right.

    Raises:
        InputError: an unknown column, a class name that stands twice, or no folder of images.
    """
    for key in args.columns:
        if key not in COLUMNS:
            close = difflib.get_close_matches(key, COLUMNS, n=1) or [", ".join(COLUMNS)]
            raise InputError(f"--columns: there is no {key!r}; did you mean {close[0]}?")
    for name in args.class_names:
        if args.class_names.count(name) > 1 or name in (BACKGROUND, AVERAGE):
            cause = "stands twice" if name not in (BACKGROUND, AVERAGE) else "is taken"
            raise InputError(f"--class-names: {name!r} {cause}; give each class a name of its own")
    if args.images and not args.images.is_dir():
        raise InputError(f"{args.images}: no such folder; correct --images, or leave it out")


def _counting(args: argparse.Namespace, pixel_size: float) -> Settings:
    """How boundaries are counted.

    Raises:
        InputError: a tolerance in micrometres without the size of a pixel.
    """
    if args.tolerance_um is None:
        return read_settings({"tolerance_px": args.tolerance})
    if np.isnan(pixel_size):
        raise InputError("--tolerance-um: the size of a pixel is not known; say --pixel-size, or --tolerance in pixels")
    return read_settings({"tolerance_px": args.tolerance, "tolerance_um": args.tolerance_um})


def _groups_of(path: Path, truth: MaskFolder, ids: Sequence[str]) -> dict[str, str]:
    """Groups by the truth's own manifest.csv, where it has one that knows the images."""
    if not (path / "manifest.csv").exists() or not any((path / part).is_dir() for part in LABEL_FOLDERS):
        return dict.fromkeys(ids, "")
    known = {entry.id: entry.group for entry in read_manifest(path, truth.files[next(iter(truth.files))])}
    return {name: known.get(name, "") for name in ids}


def counted(given: Given) -> list[Run]:
    """Counts of every rival on all images; one image is held at a time."""
    rows: dict[str, list[tuple[pd.DataFrame, pd.DataFrame]]] = {rival.name: [] for rival in given.rivals}
    for name in tqdm(given.ids, desc="compare", unit="image", disable=None):
        truth = read_truth(given.truth, name, given.common)
        samples = _samples(given, name, truth)
        truths = truths_of(samples)
        for rival in given.rivals:
            said = read_rival(rival, name, given.common)
            pair = samples, Predictions([name], [], [said.classes], [said.instances])
            rows[rival.name].append(count(*pair, given.counting, given.min_area, truths)[:2])
    return [Run(name, SPLIT, 0, *map(_joined, zip(*tables, strict=True))) for name, tables in rows.items()]


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def _samples(given: Given, name: str, truth: Labels) -> Samples:
    """One image of the truth as `evaluate` counts it."""
    size = np.array([truth.classes.shape])
    return Samples(
        images=[np.zeros((1, 1, 1), np.uint8)],  # counts need labels alone
        classes=[truth.classes],
        instances=[] if truth.instances is None else [truth.instances],
        ids=[name],
        frames=[name],
        groups=[given.groups[name]],
        kinds=[""],
        boxes=np.concatenate([0 * size, size], axis=1),
        frame_sizes=size,
        class_names=list(given.common.class_names),
        white=255.0,
        pixel_size=given.pixel_size,
    )


def table_settings(given: Given, convention: str, chosen: Sequence[str]) -> dict[str, Any]:
    """Settings of the table, as `tables.table.plan` reads them."""
    common, names = given.common, [rival.name for rival in given.rivals]
    shown = columns(common.several_classes, common.with_cells, chosen)
    title = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    told = {"table": "compare", "title": f"{title} beside the truth", "rows": {name: name for name in names}}
    if common.several_classes and convention == "strict":  # which leaves the background out
        told["classes"] = [*common.class_names[1:], AVERAGE]
    return told | {"columns": shown, "convention": convention, "baseline": names[0]}


def told(given: Given, settings: Mapping[str, Any], images: Path | None) -> dict[str, Any]:
    """What was compared, for the page and for whoever finds the folder; paths as they were given."""
    folders = {
        folder.name: {
            "path": str(folder.path),
            "files": {part: {name: str(file) for name, file in of.items()} for part, of in folder.files.items()},
        }
        for folder in (given.truth, *given.rivals)
    }
    common = given.common
    facts = {"images": len(given.ids), "cells": len(common.cell_areas), "min_area": given.min_area}
    facts |= {"pixel_size": None if np.isnan(given.pixel_size) else given.pixel_size}
    facts |= {"tolerance_px": given.counting.tolerance_px, "tolerance_um": given.counting.tolerance_um}
    facts |= {"groups": len(set(given.groups.values()) - {""}), "raw": str(images) if images else None}
    alike = {name: getattr(common, name) for name in KEPT}
    return {"settings": settings, "facts": facts, "common": alike, "folders": folders}


def _of_all(runs: Sequence[Run], what: str) -> pd.DataFrame:
    return _joined([getattr(run, what).assign(row=run.model) for run in runs])
