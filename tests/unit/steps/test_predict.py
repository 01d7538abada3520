import json
import signal

import numpy as np
import pytest
import torch

from hemoseg.__main__ import main
from hemoseg.data import predictions as predictions_format
from hemoseg.data.samples import Samples, to_arrays
from hemoseg.models import Labelled
from hemoseg.steps.files import read_arrays, read_json, write_arrays, write_json
from hemoseg.steps.weights import read_weights, sha256, write_weights

TRAIN = {
    "steps": 25, "batch_size": 2, "learning_rate": 0.02, "weight_decay": 0.0, "validate_every": 25,
    "loss": "cross_entropy", "normalise": "training_set", "precision": "32-true", "augment": {},
}  # fmt: skip
NAMES = [f"s{i}" for i in range(5)]


def samples(dtype=np.uint8, *, channels=3, class_names=("background", "cell"), last=(16, 20), labels=True):
    """Four samples of one size to train on and a fifth, of the size ``last``, to predict; two cells each."""
    random = np.random.default_rng(0)
    white = np.iinfo(dtype).max
    instances = [np.zeros((16, 20) if i < 4 else last, np.int32) for i in range(5)]
    for i, one in enumerate(instances):
        one[2 : 9 + i % 2, 2:9], one[7:14, 12:18] = 1, 2
    images = [(0.2 + 0.6 * (c > 0) + 0.1 * random.random((channels, *c.shape))) * white for c in instances]
    sizes = np.array([c.shape for c in instances])
    return Samples(
        [image.astype(dtype) for image in images], [(c > 0).astype(np.uint8) for c in instances] if labels else [],
        instances if labels else [], NAMES, NAMES, [""] * 5, [""] * 5, np.hstack([np.zeros_like(sizes), sizes]), sizes,
        list(class_names), float(white),
    )  # fmt: skip


class Lab:
    """A folder in which the commands run; ``given`` are the samples."""

    def __init__(self, folder, given):
        self.folder = folder
        self.write(given)
        roles = ["train", "train", "train", "test", "test"]
        rows = [f"f,{name},{name},,{role}" for name, role in zip(NAMES, roles, strict=True)] + ["none,s0,s0,,train"]
        (folder / "splits.csv").write_text("split,sample,frame,group,role\n" + "\n".join(rows) + "\n")

    def write(self, given):
        self.samples = given
        write_arrays(self.folder / "samples.npz", **to_arrays(given))

    def run(self, step, settings, out, *options, split="f"):
        files = [f"--{name}={self.folder / name}.{end}" for name, end in (("samples", "npz"), ("splits", "csv"))]
        words = [step, "--settings", json.dumps(settings), *files, "--split", split, "--device", "cpu"]
        return main([*words, "--out", str(self.folder / out), *options])

    def train(self, network, **own):
        settings = {"model": network, "network": network, "network_settings": own, "train": TRAIN}
        handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
        status = self.run("train", settings, "model", "--seed", "0", "--resume", str(self.folder / "resume"))
        for number, handler in handlers.items():  # a training notes signals for its whole process, here the tests'
            signal.signal(number, handler)
        return status

    def predict(self, out="predictions.npz", *options, split="f", **settings):
        settings = {"window": None, "overlap": 0.5, "min_area_share": 0.1} | settings
        return self.run("predict", settings, out, "--model", str(self.folder / "model"), *options, split=split)

    def said(self, out="predictions.npz"):
        return predictions_format.from_arrays(read_arrays(self.folder / out))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a trained U-Net, to be copied from."""
    lab = Lab(tmp_path_factory.mktemp("trained"), samples())
    assert lab.train("unet", width=4, levels=2) == 0
    return lab


@pytest.fixture
def lab(trained, tmp_path):
    """A lab of the test's own with the trained model; its test samples are of two sizes."""
    lab = Lab(tmp_path, samples(last=(23, 31)))
    (tmp_path / "model").mkdir()
    for file in (trained.folder / "model").iterdir():
        (tmp_path / "model" / file.name).write_bytes(file.read_bytes())
    return lab


@pytest.mark.parametrize("settings", [{}, {"window": [8, 12]}, {"window": [64, 64], "overlap": 0.0}])
def test_predictions_hold_what_their_format_says(lab, settings):
    assert lab.predict(**settings) == 0
    said = lab.said()
    assert said.ids == ["s3", "s4"]
    for i, size in enumerate([(16, 20), (23, 31)]):
        probability, classes = said.probabilities[i].astype(np.float32), said.classes[i]
        assert said.probabilities[i].dtype == np.float16
        assert probability.shape == (2, *size)
        assert np.abs(probability.sum(axis=0) - 1).max() < 2e-3
        assert (classes.dtype, classes.shape) == (np.uint8, size)
        clear = np.abs(probability[1] - 0.5) > 1e-3
        assert np.array_equal((probability[1] > 0.5)[clear], (classes == 1)[clear])
        assert said.instances[i].dtype == np.int32
        assert not said.instances[i][classes == 0].any()
    timing = read_json(lab.folder / "timing.json")
    assert timing["images"] == 2
    assert timing["seconds"] > 0
    assert timing["flops"] > 0
    assert timing["flops_image"] == [16, 20]


def test_a_class_that_no_training_image_shows_has_probability_0_everywhere(tmp_path):
    lab = Lab(tmp_path, samples(class_names=("background", "cell", "rare")))
    assert lab.train("pixel_forest", trees=3, scales=[1.0]) == 0
    assert lab.predict() == 0
    for probability in lab.said().probabilities:
        assert len(probability) == 3
        assert probability[1].any()
        assert not probability[2].any()


def test_which_program_a_classical_method_ran_is_written_down(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HEMOSEG_ILASTIK", raising=False)
    lab = Lab(tmp_path, samples())
    assert lab.train("ilastik", trees=3, scales=[1.0]) == 0
    assert read_json(tmp_path / "model/run.json")["ran"] == "our random forest (no ilastik found)"


def test_a_trained_network_finds_the_two_cells(lab):
    lab.predict()
    said = lab.said()
    for i, position in enumerate([3, 4]):
        found, true = said.classes[i] > 0, lab.samples.classes[position] > 0
        assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.9
    assert said.instances[0].max() == 2


def test_the_same_prediction_gives_the_same_bytes(lab):
    for out in ("a.npz", "b.npz"):
        lab.predict(out, window=[8, 8])
    assert (lab.folder / "a.npz").read_bytes() == (lab.folder / "b.npz").read_bytes()


def test_a_network_sees_a_16_bit_image_as_its_8_bit_one(lab):
    lab.predict("a.npz")
    wide = samples(last=(23, 31))
    wide = Samples(**(vars(wide) | {"images": [im.astype(np.uint16) * 257 for im in wide.images], "white": 65535.0}))
    lab.write(wide)
    description = read_json(lab.folder / "model/model.json")
    description["normalisation"]["white"] = 65535.0
    write_json(lab.folder / "model/model.json", description)
    lab.predict("b.npz")
    for a, b in zip(lab.said("a.npz").probabilities, lab.said("b.npz").probabilities, strict=True):
        assert np.abs(a.astype(float) - b.astype(float)).max() < 2e-3


def test_parts_smaller_than_a_share_of_the_typical_cell_are_no_cells(lab):
    lab.predict(min_area_share=0.0)
    assert lab.said().instances[0].max() >= 2
    lab.predict(min_area_share=50.0)
    assert lab.said().instances[0].max() == 0
    assert lab.said().classes[0].max() == 1


def test_samples_without_labels_can_be_predicted(lab):
    lab.predict("a.npz")
    lab.write(samples(last=(23, 31), labels=False, class_names=("background",)))
    assert lab.predict("b.npz") == 0
    assert (lab.folder / "a.npz").read_bytes() == (lab.folder / "b.npz").read_bytes()


OWN = {
    "deformable_unet": {"width": 2, "levels": 1},
    "mask_rcnn": {"width": 2, "channels": 4, "hidden": 4, "proposals": 10, "drawn": 8},
}


@pytest.mark.parametrize("network", ["otsu", "autolabel", *OWN])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_kind_of_model_predicts(tmp_path, monkeypatch, network, dtype):
    monkeypatch.setitem(TRAIN, "steps", 2)
    lab = Lab(tmp_path, samples(dtype, channels=4))
    assert lab.train(network, **OWN.get(network, {})) == 0
    assert lab.predict() == 0
    said = lab.said()
    assert [c.shape for c in said.classes] == [(16, 20)] * 2
    assert len(said.probabilities) == (2 if network in OWN else 0)
    if network == "otsu":
        assert said.instances[0].max() == 2


def test_a_network_that_makes_its_own_cells_predicts_them_and_takes_no_windows(tmp_path, monkeypatch, capsys):
    own = Labelled(
        np.eye(16, 20, dtype=np.uint8), np.full((2, 16, 20), 0.5, np.float32), 7 * np.eye(16, 20, dtype=np.int32),
        np.array([[0, 0, 16, 16, 0.75]], np.float32),
    )  # fmt: skip
    seen = []
    monkeypatch.setattr("hemoseg.models.unet.label", lambda *given: seen.append(given) or own, raising=False)
    monkeypatch.setitem(TRAIN, "steps", 1)
    lab = Lab(tmp_path, samples())
    assert lab.train("unet", width=2, levels=1) == 0
    assert lab.predict(cells="watershed") == 0  # which it does not need
    said = lab.said()
    for name in ("classes", "probabilities", "instances", "boxes"):
        assert np.array_equal(getattr(said, name)[1], vars(own).get(name, own.probability))
    network, image = seen[0]
    assert image.shape == (1, 3, 16, 20)
    assert abs(float(image.mean())) < 0.2  # normalised
    assert not network.training
    (tmp_path / "predictions.npz").unlink()
    assert lab.predict(window=[16, 20]) == 2
    assert "makes its own cells, which windows would cut; set predict.window: null" in capsys.readouterr().err
    assert not (tmp_path / "predictions.npz").exists()


def test_a_model_whose_weights_were_swapped_is_refused(lab, capsys):
    path = lab.folder / "model/model.safetensors"
    write_weights(path, {name: value + 1 for name, value in read_weights(path)[0].items()})
    assert lab.predict() == 2
    assert "model.safetensors is not the file that model.json describes; train again" in capsys.readouterr().err


def change(lab, **given):
    path = lab.folder / "model/model.json"
    write_json(path, read_json(path) | given)


def drop_a_weight(lab):
    path = lab.folder / "model/model.safetensors"
    write_weights(path, dict(list(read_weights(path)[0].items())[1:]))
    change(lab, weights_sha256=sha256(path))


def cut_weights(lab):
    path = lab.folder / "model/model.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    change(lab, weights_sha256=sha256(path))


FAULTS = {
    "channels": (lambda lab: lab.write(samples(channels=1)), "the model reads 3 channels, the samples have 1"),
    "classes": (
        lambda lab: lab.write(samples(class_names=("background", "rbc"))),
        "the model knows the classes ['background', 'cell'], the samples have ['background', 'rbc']; train it again",
    ),
    "unknown network": (
        lambda lab: change(lab, network="unett"),
        "no model 'unett' (src/hemoseg/models/unett.py); did",
    ),
    "a weight is missing": (drop_a_weight, "the weights do not fit what 'unet' builds now; train again"),
    "weights are cut": (cut_weights, "model.safetensors: damaged or no safetensors file"),
    "description is cut": (lambda lab: (lab.folder / "model/model.json").write_text('{"a": '), "not readable as JSON"),
    "no model": (lambda lab: (lab.folder / "model/model.json").unlink(), "model.json: no such file; run the step"),
    "no samples": (lambda lab: (lab.folder / "samples.npz").unlink(), "samples.npz: no such file; run the step"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_does_not_fit_is_refused_in_one_sentence(lab, capsys, name):
    fault, words = FAULTS[name]
    fault(lab)
    assert lab.predict() == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not (lab.folder / "predictions.npz").exists()


def test_a_split_without_test_samples_is_refused(lab, capsys):
    assert lab.predict(split="none") == 2
    assert "the split has no test samples" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_missing_gpu_is_named(lab, capsys):
    assert lab.predict("p.npz", "--device", "cuda") == 2
    assert "--device cuda: this machine shows no CUDA device" in capsys.readouterr().err
