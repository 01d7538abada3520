import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hemoseg.__main__ import main
from hemoseg.data.samples import Samples, from_arrays, to_arrays
from hemoseg.steps.files import read_arrays, read_json, write_arrays
from hemoseg.steps.weights import read_weights, sha256
from hemoseg.training.loop import SCORES, Training

TRAIN = {
    "steps": 4, "batch_size": 2, "learning_rate": 0.01, "weight_decay": 1e-8, "validate_every": 2,
    "loss": "cross_entropy", "normalise": "training_set", "precision": "32-true", "augment": {"flip": True},
}  # fmt: skip
MODEL_FILES = {"model.safetensors", "last.safetensors", "model.json", "history.csv", "run.json"}


@pytest.fixture(autouse=True)
def as_before():
    """A training notes signals and sets threads for its whole process, which here is that of the tests."""
    threads, handlers = torch.get_num_threads(), {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    yield
    torch.set_num_threads(threads)
    for number, handler in handlers.items():
        signal.signal(number, handler)


def write_samples(path, dtype=np.uint8, size=(12, 16)):
    random = np.random.default_rng(0)
    white = np.iinfo(dtype).max
    classes = [np.zeros(size, np.uint8) for _ in range(6)]
    for i, one in enumerate(classes):
        one[2 : 8 + i % 3, 3 + i % 2 : 10] = 1
    images = [((0.2 + 0.6 * c + 0.1 * random.random((3, *size))) * white).astype(dtype) for c in classes]
    names, blank = [f"s{i}" for i in range(6)], [""] * 6
    boxes = np.tile([0, 0, *size], (6, 1))
    samples = Samples(
        images, classes, [c.astype(np.int32) for c in classes], names, names, blank, blank, boxes, boxes[:, 2:],
        ["background", "cell"], float(white),
    )  # fmt: skip
    write_arrays(path, **to_arrays(samples))


class Lab:
    """A folder with samples and a split, in which trainings run through the command line."""

    def __init__(self, folder):
        self.folder = folder
        write_samples(folder / "samples.npz")
        roles = ["train", "train", "train", "train", "val", "test"]
        rows = [f"fold0,s{i},s{i},,{role}" for i, role in enumerate(roles)] + ["empty,s0,s0,,test"]
        (folder / "splits.csv").write_text("split,sample,frame,group,role\n" + "\n".join(rows) + "\n")

    def argv(self, out, *options, network="unet", settings=None, seed=0, split="fold0", resume="resume", **train):
        own = {"width": 2, "levels": 1} if network.endswith("unet") and settings is None else settings or {}
        given = {"model": network, "network": network, "network_settings": own, "train": TRAIN | train}
        argv = {"--settings": json.dumps(given), "--samples": self.folder / "samples.npz", "--split": split}
        argv |= {"--splits": self.folder / "splits.csv", "--seed": seed, "--out": self.folder / out, "--device": "cpu"}
        argv |= {"--resume": self.folder / resume}
        return ["train", *[str(word) for pair in argv.items() for word in pair], *[str(word) for word in options]]

    def train(self, out, *options, **given):
        return main(self.argv(out, *options, **given))

    def weights(self, out, name="model"):
        return read_weights(self.folder / out / f"{name}.safetensors")[0]


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


@pytest.mark.parametrize("network", ["unet", "deformable_unet"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_training_leaves_a_model_that_describes_itself(lab, network, dtype):
    write_samples(lab.folder / "samples.npz", dtype)
    assert lab.train("m", network=network) == 0
    folder = lab.folder / "m"
    assert {path.name for path in folder.iterdir()} == MODEL_FILES
    said = read_json(folder / "model.json")
    assert said["network"] == network
    assert said["settings"]["train"]["steps"] == 4
    assert (said["classes"], said["in_channels"], said["input_size"]) == (["background", "cell"], 3, [12, 16])
    assert (said["seed"], said["split"], said["training_samples"], said["labels"]) == (0, "fold0", 4, "truth")
    assert said["normalisation"]["white"] == np.iinfo(dtype).max
    assert said["weights_sha256"] == sha256(folder / "model.safetensors")
    assert said["samples_sha256"] == sha256(lab.folder / "samples.npz")
    assert said["median_cell_area"] == np.median([6 * 7, 7 * 6, 8 * 7, 6 * 6])
    assert said["weights"] == "best on validation"
    run = read_json(folder / "run.json")
    assert run["threads"] == 1
    assert run["training_seconds"] > 0
    assert ("deformable_backend" in run) == (network == "deformable_unet")
    history = pd.read_csv(folder / "history.csv")
    assert list(history.columns) == ["step", "train_loss", *SCORES, "seconds"]
    assert list(history["step"]) == [2, 4]
    assert history.pop("val_instance_error").isna().all()  # nobody asked for it
    assert np.isfinite(history.to_numpy()).all()


@pytest.mark.parametrize(("network", "threads"), [("unet", 1), ("deformable_unet", 1), ("deformable_unet", 2)])
def test_the_same_training_gives_the_same_bytes(lab, network, threads):
    write_samples(lab.folder / "samples.npz", size=(64, 64) if threads > 1 else (12, 16))
    for out in ("a", "b"):
        lab.train(out, "--threads", threads, network=network, resume=f"resume_{out}", steps=3 - threads)
    for name in ("model.safetensors", "last.safetensors"):
        assert (lab.folder / "a" / name).read_bytes() == (lab.folder / "b" / name).read_bytes()
    assert read_json(lab.folder / "a/model.json") == read_json(lab.folder / "b/model.json")
    lab.train("c", network=network, seed=1, steps=1)
    assert any(not torch.equal(value, lab.weights("c")[name]) for name, value in lab.weights("a").items())


def interrupt(monkeypatch, at, act):
    """Let ``act`` happen when step ``at`` is done."""
    step = Training.step

    def interrupted(self):
        value = step(self)
        if self.done == at:
            act()
        return value

    monkeypatch.setattr(Training, "step", interrupted)


def crash():
    raise RuntimeError("crash")


@pytest.mark.parametrize("how", ["signal", "crash"])
def test_a_stopped_training_goes_on_to_the_same_bytes(lab, monkeypatch, capsys, how):
    lab.train("whole")
    with monkeypatch.context() as patched:
        interrupt(patched, 3, crash if how == "crash" else lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(RuntimeError if how == "crash" else SystemExit) as ended:
            lab.train("part", "--checkpoint-seconds", 0, resume="other")
    if how == "signal":
        assert ended.value.code == 128 + signal.SIGTERM
    assert not (lab.folder / "part/model.safetensors").exists()
    capsys.readouterr()
    assert lab.train("part", resume="other") == 0
    assert f"resumed at step {2 if how == 'crash' else 3} of 4" in capsys.readouterr().err
    for name in ("model.safetensors", "last.safetensors"):
        assert (lab.folder / "part" / name).read_bytes() == (lab.folder / "whole" / name).read_bytes()
    histories = [pd.read_csv(lab.folder / out / "history.csv").drop(columns="seconds") for out in ("whole", "part")]
    assert histories[0].equals(histories[1])


def test_a_finished_training_is_not_done_again_and_another_one_is(lab, capsys):
    lab.train("a")
    capsys.readouterr()
    lab.train("b")
    assert "resumed at step 4 of 4" in capsys.readouterr().err
    assert (lab.folder / "a/model.safetensors").read_bytes() == (lab.folder / "b/model.safetensors").read_bytes()
    for changed in ({"seed": 1}, {"learning_rate": 0.02}, {"settings": {"width": 3, "levels": 1}}):
        lab.train("c", **changed)
        assert "resumed" not in capsys.readouterr().err


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_weights(lab, capsys):
    assert lab.train("m", learning_rate=1e30) == 2
    said = capsys.readouterr().err
    assert "at step 2" in said
    assert "lower train.learning_rate" in said
    kept = list((lab.folder / "resume").glob("*/last_good.safetensors"))
    assert len(kept) == 1
    assert all(torch.isfinite(value).all() for value in read_weights(kept[0])[0].values())
    assert not (lab.folder / "m").exists()


def test_a_training_starts_from_another_models_weights(lab, capsys):
    lab.train("first", steps=3)
    lab.train("second", "--init", lab.folder / "first", steps=1, learning_rate=1e-12, seed=5)
    start, after = lab.weights("first"), lab.weights("second", "last")
    assert f"{len(start)} of {len(start)} tensors start from" in capsys.readouterr().err
    for name, value in start.items():
        if "running" not in name and "tracked" not in name:
            assert torch.allclose(value, after[name], atol=1e-6)


def test_only_what_fits_is_taken_from_another_model(lab, capsys):
    lab.train("plain")
    lab.train("deformable", "--init", lab.folder / "plain", network="deformable_unet")
    plain, own = len(lab.weights("plain")), len(lab.weights("deformable"))
    assert f"{plain} of {own} tensors start from" in capsys.readouterr().err
    lab.train("otsu", network="otsu")
    assert lab.train("m", "--init", lab.folder / "otsu") == 2
    assert "no weight fits this network" in capsys.readouterr().err


def test_automatic_labels_are_trained_on_when_they_are_given(lab):
    labels = from_arrays(read_arrays(lab.folder / "samples.npz"))
    for one in labels.classes:
        one[:] = 1 - one
    write_arrays(lab.folder / "auto.npz", **to_arrays(labels))
    lab.train("truth")
    lab.train("auto", "--autolabels", lab.folder / "auto.npz")
    assert read_json(lab.folder / "auto/model.json")["labels"] == "auto"
    assert any(not torch.equal(value, lab.weights("auto")[name]) for name, value in lab.weights("truth").items())


def test_a_model_trains_on_the_samples_that_it_is_given(lab):
    frames = from_arrays(read_arrays(lab.folder / "samples.npz")).frames
    assert lab.train("m", only={"id": frames[:3]}, most=2) == 0
    said = read_json(lab.folder / "m/model.json")
    assert (said["training_samples"], said["weights"]) == (2, "last"), "no chosen sample validates"


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ({"only": {"kind": ["mixt"]}}, "leaves no sample to train on"),
        ({"only": {"kinds": []}}, "give lists for id, group, kind, part"),
        ({"most": 99}, "99 samples are asked for"),
        ({"per_kind": {"rbc": 99}}, "per_kind makes a batch of 99"),
        ({"per_kind": {"rbc": "two"}}, "give samples in a batch by kind"),
        ({"per_kind": {"rbc": 2}, "imbalance": "sampling"}, "keep one of the two"),
        ({"per_kind": {"rbc": 2}}, "no training sample is of kind 'rbc'"),
    ],
)
def test_samples_that_are_not_there_are_refused(lab, capsys, train, words):
    assert lab.train("m", **train) == 2
    assert words in capsys.readouterr().err
    assert not (lab.folder / "m").exists()


@pytest.mark.parametrize("name", ["otsu", "autolabel"])
def test_a_method_without_steps_leaves_the_same_files(lab, name):
    assert lab.train("m", network=name) == 0
    assert {path.name for path in (lab.folder / "m").iterdir()} == MODEL_FILES
    assert read_json(lab.folder / "m/model.json")["normalisation"] is None


@pytest.mark.parametrize("imbalance", ["none", "class_weights", "sampling"])
def test_a_run_says_what_was_done_about_rare_classes(lab, imbalance):
    lab.train("m", imbalance=imbalance)
    run = read_json(lab.folder / "m/run.json")
    assert run["imbalance"] == imbalance
    assert ("class_weights" in run, "samples_by_rarest_class" in run) == (
        imbalance == "class_weights",
        imbalance == "sampling",
    )
    if imbalance == "class_weights":
        train = from_arrays(read_arrays(lab.folder / "samples.npz")).classes[:4]
        cell = np.mean([one > 0 for one in train])  # both classes are in every image
        assert run["class_weights"] == pytest.approx({"background": 0.5 / (1 - cell), "cell": 0.5 / cell})


def test_bfloat16_trains_too(lab):
    lab.train("m", network="deformable_unet", precision="bf16-mixed")
    assert np.isfinite(pd.read_csv(lab.folder / "m/history.csv").drop(columns="val_instance_error").to_numpy()).all()
    assert {value.dtype for value in lab.weights("m").values()} == {torch.float32, torch.int64}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"network": "unett"}, "there is no model 'unett' (src/hemoseg/models/unett.py); did you mean unet?"),
        ({"settings": {"widht": 3}}, "`settings` of its block in params: unknown key 'widht'; did you mean 'width'?"),
        ({"settings": {"head": "x"}}, "head must be 'last' or 'conv1x1', not 'x'; mend `settings`"),
        ({"loss": "cross_entrpy"}, "did you mean cross_entropy?"),
        ({"split": "fold9"}, "no split 'fold9'; the splits are empty, fold0"),
        ({"options": ["--devices", 3]}, "--devices 3: a batch of 2 has no sample for each; use fewer"),
        ({"split": "empty"}, "the split has no train samples"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_sentence(lab, capsys, given, words):
    assert lab.train("m", *given.get("options", []), **{k: v for k, v in given.items() if k != "options"}) == 2
    assert words in capsys.readouterr().err.splitlines()[-1]
    assert not (lab.folder / "m").exists()


def test_two_processes_train_one_model(lab):
    argv = lab.argv("m", "--devices", 2, steps=2)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3] / "src")}
    done = subprocess.run(
        [sys.executable, "-m", "hemoseg", *argv], env=environment, capture_output=True, text=True, timeout=240
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Starting with 2 processes" in done.stderr
    assert {path.name for path in (lab.folder / "m").iterdir()} == MODEL_FILES
    assert np.isfinite(pd.read_csv(lab.folder / "m/history.csv").drop(columns="val_instance_error").to_numpy()).all()


@pytest.mark.parametrize("proposals", [False, True])
def test_only_a_network_that_proposes_needs_labels_that_tell_cells_apart(lab, capsys, proposals):
    known = from_arrays(read_arrays(lab.folder / "samples.npz"))
    write_arrays(lab.folder / "samples.npz", **to_arrays(replace(known, instances=[])))
    own = {"width": 2, "levels": 1, "proposals": proposals, "anchor": 6.0}
    assert lab.train("m", network="instance_unet", settings=own) == 2 * proposals
    assert ("tell no cells apart" in capsys.readouterr().err) == proposals
    assert (lab.folder / "m/model.safetensors").exists() == (not proposals)
