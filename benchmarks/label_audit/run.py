"""Does the label audit find swapped class labels? 3 % of the cells of simulated frames get another class in all labels.

    python benchmarks/label_audit/run.py [--sets kinds types] [--draws 3] [--out FILE]

Frames are simulated, labels swapped at random, folds drawn by frame, a model trained on each fold's swapped labels and
asked about the held-out frames, all by the project's own commands; then every labelled cell is ranked. Printed and
written, per set and draw: the average precision of the list's order, beside that of two other orders and of chance;
the share of swapped labels among the first k of the list, k their number; what confident learning expects. Rows of
other sets and draws that FILE holds stay.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from hemoseg.__main__ import main as hemoseg
from hemoseg.data.samples import from_arrays, to_arrays
from hemoseg.metrics.label_classes import of_classes, thresholds
from hemoseg.metrics.label_errors import SURE
from hemoseg.steps.files import read_arrays, read_json, write_arrays, write_json
from hemoseg.steps.label_audit import cells_of
from hemoseg.steps.restore import predictions_of
from hemoseg.tables.label_audit import audited, average_precision, expected

OUT = Path(__file__).parents[1] / "results" / "label_audit.json"
SHARE = 0.03  # of the cells whose label is swapped
TRAIN = {  # params.yaml, but for steps and rotation
    "batch_size": 5, "learning_rate": 0.002, "weight_decay": 0.00000001, "validate_every": 50, "loss": "cross_entropy",
    "imbalance": "none", "normalise": "training_set", "precision": "32-true", "keep": "last",
    "augment": {"flip": True, "rotate": 180},
}  # fmt: skip
UNET = {"network": "unet", "network_settings": {"width": 8, "levels": 3, "head": "last"}}
FOREST = {"network": "pixel_forest", "network_settings": {"trees": 30, "scales": [1.0, 3.5, 10.0], "strokes": 6}}
# Red cells and macrophages, unstained; eight types of stained red cells in scd2020's four classes.
TYPES = {
    "class1": ["discocyte", "oval"],
    "class2": ["elongated", "sickle"],
    "class3": ["granular"],
    "class4": ["reticulocyte", "stomatocyte", "echinocyte"],
}
KINDS = {
    "kind": "cell_kinds", "rbc": 0, "macrophage": 0, "mixed": 48, "parts": [48, 0, 0], "height": 128, "width": 128,
    "pixel_size_um": 0.5, "crops": 6, "field": [1500, 2000],
}  # fmt: skip
SMEAR = {"kind": "smear", "frames": 200, "height": 96, "width": 96, "diameter": 34, "cells": 3, "margin": [0, 0]}
SETS = {
    "small": {  # seconds; what the tests run
        "simulate": KINDS | {"mixed": 12, "parts": [12, 0, 0], "cells": {"mixed": [24, 12]}},
        "prepare": {},
        "model": FOREST,
    },
    "kinds": {"simulate": KINDS, "prepare": {}, "model": UNET | {"train": TRAIN | {"steps": 300}}},
    "types": {
        "simulate": SMEAR,
        "prepare": {"classes": TYPES},
        "model": UNET | {"train": TRAIN | {"steps": 600, "imbalance": "class_weights"}},
    },
}


def planted(samples, rng, share=SHARE):
    """Samples with the class of some cells swapped for another, and which: (frame, cell)."""
    cells = [(i, cell) for i, labels in enumerate(samples.instances) for cell in np.unique(labels)[1:]]
    chosen = rng.choice(len(cells), max(round(share * len(cells)), 1), replace=False)
    classes, n_classes = [one.copy() for one in samples.classes], len(samples.class_names) - 1
    for i, cell in (cells[k] for k in chosen):
        own = samples.instances[i] == cell
        now = int(np.bincount(classes[i][own]).argmax())
        classes[i][own] = (now - 1 + rng.integers(1, n_classes)) % n_classes + 1
    return replace(samples, classes=classes), {(samples.frames[cells[k][0]], int(cells[k][1])) for k in chosen}


def judged(folder, samples, model, folds, seed):
    """Out-of-fold predictions of all samples, in files."""
    path, splits = str(folder / "samples.npz"), str(folder / "splits.csv")
    write_arrays(path, **to_arrays(samples))
    split = {"protocol": "folds", "folds": folds, "by": "frame", "validation": 0, "seed": seed, "leakage": "report"}
    notes = str(folder / "splits.json")
    run("split", "--settings", json.dumps(split), "--samples", path, "--out", splits, "--notes", notes)
    files = []
    for fold in range(1, folds + 1):
        told = ["--samples", path, "--splits", splits, "--split", f"fold{fold}"]
        trained, said = folder / f"model{fold}", folder / f"fold{fold}" / "predictions.npz"
        settings = json.dumps({"model": "judge", "train": TRAIN} | model)
        places = ["--out", str(trained), "--resume", str(folder / "resume")]
        run("train", "--settings", settings, *told, "--seed", str(seed), *places, "--device", "cpu")
        run("predict", "--settings", "{}", *told, "--model", str(trained), "--out", str(said), "--device", "cpu")
        files.append(str(said))
    return files


def run(*words):
    """A step of the project; what it refuses ends the benchmark."""
    if hemoseg(list(words)):
        sys.exit(f"hemoseg {words[0]} failed")


def scored(samples, swapped, files):
    """How well three orders of the labelled cells find the swapped ones."""
    labelled, found = cells_of(samples, predictions_of(files, samples, "samples"), "samples")
    table = audited(labelled, found, samples.class_names)
    table = table[table["problem"] == "wrong_class"].set_index(["frame", "cell"])["score"]
    keys = list(zip(labelled["frame"], labelled["cell"].astype(int), strict=True))
    wrong = np.array([key in swapped for key in keys])
    ours = np.array([table.get(key, 0.0) for key in keys])  # 0: the model sees no cell there
    own = labelled["class"].to_numpy(int)
    means = labelled[[f"p_{c}" for c in range(len(samples.class_names))]].to_numpy()
    there = means[:, 0] < SURE
    first = np.argsort(-ours, kind="stable")[: wrong.sum()]
    told, judged_cells = expected(labelled, len(samples.class_names))
    right = ~wrong & there
    return {
        "cells": len(labelled),
        "swapped": int(wrong.sum()),
        "average_precision": average_precision(ours, wrong),
        "by_margin": average_precision(margin(means[:, 1:], own) * there, wrong),
        "by_adjusted_margin": average_precision(adjusted(of_classes(means), own) * there, wrong),
        "chance": float(wrong.mean()),
        "found_among_first": float(wrong[first].mean()),
        "expected_wrong": told,
        "judged": judged_cells,
        "right_labels_agreed": float((means[right, 1:].argmax(axis=1) + 1 == own[right]).mean()),
    }


def margin(probability, label):
    """The best other class before the label's, mapped to [0, 1]."""
    rows, others = np.arange(len(label)), probability.copy()
    others[rows, label - 1] = -np.inf
    return (1 + others.max(axis=1) - probability[rows, label - 1]) / 2


def adjusted(probability, label):
    """The margin with each class raised by what its mean self-confidence lacks to the surest class's."""
    lacks = thresholds(probability, label)
    raised = probability + lacks.max() - lacks
    return margin(raised / raised.sum(axis=1, keepdims=True), label)


def one(name, seed, folds=3):
    """A set with one draw of swapped labels."""
    told = SETS[name]
    with tempfile.TemporaryDirectory() as made:
        folder, begin = Path(made), time.perf_counter()
        run("simulate", "--settings", json.dumps(told["simulate"]), "--seed", str(seed), "--out", str(folder / "data"))
        clean = str(folder / "clean.npz")
        run("prepare", "--settings", json.dumps(told["prepare"]), "--data", str(folder / "data"), "--out", clean)
        samples, swapped = planted(from_arrays(read_arrays(clean)), np.random.default_rng(seed))
        found = scored(samples, swapped, judged(folder, samples, told["model"], folds, seed))
    return {"set": name, "seed": seed} | found | {"seconds": time.perf_counter() - begin}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["kinds", "types"], choices=list(SETS))
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    machine = {"processor": platform.machine(), "python": platform.python_version(), "torch": torch.__version__}
    rows = {(row["set"], row["seed"]): row for row in read_json(args.out)["rows"]} if args.out.exists() else {}
    for name in args.sets:
        for seed in range(args.draws):
            row = rows[name, seed] = one(name, seed)
            print(
                {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}, flush=True
            )
            write_json(args.out, {"share": SHARE, "rows": list(rows.values()), "machine": machine})
    table = pd.DataFrame(list(rows.values())).drop(columns=["seed", "seconds"])
    print(table.groupby("set", sort=False).mean(numeric_only=True).round(3).T.to_string())


if __name__ == "__main__":
    main()
