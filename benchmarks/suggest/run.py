"""Compare labels for the images that `hemoseg suggest` names with labels for images drawn at random.

    python benchmarks/suggest/run.py [--sets patients smear] [--strategies random gain] [--seeds 5] [--out FILE]

A pool of images, a test set apart from it, a few labelled images to begin with. In each round a U-Net is trained from
its beginning on what is labelled, looks at the rest of the pool, and the next images get their labels: by each of the
strategies of `hemoseg.data.acquisition`, and at random. Written per set, strategy, seed and number of labelled images:
the Dice per class over the pixels of all test images and its mean; printed: the mean over seeds with its spread, and
the paired difference from random with how many seeds were won; drawn beside FILE: the curves.
All strategies begin with the same images and the same weights. ``patients`` are simulated smears of patients who
differ, ``smear`` real ones (the folder smear under $HEMOSEG_REAL_DATA or data/). Rows of other sets and seeds that FILE
holds stay.
"""

import argparse
import json
import os
import platform
import shlex
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from hemoseg import models
from hemoseg.__main__ import main as hemoseg
from hemoseg.data.acquisition import STRATEGIES, suggest
from hemoseg.data.samples import IGNORE, from_arrays
from hemoseg.figures.style import figure
from hemoseg.inference.uncertainty import appearance, entropy, mirrored
from hemoseg.steps.files import read_arrays, read_json, write_json
from hemoseg.training.batches import Pool, measure_normalisation
from hemoseg.training.loop import Plan, Training

ROOT = Path(__file__).parents[2]
OUT = ROOT / "benchmarks" / "results" / "suggest.json"
TYPES = {
    "class1": ["discocyte", "oval"],
    "class2": ["elongated", "sickle"],
    "class3": ["granular"],
    "class4": ["reticulocyte", "stomatocyte", "echinocyte"],
}
PATIENTS = {
    "kind": "smear", "frames": 100, "patients": 5, "patient_spread": 1.0, "height": 96, "width": 96, "diameter": 34,
    "cells": 3, "margin": [0, 0],
}  # fmt: skip
SMEAR = {  # as params/smear_multiclass.yaml, smaller
    "size": [120, 160], "classes": {"uninfected": ["uninfected"], "infected": ["infected"]}, "ignore": ["leukocyte"],
    "dataset": {"name": "BBBC041", "classes": ["uninfected", "infected", "leukocyte"]},
}  # fmt: skip
LOOKS = {  # of a strategy: colour and line
    "random": ("#5b6575", "--"),
    "gain": ("#0b5fa5", "-"),
    "uncertainty": ("#e69f00", "-."),
    "novelty": ("#009e73", ":"),
}
SETS = {  # labelled in each round, test images, steps of each training
    "patients": {
        "simulate": PATIENTS, "prepare": {"classes": TYPES}, "sizes": [4, 10, 20], "test": 40, "steps": 500,
    },
    "smear": {"real": "smear", "prepare": SMEAR, "sizes": [4, 10, 20], "test": 30, "steps": 500},
    "small": {  # seconds; what the tests run
        "simulate": PATIENTS | {"frames": 12, "patients": 2, "height": 64, "width": 64, "diameter": 24},
        "prepare": {"classes": TYPES}, "sizes": [2, 4], "test": 4, "steps": 4,
    },
}  # fmt: skip


def samples_of(name, seed):
    """Samples of a set; a simulated one is drawn anew for each seed."""
    told = SETS[name]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        data = real(told["real"]) if "real" in told else folder / "data"
        if "simulate" in told:
            run("simulate", "--settings", json.dumps(told["simulate"]), "--seed", str(seed), "--out", str(data))
        out = folder / "samples.npz"
        run("prepare", "--settings", json.dumps(told["prepare"]), "--data", str(data), "--out", str(out))
        return from_arrays(read_arrays(out))


def real(name):
    places = [Path(os.environ[key]) for key in ("HEMOSEG_REAL_DATA",) if key in os.environ] + [ROOT / "data"]
    for place in places:
        if (place / name).is_dir():
            return place / name
    sys.exit(f"the real set {name} is not here; link it to data/{name} or set HEMOSEG_REAL_DATA")


def run(*words):
    """A step of the project; what it refuses ends the benchmark."""
    if hemoseg(list(words)):
        sys.exit(f"hemoseg {words[0]} failed")


def trained(samples, labelled, seed, steps):
    """A predictor (images in the source's numbers to probabilities) that learned from the labelled samples."""
    own = samples.take(sorted(labelled))
    torch.manual_seed(seed)
    network = models.load("unet").build(own.images[0].shape[0], len(own.class_names), width=8, levels=3, head="last")
    normalisation = measure_normalisation(own, "training_set")
    plan = Plan(
        steps=steps, batch_size=4, learning_rate=0.001, weight_decay=1e-8, validate_every=steps,
        imbalance="class_weights", augment={"flip": True, "rotate": 180},
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    pools = {"train": Pool(own, normalisation, torch.device("cpu"), "train")}
    training = Training(network, optimizer, pools, plan, seed=seed)
    while not training.finished:
        training.step()
    network.eval()
    return lambda images: network(normalisation.apply(images)).softmax(1)


@torch.inference_mode()
def said(predictor, samples, position):
    return predictor(torch.from_numpy(samples.images[position].astype(np.float32))[None])[0].numpy()


def dice(predictor, samples, test):
    """Dice of each class over the pixels of all test samples."""
    classes = len(samples.class_names)
    counts = np.zeros((classes, classes))
    for position in test:
        truth, found = samples.classes[position], said(predictor, samples, position).argmax(0)
        known = truth != IGNORE
        counts += np.bincount(truth[known] * classes + found[known], minlength=classes**2).reshape(classes, classes)
    hit = np.diag(counts)[1:]
    return 2 * hit / np.maximum(counts.sum(0)[1:] + counts.sum(1)[1:], 1)


def chosen(strategy, predictor, samples, labelled, pool, number, rng):
    """Positions of the next samples to label."""
    left = [position for position in pool if position not in labelled]
    if strategy == "random":
        return rng.choice(left, number, replace=False).tolist()
    views = mirrored(predictor)
    looked = {position: said(views, samples, position) for position in pool}
    uncertainty = np.array([entropy(looked[position]).mean() for position in left])
    looks = {position: appearance(samples.image(position), looked[position]) for position in pool}
    features, known = ([looks[position] for position in part] for part in (left, labelled))
    groups = [[samples.groups[position] for position in part] for part in (left, labelled)]
    if strategy == "uncertainty":
        return [left[i] for i in np.argsort(-uncertainty, kind="stable")[:number]]
    if strategy == "novelty":
        uncertainty, groups = np.ones(len(left)), [[], []]
    told = {"labelled": np.array(known), "labelled_groups": groups[1], "count": number}
    return [left[one.position] for one in suggest(uncertainty, np.array(features), groups[0], **told)]


def curves(name, seed, strategies):
    """A row per strategy and number of labelled images."""
    told, samples = SETS[name], samples_of(name, seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(samples)).tolist()
    test, pool = order[: told["test"]], order[told["test"] :]
    first = pool[: told["sizes"][0]]
    begun = trained(samples, first, seed, told["steps"])
    rows = []
    for strategy in strategies:
        labelled, predictor, draws = list(first), begun, np.random.default_rng([seed, 1])
        for size in told["sizes"]:
            if size > len(labelled):
                more = size - len(labelled)
                labelled += chosen(strategy, predictor, samples, labelled, pool, more, draws)
                predictor = trained(samples, labelled, seed, told["steps"])
            scores = dice(predictor, samples, test)
            of_class = dict(zip(samples.class_names[1:], scores.round(5).tolist(), strict=True))
            rows.append(
                {"set": name, "seed": seed, "strategy": strategy, "labelled": size}
                | {"mean_dice": round(float(scores.mean()), 5), "dice": of_class}
            )
            print(rows[-1], flush=True)
    return rows


def differences(rows):
    """Mean over seeds of each strategy and of its difference from random with the same seed."""
    table = pd.DataFrame(rows).pivot_table(index=["set", "labelled", "seed"], columns="strategy", values="mean_dice")
    found = []
    for (name, size), own in table.groupby(["set", "labelled"]):
        for strategy in own:
            apart = (own[strategy] - own["random"]).dropna()
            found.append(
                {"set": name, "labelled": size, "strategy": strategy, "mean": own[strategy].mean()}
                | {"sd": own[strategy].std(), "minus_random": apart.mean(), "sd_of_difference": apart.std()}
                | {"won": int((apart > 0).sum()), "seeds": len(apart)}
            )
    return pd.DataFrame(found)


def draw(rows):
    """Learning curves: each seed a thin line, their mean a thick one, a panel per set."""
    table = pd.DataFrame(rows)
    sets = list(dict.fromkeys(table["set"]))
    drawn = figure(4.6 * len(sets), 3.6)
    for axes, name in zip(drawn.subplots(1, len(sets), squeeze=False)[0], sets, strict=True):
        own = table[table["set"] == name]
        for strategy, curve in own.groupby("strategy"):
            colour, line = LOOKS[strategy]
            wide = curve.pivot_table(index="labelled", columns="seed", values="mean_dice")
            axes.plot(wide.index, wide, line, color=colour, linewidth=0.8, alpha=0.5)
            axes.plot(wide.index, wide.mean(axis=1), line, color=colour, linewidth=2.6, label=strategy, marker="o")
        axes.set_title(f"{name} (n = {own['seed'].nunique()} seeds)")
        axes.set(xlabel="labelled images", xticks=sorted(own["labelled"].unique()))
        axes.set_ylabel("mean Dice over classes (0 to 1)" if name == sets[0] else "")
        axes.legend(fontsize=9)
    return drawn


def command_of(args):
    """The command that was given, but for the file, which is where this is read."""
    told = ["--sets", *args.sets, "--strategies", *args.strategies, "--seeds", str(args.seeds)]
    return shlex.join(["python", "benchmarks/suggest/run.py", *told])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["patients", "smear"], choices=list(SETS))
    parser.add_argument("--strategies", nargs="+", default=["random", "gain", "uncertainty"], choices=STRATEGIES)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    if "random" not in args.strategies:
        parser.error("--strategies: random must be among them, all others are held against it")
    torch.set_num_threads(1)
    machine = {"processor": platform.machine(), "python": platform.python_version(), "torch": torch.__version__}
    rows = read_json(args.out)["rows"] if args.out.exists() else []
    for name in args.sets:
        for seed in range(args.seeds):
            others = [row for row in rows if (row["set"], row["seed"]) != (name, seed)]
            rows = others + curves(name, seed, args.strategies)
            summary = differences(rows)
            kept = {"rows": rows, "summary": summary.round(5).to_dict("records"), "machine": machine}
            write_json(args.out, kept | {"command": command_of(args)})
    draw(rows).savefig(args.out.with_suffix(".png"), dpi=110, facecolor="white")
    print(differences(rows).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
