"""A tiny real run of an experiment's settings: simulated frames to counts, with predictions that err in every way."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from plan import merged, resolve
from scipy import ndimage

from hemoseg.data import predictions as prediction_files
from hemoseg.data import samples as sample_files
from hemoseg.data.predictions import Predictions
from hemoseg.steps import evaluate, files, prepare, simulate, split, tabulate

REPOSITORY = Path(__file__).parents[3]
SEEDS = (0, 1)
# Columns that the papers' tables lack, so that every column is held once.
MORE = {"loss": "Loss", "precision": "P", "recall": "R", "hausdorff_undefined": "HU", "pixel_error": "PE"}
MORE |= {"missed": "FN", "spurious": "FP", "accuracy": "A", "cells": "T", "merged_cells": "MC", "auc": "AUC"}
MORE |= {"incomplete_missed": "IM", "wrong_type": "WT", "two_types": "TT", "rmse": "RMSE"}
MORE |= {"count_mae": "MAE", "count_bias": "B", "jaccard_above": "JA"}
MORE |= {"hausdorff_95": "HD95", "assd": "ASSD", "masd": "MASD", "nsd": "NSD", "boundary_f1": "BF1"}
MORE |= {"specificity": "S", "brier": "BS", "brier_class": "BC", "ece": "ECE", "ece_class": "EC"}
MORE |= {
    "average_precision": "AP",
    "counted": "C",
    "counted_true": "CT",
    "count_ratio": "CR",
    "mean_iu": "mIoU",
    "fw_iou": "FWIoU",
}


def settings_of(name):
    """The experiment's own settings, smaller, with more columns."""
    params = [yaml.safe_load((REPOSITORY / path).read_text()) for path in ("params.yaml", "tests/params.yaml")]
    config = merged(*params)
    few = {"frames": 4, "cells": 14, "diameter": 40}
    config["datasets"] = {key: merged(value, {"simulate": few}) for key, value in config["datasets"].items()}
    experiment = config["experiments"][name]
    experiment["prepare"] = experiment.get("prepare", {}) | {"size": [80, 80]}
    more = {"columns": MORE, "thresholds": {"jaccard_above": 0.6}}
    experiment["tabulate"] = merged(experiment.get("tabulate", {}), more)
    plan = resolve(config)
    return plan["datasets"][plan["experiments"][name]["dataset"]], plan["experiments"][name]


def seen(classes, instances, rng):
    """Class map, cells and probabilities of a method that errs in every way."""
    count = int(classes.max(initial=0)) + 1
    pred = classes.copy()
    for cell in np.unique(instances[instances > 0]):
        where, fate = instances == cell, rng.random()
        if fate < 0.15:
            pred[where] = 0
        elif fate < 0.35:
            pred[where] = rng.integers(1, count) if count > 1 else 1
        elif fate < 0.6:
            pred[where & (np.indices(where.shape)[0] < np.nonzero(where)[0].mean())] = rng.integers(0, count)
    pred = np.roll(pred, rng.integers(-2, 3, 2), (0, 1))
    row, column = rng.integers(0, 70, 2)
    pred[row : row + 8, column : column + 8] = rng.integers(1, max(count, 2))
    return pred, ndimage.label(pred > 0, np.ones((3, 3)))[0]


def probability_of(pred, count, rng):
    logits = 3.0 * np.stack([ndimage.uniform_filter((pred == c).astype(float), 5) for c in range(count)])
    logits += rng.normal(0, 0.7, logits.shape)
    return np.exp(logits) / np.exp(logits).sum(axis=0)


def write_run(folder, samples, ids, with_probability, rng):
    part, count = samples.take(samples.index(ids)), len(samples.class_names)
    pairs = [seen(*pair, rng) for pair in zip(part.classes, part.instances, strict=True)]
    planes = [probability_of(pred, count, rng) for pred, _ in pairs] if with_probability else []
    said = Predictions(ids, planes, [pred for pred, _ in pairs], [cells for _, cells in pairs])
    files.write_arrays(folder / "predictions.npz", **prediction_files.to_arrays(said))


@pytest.fixture(scope="module", params=["scd2020_binary", "scd2020_multiclass", "scd2018_classification"])
def made(request, tmp_path_factory):
    """Name and settings of an experiment, what `evaluate` wrote of each run, and the folder of its tables."""
    name, root = request.param, tmp_path_factory.mktemp("numbers")
    dataset, experiment = settings_of(name)
    shared = {key: str(root / file) for key, file in (("samples", "samples.npz"), ("splits", "splits.csv"))}
    simulate.main(
        ["--settings", json.dumps(dataset["simulate"]), "--seed", str(dataset["seed"]), "--out", str(root / "data")]
    )
    told = json.dumps(experiment["prepare"] | {"labels": "truth"})
    prepare.main(["--settings", told, "--data", str(root / "data"), "--out", shared["samples"]])
    notes = ["--out", shared["splits"], "--notes", str(root / "splits.json")]
    split.main(["--settings", json.dumps(experiment["split"]), "--samples", shared["samples"], *notes])
    samples = sample_files.from_arrays(files.read_arrays(shared["samples"]))
    roles = pd.read_csv(shared["splits"], dtype=str)
    models = list(experiment["models"])[-3:]
    runs = {}
    for number, (model, part, seed) in enumerate(product(models, experiment["split_names"], SEEDS)):
        folder = runs[model, part, seed] = root / model / part / str(seed)
        ids = list(roles["sample"][(roles["split"] == part) & (roles["role"] == "test")])
        write_run(folder, samples, ids, model != models[0], np.random.default_rng(number))
        argv = ["--settings", json.dumps(experiment["evaluate"]), "--split", part]
        argv += [f"--{key}={path}" for key, path in shared.items()] + [f"--predictions={folder}/predictions.npz"]
        argv += [f"--{what}={folder}/{what}.{end}" for what, end in (("pixels", "csv"), ("cells", "csv"))]
        evaluate.main([*argv, f"--histograms={folder}/histograms.npz"])
    rows = {model: experiment["models"][model]["label"] for model in models}
    told = {"table": name, "rows": rows, "families": experiment["families"]} | experiment["tabulate"]
    argv = ["--settings", json.dumps(told), "--published", str(REPOSITORY / f"reports/published/{name}.csv")]
    argv += [f"--{what}={root}/t.{what}" for what in ("markdown", "metrics")] + [f"--out={root}/t.csv"]
    for (model, part, seed), folder in runs.items():
        argv += ["--run", f"model={model},split={part},seed={seed},folder={folder}"]
    tabulate.main(argv)
    return name, list(experiment["tabulate"]["columns"]), runs, root
