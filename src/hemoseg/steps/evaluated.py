"""What `evaluate` wrote of one run, read for tables."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hemoseg.errors import InputError
from hemoseg.steps.files import read_arrays, read_table
from hemoseg.steps.run_names import parse_run
from hemoseg.tables.column import Run

TEXTS = dict.fromkeys(("sample", "frame", "group", "kind", "class_name", "side", "hausdorff_case"), str)
# Of the columns that `evaluate` writes those that tables are made of; besides, one of each class.
OF_PIXELS = ("sample", "frame", "group", "kind", "class", "class_name", "tp", "fp", "fn", "tn")
OF_PIXELS += ("hausdorff", "diagonal", "nll")
OF_CELLS = (
    *("sample", "side", "cell", "class", "area", "counted", "min_area", "best_match", "iou"),
    *("covered", "host", "host_shared", "gap", "partner", "shared", "guests", "markers"),
    *("on_truth", "hosted", "on_small", "on_ignored"),
)


def read_run(text: str) -> Run:
    """One ``--run``: the counts of one model on one split with one seed.

    Raises:
        InputError: the text has another form, or its folder lacks a file.
    """
    model, split, seed, folder = parse_run("--run", text)
    pixels = read_table(folder / "pixels.csv", OF_PIXELS, dtype=TEXTS)
    given = [f"as_class_{c}" for c in sorted(set(pixels["class"]))]
    if missing := set(given) - set(pixels):
        raise InputError(f"{folder / 'pixels.csv'}: column {min(missing)!r} is missing; run evaluate again")
    of_classes = [f"{name}_class_{c}" for name in ("as", "p") for c in sorted(set(pixels["class"])) if c > 0]
    cells = read_table(folder / "cells.csv", (*OF_CELLS, *of_classes), dtype=TEXTS)
    run = Run(model, split, seed, pixels, cells)
    return replace(run, image_histograms=_read_histograms(folder / "histograms.npz", run))


def _read_histograms(path: Path, run: Run) -> np.ndarray | None:
    """Histograms of probability of each sample, int ``(N, classes, 2, bins)``; None where there are none."""
    classes = len(run.class_names)
    counts = read_arrays(path).get("counts", np.zeros(0))
    if counts.ndim != 4 or counts.shape[1:3] != (classes, 2):
        raise InputError(f"{path}: no histograms of {classes} classes; run evaluate again")
    if len(counts) not in (0, len(run.samples)):
        raise InputError(f"{path}: histograms of {len(counts)} of {len(run.samples)} samples; run evaluate again")
    return counts if len(counts) else None
