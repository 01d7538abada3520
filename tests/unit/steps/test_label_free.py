"""A row that trains on automatic labels says the same whatever the true labels are, or if there are none."""

import json

import numpy as np
import pytest
from PIL import Image

from hemoseg.__main__ import main

TRAIN = {"steps": 2, "batch_size": 2, "learning_rate": 0.01, "weight_decay": 0, "validate_every": 1}
TRAIN |= {"loss": "cross_entropy", "normalise": "training_set", "precision": "32-true"}
SETTINGS = {"model": "unet", "network": "unet", "network_settings": {"width": 4, "levels": 2}, "train": TRAIN}


def folder_of(root, labels):
    """Four frames with dark squares; labels that are right, turned upside down, or absent."""
    for number in range(4):
        random = np.random.default_rng(number)
        image, cells = random.integers(180, 200, (32, 32, 3), np.uint8), np.zeros((32, 32), np.uint16)
        for cell, (row, column) in enumerate(random.integers(0, 22, (3, 2)), start=1):
            cells[row : row + 8, column : column + 8] = cell
        image[cells > 0] -= np.uint8(100)
        for name, values in {"images": image, "instances": cells[::-1] if labels == "wrong" else cells}.items():
            if name == "images" or labels != "none":
                (root / name).mkdir(parents=True, exist_ok=True)
                Image.fromarray(values).save(root / f"{name}/{number}.png")
    return root


def run(root, labels):
    """What is written on the way from frames to predictions, as bytes by file."""
    data, out = folder_of(root / "data", labels), root / "out"
    samples, autolabels, splits = (str(out / name) for name in ("samples.npz", "autolabels.npz", "splits.csv"))
    settings = {"labels": "auto" if labels == "none" else "truth", "classes": {"cell": "all"}}
    split = {"protocol": "fixed", "train": 3, "test": 1, "by": "frame", "validation": 1, "seed": 0}
    where = ["--samples", samples, "--splits", splits, "--split", "fixed"]
    model, resume, said, notes = (str(out / name) for name in ("model", "resume", "predictions.npz", "splits.json"))
    trained = ["--autolabels", autolabels, "--seed", "0", "--out", model, "--resume", resume, "--device", "cpu"]
    steps = [
        ["prepare", "--settings", json.dumps(settings), "--data", str(data), "--out", samples],
        ["autolabel", "--samples", samples, "--out", autolabels],
        ["split", "--settings", json.dumps(split), "--samples", samples, "--out", splits, "--notes", notes],
        ["train", "--settings", json.dumps(SETTINGS), *where, *trained],
        ["predict", "--settings", "{}", *where, "--model", model, "--out", said, "--device", "cpu"],
    ]
    assert [main(words) for words in steps] == [0] * len(steps)
    kept = ("autolabels.npz", "splits.csv", "model/model.safetensors", "model/last.safetensors", "predictions.npz")
    return {name: (out / name).read_bytes() for name in kept}


@pytest.mark.parametrize("labels", ["right", "wrong"])
def test_true_labels_leave_no_trace_in_what_learns_without_them(tmp_path, labels):
    without, beside = run(tmp_path / "none", "none"), run(tmp_path / labels, labels)
    assert [name for name in without if without[name] != beside[name]] == []
