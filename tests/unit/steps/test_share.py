"""A shared folder: its numbers against brute force, its privacy, and the model that it holds."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage

from hemoseg import models
from hemoseg.__main__ import main
from hemoseg.data import predictions as predictions_format
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import Samples, to_arrays
from hemoseg.steps.files import read_json, write_arrays, write_json, write_table
from hemoseg.steps.opened import open_model
from hemoseg.steps.weights import sha256, write_weights
from hemoseg.tables.model_card import model_card, plain

SIZE, FRAME = (24, 32), (96, 128)
CLASSES = ["background", "disc", "sickle"]
SPLITS = {"fold1": ["a", "b"], "fold2": ["c", "d"]}
PATIENTS = ["Jane Doe", "Jane Doe", "John Roe", "John Roe"]
INFO = {"dataset": "Lab <set>", "licence": "CC0", "citation": "Doe 2020 | x", "simulated": False}


def truth(number):
    """A class map with a disc and a sickle; which place is which depends on the number."""
    classes = np.zeros(SIZE, np.uint8)
    classes[3:10, 4 + number : 11 + number] = 1
    classes[14:21, 18:27] = 2
    return classes


def found(number):
    """What a model said: the disc a pixel too far, the sickle right, in `d` taken for a disc; a speck besides."""
    classes = np.roll(np.where(truth(number) == 1, 1, 0), 1, axis=1).astype(np.uint8)
    classes[truth(number) == 2] = 1 if number == 3 else 2
    classes[18:23, 1:6] = 1
    return classes


def cells_of(classes):
    return ndimage.label(classes > 0)[0].astype(np.int32)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Four samples, two folds, what a model said of each, its counts, a trained folder, and the shared one."""
    lab = tmp_path_factory.mktemp("share")
    random = np.random.default_rng(0)
    images = [(60 + 90 * (truth(i) > 0) + random.integers(0, 20, (3, *SIZE))).astype(np.uint8) for i in range(4)]
    boxes = np.tile([0, 0, *FRAME], (4, 1))
    samples = Samples(
        images, [truth(i) for i in range(4)], [cells_of(truth(i)) for i in range(4)], list("abcd"), list("abcd"),
        PATIENTS, [""] * 4, boxes, np.tile(FRAME, (4, 1)), CLASSES, 255.0, 0.2, INFO,
    )  # fmt: skip
    write_arrays(lab / "samples.npz", **to_arrays(samples))
    rows = [
        {"split": split, "sample": name, "frame": name, "group": "", "role": "test" if name in tested else "train"}
        for split, tested in SPLITS.items()
        for name in "abcd"
    ]
    write_table(lab / "splits.csv", pd.DataFrame(rows))
    for split, tested in SPLITS.items():
        maps = [found("abcd".index(name)) for name in tested]
        said = Predictions(tested, [], maps, [cells_of(one) for one in maps])
        write_arrays(lab / split / "predictions.npz", **predictions_format.to_arrays(said))
        files = ["--pixels", "pixels.csv", "--cells", "cells.csv", "--histograms", "histograms.npz"]
        told = [str(lab / split / word) if "." in word else word for word in files]
        argv = ["--settings", '{"min_area_share": 0}', "--samples", str(lab / "samples.npz"), "--split", split]
        argv += ["--splits", str(lab / "splits.csv"), "--predictions", str(lab / split / "predictions.npz"), *told]
        assert main(["evaluate", *argv]) == 0
    write_trained(lab / "model")
    assert share(lab) == 0
    return lab


def write_trained(folder):
    network = models.load("unet").build(3, 3, width=2, levels=1)
    write_weights(folder / "model.safetensors", network.state_dict())
    description = {
        "model": "my_unet", "network": "unet", "in_channels": 3, "classes": CLASSES, "input_size": list(SIZE),
        "settings": {"network_settings": {"width": 2, "levels": 1}, "train": {"steps": 5, "loss": "dice"}},
        "seed": 0, "split": "fold1", "training_samples": 2, "training_ids": ["Jane Doe"], "labels": "truth",
        "median_cell_area": 49.0, "weights_sha256": sha256(folder / "model.safetensors"), "steps": 5,
        "normalisation": {"white": 255.0, "mean": [0.5] * 3, "sd": [0.2] * 3},
    }  # fmt: skip
    write_json(folder / "model.json", description)
    write_json(folder / "run.json", {"training_seconds": 7.0, "device": "cpu (CPU)"})


def share(lab, out="shared", **changed):
    table = {"table": "t", "rows": {"my_unet": "U-Net"}, "columns": {"dice": "Dice", "missed": "FN"}, "classes": "all"}
    settings = {
        "sharing": {"licence": "CC-BY-4.0"}, "labels": "truth", "table": table,
        "predict": {"window": None, "cells": "watershed", "markers": {"source": "distance"}},
    } | changed  # fmt: skip
    runs = [word for s in SPLITS for word in ("--run", f"model=my_unet,split={s},seed=0,folder={lab / s}")]
    said = [str(lab / split / "predictions.npz") for split in SPLITS]
    argv = ["--settings", json.dumps(settings), "--samples", str(lab / "samples.npz"), "--predictions", *said, *runs]
    return main(["share", *argv, "--model", str(lab / "model"), "--out", str(lab / out)])


@pytest.fixture
def evidence(lab):
    return read_json(lab / "shared/evidence.json")


def test_scores_of_the_evidence_are_those_of_a_count_by_hand(evidence):
    told = evidence["evaluations"]
    assert (told["splits"], told["images"], told["against"]) == (["fold1", "fold2"], 4, "truth")
    values = {(row["column"], row["class"]): row for row in told["rows"]}
    for value, name in enumerate(CLASSES):
        pairs = [(truth(i) == value, found(i) == value) for i in range(4)]
        scores = [2 * (gt & pred).sum() / (gt.sum() + pred.sum()) for gt, pred in pairs]
        row = values["dice", name]
        assert row["value"] == pytest.approx(np.mean(scores))
        assert row["low"] <= row["value"] <= row["high"]
        assert "2 tp / (2 tp + fp + fn)" in row["definition"]


def test_errors_of_the_evidence_are_those_that_were_planted(evidence):
    frames = evidence["errors"]["frames"]
    assert [frame["truth"] for frame in frames] == [[1, 1]] * 4
    assert [frame["found"] for frame in frames] == [[[1, 0], [0, 1]]] * 3 + [[[1, 0], [1, 0]]]
    assert [frame["made_up"] for frame in frames] == [[1, 0]] * 4


def test_scale_and_data_are_told_and_names_of_patients_are_not(lab, evidence):
    assert evidence["scale"] == {"factor": 0.25, "pixel_size_um": 0.2}
    data = evidence["data"]
    assert (data["frames"], data["groups"], data["white"], data["channels"]) == (4, 2, 255.0, 3)
    assert data["cells"] == {"disc": 4, "sickle": 4}
    assert evidence["frames"]["frames"] == evidence["agreement"]["frames"] == 4
    assert evidence["training"]["seconds"] == 7.0
    for file in (lab / "shared").iterdir():
        content = file.read_bytes()
        assert b"Doe" not in content.replace(b"Doe 2020", b"")
        assert b"Roe" not in content
        assert str(lab).encode() not in content


def test_the_folder_is_a_model_that_knows_how_it_was_tested(lab):
    model = open_model(lab / "shared", torch.device("cpu"))
    assert model.evidence["predict"] == {"window": None, "cells": "watershed", "markers": {"source": "distance"}}
    assert model.evidence["sharing"] == {"licence": "CC-BY-4.0"}
    image = np.zeros((3, *SIZE), np.uint8)
    wanted = open_model(lab / "model", torch.device("cpu")).label(image).probability
    assert np.array_equal(model.label(image).probability, wanted)


def test_sharing_again_gives_the_same_files(lab):
    assert share(lab, "again") == 0
    for file in (lab / "shared").iterdir():
        assert file.read_bytes() == (lab / "again" / file.name).read_bytes()


def test_the_card_tells_what_was_measured(lab, evidence):
    card = (lab / "shared/README.md").read_text()
    dice = next(row for row in evidence["evaluations"]["rows"] if (row["column"], row["class"]) == ("dice", "disc"))
    assert f"| Dice | disc | {dice['value']:.4g} | {dice['low']:.4g} to {dice['high']:.4g} |  |" in card
    assert "| disc | 4 | 0 | 4 | 0 | 0 | 4 |" in card  # true, missed, found as disc, as sickle, pieces, made up
    assert "| sickle | 4 | 0 | 1 | 3 | 0 | 0 |" in card
    assert "resized by 0.25" in card
    assert "Lab &lt;set&gt;, real images: 4 frames, 2 groups" in card
    assert "Doe 2020 \\| x" in card
    assert "Not known: " not in card


def test_a_card_names_what_is_not_known(lab):
    description = read_json(lab / "shared/model.json")
    card = model_card(description, {})
    assert card.count("* Not known: ") == 6
    assert "Not known: nothing was measured on images that it did not learn from." in card
    assert "learned from: not known" in card


@pytest.mark.parametrize("text", ["a\nb", "<script>alert(1)</script>", "| x |", "[a](javascript:b)", "`x`", "&lt;"])
def test_names_of_others_do_no_harm_in_a_card(text):
    line = plain(text)
    assert not set("\n<>`") & set(line)
    assert "|" not in line.replace("\\|", "")
    assert "](" not in line.replace("\\]", "")


FAULTS = {
    "no table": ({"table": {}}, "--settings: table is missing"),
    "unknown key": ({"sharing": {"license": "MIT"}}, "unknown key 'license'; did you mean 'licence'?"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_shared_is_refused_in_one_sentence_and_leaves_nothing(lab, capsys, name):
    changed, words = FAULTS[name]
    assert share(lab, "refused", **changed) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (lab / "refused").exists()
