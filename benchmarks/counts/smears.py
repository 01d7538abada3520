"""The intervals of `hemoseg count` on simulated smears: images, a real segmentation, a learnt typing, cross-validation.

    python benchmarks/counts/smears.py [sets]

A set is a laboratory: 16 labelled patients of 6 frames and 44 more of 8 frames, whose mixes, stains and sizes of cells
differ as `simulation.patients` makes them. Cells are found by Otsu's threshold and a watershed, and typed by a linear
discriminant of their shape and brightness that was fitted to the labelled patients. The evidence is what a four-fold
cross-validation by patient says of that; counts of the 44 are corrected by it. The truth of a patient is the mix that
the simulation drew cells from, that of the fields at hand their true cells.

Writes benchmarks/results/counts_smears.json.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from hemoseg.labels.areas import compact
from hemoseg.labels.otsu import otsu_mask
from hemoseg.labels.watershed import distance_markers, split_at_markers
from hemoseg.metrics.cell_table import measure_cells
from hemoseg.metrics.cells import Truth, cell_facts
from hemoseg.metrics.detector import detector
from hemoseg.metrics.field_sampling import borrowed, sampling_of
from hemoseg.metrics.prevalence import Fields, drawn_fields, drawn_patient, interval
from hemoseg.simulation import optics
from hemoseg.simulation.patients import patient_of
from hemoseg.simulation.smear import CLASS_NAMES, check, draw_frame
from hemoseg.tables.count_intervals import evidence_fields, perfect
from hemoseg.tables.detector_errors import detector_errors

OUT = Path(__file__).parents[1] / "results" / "counts_smears.json"
SETTINGS = {
    "height": 300, "width": 360, "cells": 22, "diameter": 30, "artefacts": 3, "margin": [0, 0], "patients": 60,
    "patient_spread": 1.0, "channels": 3, "blur": 0.6,
}  # fmt: skip
LABELLED, LABELLED_FRAMES, FRAMES, FOLDS = 16, 6, 8, 4
# Elongated and sickle, and the other six; those told apart as three (round, sickled, other) are in `three`.
MIN_AREA = 60
SHAPES = ("eccentricity", "solidity", "form_factor")
SIZES = ("area_px", "major_axis_px", "minor_axis_px", "mean_intensity", "mean_intensity_0", "mean_intensity_2")


def frame_of(known, seed, patient, number):
    """True cells, true classes, found cells, and features of each found cell."""
    frame = draw_frame(known, seed, patient * 1000 + number, patient=patient)
    image = frame.image.transpose(2, 0, 1)
    mask = otsu_mask(image.mean(axis=0) / 255)
    parts = split_at_markers(mask, distance_markers(mask))
    area = np.bincount(parts.ravel())
    cells, _ = compact(np.where(area[parts] >= MIN_AREA, parts, 0))
    table = measure_cells(cells, (cells > 0).astype(np.uint8), image, class_names=["", "cell"])
    sizes = np.column_stack([table[name] / np.median(table[name]) for name in SIZES]) if len(table["id"]) else []
    features = np.column_stack([*(table[name] for name in SHAPES), sizes]) if len(table["id"]) else np.zeros((0, 9))
    return frame.instances, CLASS_OF[frame.classes], cells, features


def labels_of(frame):
    """True class of each found cell by the commonest of its pixels, 0 none."""
    _, classes, cells, features = frame
    votes = np.zeros((len(features) + 1, len(CLASSES) + 1), int)
    np.add.at(votes, (cells.ravel(), classes.ravel()), 1)
    return votes[1:].argmax(axis=1)


def fitted(frames):
    features, labels = np.concatenate([frame[3] for frame in frames]), np.concatenate([labels_of(f) for f in frames])
    return LinearDiscriminantAnalysis().fit(features[labels > 0], labels[labels > 0])


def typed(model, frame):
    """Class of each found cell, int ``(n,)``."""
    return model.predict(frame[3]) if len(frame[3]) else np.zeros(0, int)


def evidence_of(labelled):
    """Section ``errors`` of a cross-validation by patient; ``labelled`` are lists of frames by patient."""
    cells, pixels = [], []
    for fold in range(FOLDS):
        model = fitted([frame for p, frames in enumerate(labelled) if p % FOLDS != fold for frame in frames])
        for p in range(fold, len(labelled), FOLDS):
            for number, frame in enumerate(labelled[p]):
                named = {"sample": f"{p}_{number}", "frame": f"{p}_{number}", "group": f"p{p}", "min_area": MIN_AREA}
                classes = np.append(0, typed(model, frame))[frame[2]]
                truth = Truth(frame[0], frame[1], np.ones(frame[0].shape, bool))
                sides = cell_facts(truth, frame[2], classes, n_classes=4, min_area=MIN_AREA, gap_cap=3)
                cells += [pd.DataFrame({**named, "side": s, **f}) for s, f in zip(("gt", "pred"), sides, strict=True)]
                told = {"class": range(4), "class_name": ["background", *CLASSES], "pixels": frame[0].size}
                pixels.append(pd.DataFrame({**named, **told}))
    return detector_errors(pd.concat(cells, ignore_index=True), pd.concat(pixels, ignore_index=True))


def shares_of(known, seed, patient):
    """The mix that the patient's cells are drawn from."""
    own, _ = patient_of(known, optics.patient_stain(seed, patient), seed, patient)
    mix = np.array([own["frequencies"][name] for name in CLASS_NAMES])
    return np.bincount(CLASS_OF[1:] - 1, mix) / mix.sum()


def true_cells(frame):
    """Number of true cells of each class that count."""
    table = np.zeros((frame[0].max() + 1, 4), int)
    np.add.at(table, (frame[0].ravel(), frame[1].ravel()), 1)
    kinds = table[1:][table[1:].sum(axis=1) >= MIN_AREA].argmax(axis=1)
    return np.bincount(kinds, minlength=4)[1:]


def inside(draws, truth):
    low, high = interval(draws, 0.95)
    return (low - 1e-9 <= truth) & (truth <= high + 1e-9)


def of_set(seed):
    """Whether the intervals of each patient hold, and what the evidence was like."""
    known, rng = check(SETTINGS), np.random.default_rng(seed)
    patients = [
        [frame_of(known, seed, p, n) for n in range(LABELLED_FRAMES if p < LABELLED else FRAMES)] for p in range(60)
    ]
    labelled, others = patients[:LABELLED], patients[LABELLED:]
    errors = evidence_of(labelled)
    model, told = fitted([frame for frames in labelled for frame in frames]), detector(errors)
    counts = [np.array([np.bincount(typed(model, f), minlength=4)[1:] for f in frames]) for frames in others]
    area = np.full(FRAMES, float(patients[0][0][0].size))
    own = sampling_of(np.concatenate(counts), np.tile(area, len(others)), np.repeat(np.arange(len(others)), FRAMES))
    rows = []
    for p, (found, frames) in enumerate(zip(counts, others, strict=True)):
        fields, truth = Fields(found, area), np.sum([true_cells(frame) for frame in frames], axis=0)
        sampling = borrowed(own, evidence_fields(errors))
        shares, _ = drawn_patient(fields, told, sampling, rng, 2000)
        naive, _ = drawn_patient(fields, perfect(CLASSES), sampling, rng, 2000)
        there, mix = drawn_fields(fields, told, rng, 2000).astype(float), shares_of(known, seed, LABELLED + p)
        rows.append(
            {
                "share of the patient": inside(shares, mix), "as found": inside(naive, mix),
                "cells in these fields": inside(np.column_stack([there, there.sum(axis=1)]), np.append(truth, truth.sum())),
                "width of shares": np.subtract(*interval(shares, 0.95)[::-1]),
            }
        )  # fmt: skip
    return rows, errors, told


def main(sets):
    rows, seen = [], []
    for seed in range(sets):
        of, errors, told = of_set(seed)
        rows += of
        found = np.sum([frame["found"] for frame in errors["frames"]], axis=0) / told.truth[:, None]
        seen.append(found)
        print(seed, {name: np.mean([row[name] for row in of], axis=0).round(3).tolist() for name in of[0]}, flush=True)
        print(found.round(3).tolist(), told.truth.tolist(), told.between, flush=True)
    means = {name: np.mean([row[name] for row in rows], axis=0).round(4).tolist() for name in rows[0]}
    command = f"python benchmarks/counts/smears.py {sets}"
    result = {"command": command, "level": 0.95, "patients": len(rows), "classes": CLASSES}
    result |= {"width of shares": means.pop("width of shares"), "coverage": means}
    result |= {"found as, by true class": np.mean(seen, axis=0).round(4).tolist()}
    OUT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
