"""The intervals of `hemoseg count` on simulated smears: images, a real segmentation, a learnt typing, cross-validation.

    python benchmarks/counts/smears.py [set ...]

A set (a number, by which it is drawn) is a laboratory: 16 labelled patients of 6 frames and 44 more of 8 frames, whose
mixes, stains and sizes of cells differ as `simulation.patients` makes them. Cells are found by Otsu's threshold and a
watershed, and typed by a linear discriminant of their shape and brightness that was fitted to the labelled patients.
The evidence is what a four-fold cross-validation by patient says of that; counts of the 44 are corrected by it. The
truth of a patient is the mix that the simulation drew cells from, that of the fields at hand their true cells. Cells
are typed twice: as round or sickled, and as round, sickled or other, which this typing hardly tells from round ones.

Sets 0, 1, 3 and 4 were looked at while `rate_variation.PRIOR` was chosen (on run.py's scenarios); set 2 was not.

Writes benchmarks/results/counts_smears.json after every set; a run that was cut off goes on where it stopped.
"""

import argparse
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
from hemoseg.steps import files
from hemoseg.tables.count_intervals import evidence_fields, perfect
from hemoseg.tables.detector_errors import detector_errors

OUT = Path(__file__).parents[1] / "results" / "counts_smears.json"
SETTINGS = {
    "height": 300, "width": 360, "cells": 22, "diameter": 30, "artefacts": 3, "margin": [0, 0], "patients": 60,
    "patient_spread": 1.0, "channels": 3, "blur": 0.6,
}  # fmt: skip
LABELLED, LABELLED_FRAMES, FRAMES, FOLDS, DRAWS = 16, 6, 8, 4, 2000
PIXELS = SETTINGS["height"] * SETTINGS["width"]
# Class of each of the eight morphologies, background first: elongated and sickle are sickled.
TYPINGS = {
    "two classes": (["round", "sickled"], np.array([0, 1, 1, 1, 2, 1, 1, 1, 2])),
    "three classes": (["round", "sickled", "other"], np.array([0, 1, 1, 3, 2, 3, 3, 3, 2])),
}
MIN_AREA = 60
SHAPES = ("eccentricity", "solidity", "form_factor")
SIZES = ("area_px", "major_axis_px", "minor_axis_px", "mean_intensity", "mean_intensity_0", "mean_intensity_2")


def frame_of(known, seed, patient, number):
    """True cells, their morphologies, found cells, and features of each found cell."""
    frame = draw_frame(known, seed, patient * 1000 + number, patient=patient)
    image = frame.image.transpose(2, 0, 1)
    mask = otsu_mask(image.mean(axis=0) / 255)
    parts = split_at_markers(mask, distance_markers(mask))
    area = np.bincount(parts.ravel())
    cells, _ = compact(np.where(area[parts] >= MIN_AREA, parts, 0))
    table = measure_cells(cells, (cells > 0).astype(np.uint8), image, class_names=["", "cell"])
    if not len(table["id"]):
        return frame.instances, frame.classes, cells, np.zeros((0, len(SHAPES) + len(SIZES)))
    sizes = [table[name] / np.median(table[name]) for name in SIZES]
    return frame.instances, frame.classes, cells, np.column_stack([*(table[name] for name in SHAPES), *sizes])


class Typing:
    """Linear discriminant of found cells, each labelled as the commonest true pixel in it."""

    def __init__(self, class_of, frames):
        self.class_of = class_of
        features, labels = np.concatenate([frame[3] for frame in frames]), [self.labels(frame) for frame in frames]
        labels = np.concatenate(labels)
        self.model = LinearDiscriminantAnalysis().fit(features[labels > 0], labels[labels > 0])

    def labels(self, frame):
        """True class of each found cell, 0 none."""
        _, kinds, cells, features = frame
        votes = np.zeros((len(features) + 1, self.class_of.max() + 1), int)
        np.add.at(votes, (cells.ravel(), self.class_of[kinds].ravel()), 1)
        return votes[1:].argmax(axis=1)

    def __call__(self, frame):
        """Class of each found cell, int ``(n,)``."""
        return self.model.predict(frame[3]) if len(frame[3]) else np.zeros(0, int)

    def counts(self, frame):
        return np.bincount(self(frame), minlength=self.class_of.max() + 1)[1:]


def evidence_of(labelled, names, class_of):
    """Section ``errors`` of a cross-validation by patient; ``labelled`` are lists of frames by patient."""
    cells, pixels = [], []
    for p, frames in enumerate(labelled):
        typing = Typing(class_of, [f for q, other in enumerate(labelled) if q % FOLDS != p % FOLDS for f in other])
        for number, frame in enumerate(frames):
            named = {"sample": f"{p}_{number}", "frame": f"{p}_{number}", "group": f"p{p}", "min_area": MIN_AREA}
            truth = Truth(frame[0], class_of[frame[1]], np.ones(frame[0].shape, bool))
            classes, limits = np.append(0, typing(frame))[frame[2]], {"min_area": MIN_AREA, "gap_cap": 3}
            sides = cell_facts(truth, frame[2], classes, n_classes=len(names) + 1, **limits)
            cells += [pd.DataFrame({**named, "side": s, **f}) for s, f in zip(("gt", "pred"), sides, strict=True)]
            told = {"class": range(len(names) + 1), "class_name": ["background", *names], "pixels": frame[0].size}
            pixels.append(pd.DataFrame({**named, **told}))
    return detector_errors(pd.concat(cells, ignore_index=True), pd.concat(pixels, ignore_index=True))


def shares_of(known, seed, patient, class_of):
    """The mix that the patient's cells are drawn from."""
    own, _ = patient_of(known, optics.patient_stain(seed, patient), seed, patient)
    mix = np.array([own["frequencies"][name] for name in CLASS_NAMES])
    return np.bincount(class_of[1:] - 1, mix) / mix.sum()


def true_cells(frame, class_of):
    """Number of true cells of each class that count."""
    table = np.zeros((frame[0].max() + 1, class_of.max() + 1), int)
    np.add.at(table, (frame[0].ravel(), class_of[frame[1]].ravel()), 1)
    kinds = table[1:][table[1:].sum(axis=1) >= MIN_AREA].argmax(axis=1)
    return np.bincount(kinds, minlength=class_of.max() + 1)[1:]


def inside(draws, truth, *, share):
    low, high = interval(draws, 0.95, share=share)
    return (low - 1e-9 <= truth) & (truth <= high + 1e-9)


def of_typing(known, seed, patients, names, class_of):
    """Whether the intervals of each patient hold, and how classes were found in the evidence."""
    rng, labelled, others = np.random.default_rng(seed), patients[:LABELLED], patients[LABELLED:]
    errors = evidence_of(labelled, names, class_of)
    typing, told = Typing(class_of, [frame for frames in labelled for frame in frames]), detector(errors)
    counts, area = [np.array([typing.counts(f) for f in frames]) for frames in others], np.full(FRAMES, float(PIXELS))
    own = sampling_of(np.concatenate(counts), np.tile(area, len(others)), np.repeat(np.arange(len(others)), FRAMES))
    sampling, rows = borrowed(own, evidence_fields(errors)), []
    for p, (found, frames) in enumerate(zip(counts, others, strict=True)):
        fields, truth = Fields(found, area), np.sum([true_cells(frame, class_of) for frame in frames], axis=0)
        shares, _ = drawn_patient(fields, told, sampling, rng, DRAWS)
        naive, _ = drawn_patient(fields, perfect(names), sampling, rng, DRAWS)
        there = drawn_fields(fields, told, rng, DRAWS).astype(float)
        mix, there = shares_of(known, seed, LABELLED + p, class_of), np.column_stack([there, there.sum(axis=1)])
        rows.append({
            "share of the patient": inside(shares, mix, share=True), "as found": inside(naive, mix, share=True),
            "cells in these fields": inside(there, np.append(truth, truth.sum()), share=False),
            "width of shares": np.subtract(*interval(shares, 0.95, share=True)[::-1]),
        })  # fmt: skip
    return rows, np.sum([frame["found"] for frame in errors["frames"]], axis=0) / told.truth[:, None]


def of_set(seed):
    """Means over the patients of a set, of each typing."""
    known, told = check(SETTINGS), {}
    numbers = [LABELLED_FRAMES] * LABELLED + [FRAMES] * (SETTINGS["patients"] - LABELLED)
    patients = [[frame_of(known, seed, p, n) for n in range(number)] for p, number in enumerate(numbers)]
    for name, (classes, class_of) in TYPINGS.items():
        rows, found = of_typing(known, seed, patients, classes, class_of)
        told[name] = {key: np.mean([row[key] for row in rows], axis=0).round(4).tolist() for key in rows[0]}
        told[name]["found as, by true class"] = found.round(4).tolist()
    return told


def measure(sets):
    """Measure the sets that a run which was cut off has left; after a whole run, all of them anew."""
    told = json.loads(OUT.read_text()) if OUT.exists() else {}
    if not told.get("missing") or told["asked"] != sets:
        told = {"level": 0.95, "asked": sets, "missing": list(sets), "sets": {}}
    for seed in told["missing"].copy():
        told["sets"][str(seed)] = of_set(seed)
        told["missing"].remove(seed)
        print(seed, json.dumps(told["sets"][str(seed)]), flush=True)
        told["patients"] = len(told["sets"]) * (SETTINGS["patients"] - LABELLED)
        for name, (classes, _) in TYPINGS.items():
            rows = [of[name] for of in told["sets"].values()]
            means = {key: np.mean([row[key] for row in rows], axis=0).round(4).tolist() for key in rows[0]}
            told[name] = {"classes": classes, **means}
        files.write_json(OUT, told)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=int, nargs="*", default=list(range(5)), help="numbers of laboratories")
    measure(parser.parse_args().sets)


if __name__ == "__main__":
    main()
