"""What `evaluate` wrote of one run, read for tables."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hemoseg.errors import InputError
from hemoseg.metrics.surfaces import Surfaces
from hemoseg.steps.files import read_arrays, read_table
from hemoseg.steps.run_names import parse_run
from hemoseg.tables.column import Run

TEXTS = dict.fromkeys(("sample", "frame", "group", "kind", "class_name", "side", "hausdorff_case"), str)
# Of the columns that `evaluate` writes those that tables are made of; besides, one of each class.
OF_PIXELS = ("sample", "frame", "group", "kind", "class", "class_name", "tp", "fp", "fn", "tn")
OF_PIXELS += ("diagonal", "tolerance", "nll", "squared_error", *Surfaces._fields)
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
    return replace(run, **_read_histograms(folder / "histograms.npz", run))


def _read_histograms(path: Path, run: Run) -> dict[str, np.ndarray | None]:
    """What the file holds of each sample, by the attribute of `Run`; None where there are no probabilities."""
    classes, samples, arrays = len(run.class_names), len(run.samples), read_arrays(path)
    found = {}
    for name, shape in (("counts", (classes, 2)), ("reliability", (classes + 1, 3))):
        binned = arrays.get(name, np.zeros(0))
        if binned.ndim != 4 or binned.shape[1:3] != shape:
            raise InputError(f"{path}: no {name} of {classes} classes; run evaluate again")
        if len(binned) not in (0, samples):
            raise InputError(f"{path}: {name} of {len(binned)} of {samples} samples; run evaluate again")
        found[name] = binned if len(binned) else None
    return {"image_histograms": found["counts"], "image_reliability": found["reliability"]}
