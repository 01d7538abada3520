"""How often two models that differ only by noise are called different, and how often intervals hold the truth.

    python benchmarks/statistics/run.py [repeats]

Simulated smears are segmented by stand-ins for models: the truth with every cell moved by up to two pixels, some cells
missed and some made up. How many depends on the model's form on a patient (`alike`: on an image), which is drawn anew
for every model, patient and repeat, so that no model is better than another. In ``hidden`` the patients are not told:
images of a patient are then taken for independent, and the tests are wrong, as anyone's would be. In ``better`` one
model misses fewer cells.

Folds share training images, which no images of one test set can show; ``folds`` holds numbers only: what a training
image teaches a model is noise too, more or less than in testing, and the plain t-test is beside the corrected one.

Writes benchmarks/results/statistics.csv: share of the repeats in which p < 0.05, or in which the 95 % interval does
not hold the truth, and ``most``, what 99 of 100 such series of repeats stay below where the nominal 0.05 is true.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from hemoseg.metrics import paired, pixels
from hemoseg.metrics.cells import Truth, cell_facts
from hemoseg.simulation.smear import simulate_frame
from hemoseg.tables.column import Run
from hemoseg.tables.differences import differences
from hemoseg.tables.table import plan, tabulate
from hemoseg.tables.uncertainty import drawn, intervals

OUT = Path(__file__).parents[1] / "results" / "statistics.csv"
FRAME = {"height": 96, "width": 96, "cells": 8, "diameter": 22, "artefacts": 0, "margin": [0, 0]}
FRAMES, TIMES = 40, 4  # simulated frames, and how often each is segmented in each form
FORMS = (0.0, 0.08, 0.2, 0.4)  # share of the cells that is missed
PATIENTS, IMAGES = 8, 5  # of a test set; 8 patients are few, as in our data sets
TRAINING = (0.0, 0.25, 1.0, 4.0)  # noise of training over noise of testing, where folds share training images
LEVEL, REPEATS = 0.05, 200
COLUMNS = {"dice": "Dice", "mean_iu": "pooled IoU", "f1_50": "F1 of cells"}
PLAN = plan({"table": "noise", "rows": {"a": "A", "b": "B"}, "columns": COLUMNS, "average": "per_image"})
TESTS = ("p_wilcoxon", "p_permutation")
NO_CELLS = pd.DataFrame(columns=["side", "cell"])


@dataclass(frozen=True)
class Pool:
    """Counts of every frame in every form, ``TIMES`` times: ``entries`` ``(FORMS, FRAMES, TIMES)`` number them."""

    pixels: list[pd.DataFrame]
    cells: list[pd.DataFrame]
    entries: np.ndarray

    def run(self, model, chosen, groups):
        """A run whose images are entries of the pool, of the given groups."""
        names = [f"s{number:03d}" for number in range(len(chosen))]
        both = [
            pd.concat([side[entry].assign(sample=name) for entry, name in zip(chosen, names, strict=True)])
            for side in (self.pixels, self.cells)
        ]
        group = dict(zip(names, groups, strict=True))
        facts = both[0].assign(frame=both[0]["sample"], group=both[0]["sample"].map(group))
        return Run(model, "fixed", 0, facts, both[1])


def segmented(rng, truth, missed):
    """The truth with cells moved, missed with a probability, and made up."""
    found, side = np.zeros_like(truth), truth.shape[0]
    for cell in range(1, truth.max() + 1):
        if rng.random() < missed:
            continue
        rows, columns = (axis + rng.integers(-2, 3) for axis in np.nonzero(truth == cell))
        inside = (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
        found[rows[inside], columns[inside]] = cell
    if rng.random() < 0.3:
        row, column = rng.integers(0, side - 16, 2)
        found[row : row + 16, column : column + 16] = truth.max() + 1
    return found


def counted(truth, found):
    """Rows of pixels.csv and cells.csv of one image, as `evaluate` makes them."""
    valid = np.ones(truth.shape, bool)
    classes = [np.uint8(side > 0) for side in (truth, found)]
    matrix = pixels.confusion(*classes, valid, 2)
    told = {"n_classes": 2, "min_area": 20, "gap_cap": 3}
    sides = cell_facts(Truth(truth, classes[0], valid), found, classes[1], **told)
    named = pd.DataFrame({"class": [0, 1], "class_name": ["background", "cell"], "kind": "", **pixels.counts(matrix)})
    facts = [pd.DataFrame({"side": side, "gap_cap": 3, **one}) for side, one in zip(("gt", "pred"), sides, strict=True)]
    return named, pd.concat(facts, ignore_index=True)


def pool(rng):
    """Every frame in every form."""
    truths = [simulate_frame(FRAME, seed=7, index=index).instances for index in range(FRAMES)]
    order = [(form, truth) for form in FORMS for truth in truths for _ in range(TIMES)]
    rows = [counted(truth, segmented(rng, truth, form)) for form, truth in order]
    return Pool(*zip(*rows, strict=True), np.arange(len(rows)).reshape(len(FORMS), FRAMES, TIMES))


def drawn_runs(rng, whole, scenario):
    """Two models on one test set."""
    patients = np.repeat(np.arange(PATIENTS), IMAGES)
    frames = rng.integers(0, FRAMES, patients.size)
    groups = [""] * patients.size if scenario in ("alike", "hidden") else [f"p{p}" for p in patients]
    runs = []
    for model in PLAN.rows:
        size = patients.size if scenario == "alike" else PATIENTS
        forms = rng.integers(0, len(FORMS) - 2 * (scenario == "better" and model == "b"), size)
        forms = forms if scenario == "alike" else forms[patients]
        times = rng.integers(0, TIMES, patients.size)
        runs.append(whole.run(model, whole.entries[forms, frames, times], groups))
    return runs


def of_scenario(rng, whole, scenario, repeats):
    """Lines of a scenario: for each column, each test and both intervals."""
    every = whole.run("a", whole.entries.ravel(), [""] * whole.entries.size)
    truth = tabulate(PLAN, [every]).query("row == 'a'").set_index("column")["mean"]
    found = []
    for _ in range(repeats):
        runs = drawn_runs(rng, whole, scenario)
        draws = drawn(PLAN, runs)
        lines = differences(PLAN, runs, draws).set_index("column")
        own = intervals(PLAN, runs, draws).query("row == 'a'").set_index("column")
        outside = pd.DataFrame({"interval of the difference": (lines["low"] > 0) | (lines["high"] < 0)})
        outside = outside.assign(**{name: lines[name] < LEVEL for name in TESTS})
        found.append(outside.assign(**{"interval of a mean": (own["low"] > truth) | (own["high"] < truth)}))
    shares = pd.concat(found).groupby(level="column", sort=False).mean().stack()
    return [told | {"scenario": scenario} for told in lines_of(shares, repeats)]


def of_folds(rng, training, repeats, images=60, folds=5):
    """Lines of t-tests over folds, plain and corrected, of numbers whose folds share training images.

    ``training``: variance of what a fold's training images teach a model, over that of the fold's test images.
    """
    fold, p = np.arange(images) % folds, []
    size = np.sqrt(training * folds * (1 - 1 / folds))  # of what one training image teaches
    for _ in range(repeats):
        taught, scores = rng.normal(size=(2, images)) * size, rng.normal(size=(2, images))
        numbers = [[taught[m, fold != k].mean() + scores[m, fold == k].mean() for k in range(folds)] for m in (0, 1)]
        p.append([paired.corrected_resampled_t(np.subtract(*numbers), share) for share in (0, 1 / (folds - 1))])
    names = pd.MultiIndex.from_product([[f"training / test {training:g}"], ["plain t over folds", "p_fold_t"]])
    shares = pd.Series((np.array(p) < LEVEL).mean(axis=0), names)
    return [told | {"scenario": "folds"} for told in lines_of(shares, repeats)]


def lines_of(shares, repeats):
    most = stats.binom.ppf(0.99, repeats, LEVEL) / repeats
    told = {"repeats": repeats, "most": most}
    return [{"column": c, "test": test, "share": share} | told for (c, test), share in shares.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repeats", type=int, nargs="?", default=REPEATS, help="of each scenario; ten times for folds")
    repeats = parser.parse_args().repeats
    whole, rng = pool(np.random.default_rng(0)), np.random.default_rng(1)
    lines = [line for training in TRAINING for line in of_folds(rng, training, 10 * repeats)]
    for number, scenario in enumerate(("alike", "patients", "hidden", "better")):
        lines += of_scenario(np.random.default_rng([2, number]), whole, scenario, repeats)
        print(pd.DataFrame(lines).query("scenario == @scenario").to_string(index=False), flush=True)
    order = ["scenario", "column", "test", "share", "most", "repeats"]
    pd.DataFrame(lines)[order].to_csv(OUT, index=False, float_format="%.4g", lineterminator="\n")


if __name__ == "__main__":
    main()
