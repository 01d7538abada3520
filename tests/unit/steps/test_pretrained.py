"""Published weights from a file: verified first, nothing in it is run, and the run says what it began with."""

import hashlib
import json
import os
import pickle

import numpy as np
import pytest
import safetensors.torch
import torch

from hemoseg import models
from hemoseg.__main__ import main
from hemoseg.data.samples import Samples, to_arrays
from hemoseg.errors import InputError
from hemoseg.nn.resnet import ResNet
from hemoseg.steps import pretrained
from hemoseg.steps.files import read_json, write_arrays
from hemoseg.steps.weights import read_weights

TRAIN = {
    "steps": 1, "batch_size": 1, "learning_rate": 1e-12, "weight_decay": 0.0, "validate_every": 1,
    "normalise": "none", "precision": "32-true",
}  # fmt: skip
PSPNET = {"width": 4, "stride": 32}


def published(seed=3):
    torch.manual_seed(seed)
    return ResNet(3, "resnet18", width=4).state_dict() | {"fc.weight": torch.ones(10, 32), "fc.bias": torch.ones(10)}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "resnet18.pth"
    torch.save(published(), path)
    return path


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_every_form_gives_the_same_tensors(tmp_path, form):
    path = tmp_path / ("a.safetensors" if form == "safetensors" else "a.pth")
    if form == "safetensors":
        path.write_bytes(safetensors.torch.save(published()))
    else:
        torch.save(published(), path, _use_new_zipfile_serialization=form == "zip")
    state = pretrained.read_state(path)
    assert state.keys() == published().keys()
    assert all(torch.equal(state[name], value) for name, value in published().items())


class Malicious:
    """A pickle that makes a folder where it is loaded."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("form", ["zip", "legacy", "bare pickle"])
def test_a_file_that_would_run_something_is_refused_and_runs_nothing(tmp_path, form):
    path, trap = tmp_path / "a.pth", tmp_path / "ran"
    content = published() | {"conv1.bias": Malicious(str(trap))}
    if form == "bare pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))  # torch's own
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(InputError, match=r"a\.pth: damaged, or holds more than tensors, which is not run") as refused:
        pretrained.read_state(path)
    assert "\n" not in str(refused.value)
    assert not trap.exists()
    torch.load(path, weights_only=False) if form != "bare pickle" else pickle.loads(path.read_bytes())
    assert trap.exists()  # the trap would have worked


DAMAGED = {
    "empty": b"",
    "text": b"not found",
    "a number": 3,
    "no tensors": {"epoch": 3, "best": 0.5},
    "nested": {"state_dict": {"w": torch.ones(1)}},
    "nothing": {},
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_file_without_plain_weights_is_refused(tmp_path, name, suffix):
    path, content = tmp_path / f"a.{suffix}", DAMAGED[name]
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(InputError, match=r"damaged, or holds more than tensors|holds no state dict"):
        pretrained.read_state(path)


def test_the_hash_is_checked_before_anything_is_read(weights, monkeypatch):
    monkeypatch.setattr(pretrained, "read_state", lambda path: pytest.fail("read"))
    module = models.load("pspnet")
    with pytest.raises(InputError, match=rf"resnet18\.pth: sha256 is {digest(weights)}, params say 0+; nothing was"):
        pretrained.load(module, module.build(3, 2, **PSPNET), weights, {"sha256": "0" * 64})


@pytest.mark.parametrize("given", [{}, {"sha256": None}, {"sha256": "upper", "from": "http://a/b.pth"}])
def test_what_a_network_began_with_is_told(weights, given):
    if given.get("sha256"):
        given = given | {"sha256": digest(weights).upper()}
    module = models.load("pspnet")
    network = module.build(4, 2, **PSPNET)
    told = pretrained.load(module, network, weights, given)
    assert told == {"from": given.get("from", "resnet18.pth"), "sha256": digest(weights)}
    assert torch.equal(network.encoder.layer4[1].conv2.weight, published()["layer4.1.conv2.weight"])


class Lab:
    def __init__(self, folder):
        self.folder = folder
        random = np.random.default_rng(0)
        maps = [np.zeros((12, 16), np.uint8) for _ in range(3)]
        for one in maps:
            one[2:8, 3:9] = 1
        names, blank, boxes = ["a", "b", "c"], [""] * 3, np.tile([0, 0, 12, 16], (3, 1))
        images = [random.integers(0, 255, (4, 12, 16)).astype(np.uint8) for _ in maps]
        cells = [one.astype(np.int32) for one in maps]
        samples = Samples(
            images, maps, cells, names, names, blank, blank, boxes, boxes[:, 2:], ["background", "cell"], 255.0
        )
        write_arrays(folder / "samples.npz", **to_arrays(samples))
        rows = ["f,a,a,,train", "f,b,b,,train", "f,c,c,,test"]
        (folder / "splits.csv").write_text("split,sample,frame,group,role\n" + "\n".join(rows) + "\n")

    def train(self, out, *options, network="pspnet", told=None, **own):
        settings = {"pspnet": PSPNET, "unet": {"width": 2}}.get(network, {}) | own
        given = {"model": network, "network": network, "network_settings": settings, "train": TRAIN}
        given |= {} if told is None else {"pretrained": told}
        files = {name: self.folder / name for name in ("samples.npz", "splits.csv")}
        argv = {"--settings": json.dumps(given), "--samples": files["samples.npz"], "--splits": files["splits.csv"]}
        argv |= {"--split": "f", "--seed": 0, "--out": self.folder / out, "--resume": self.folder / "resume"}
        words = [str(word) for pair in argv.items() for word in pair]
        return main(["train", *words, "--device", "cpu", *map(str, options)])


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


def test_a_training_starts_from_published_weights_and_says_so(lab, weights, capsys):
    told = {"sha256": None, "from": "resnet18.pth"}
    assert lab.train("m", "--pretrained", weights, told=told) == 0
    run = read_json(lab.folder / "m/run.json")
    assert run["pretrained"] == {"from": "resnet18.pth", "sha256": digest(weights)}
    after = read_weights(lab.folder / "m/last.safetensors")[0]
    assert torch.allclose(after["encoder.layer4.1.conv2.weight"], published()["layer4.1.conv2.weight"], atol=1e-9)
    capsys.readouterr()
    torch.save(published(seed=4), weights)
    assert lab.train("m", "--pretrained", weights, told=told) == 0
    assert "resumed" not in capsys.readouterr().err  # another file is another training
    assert lab.train("plain") == 0
    assert read_json(lab.folder / "plain/run.json")["pretrained"] is None


REFUSED = {
    "unet": ({"network": "unet"}, "model unet takes no published weights; take `pretrained` out of its block"),
    "otsu": ({"network": "otsu"}, "model otsu takes no published weights; take `pretrained` out"),
    "another width": (
        {"width": 8},
        "resnet18.pth: conv1.weight is 4x3x7x7, the network has 8x4x7x7: the sizes differ;",
    ),
    "another depth": ({"encoder": "resnet34"}, "missing: they are the weights of another network; name other weights"),
    "another hash": ({"told": {"sha256": "1" * 64}}, "params say 1111"),
    "a key too many": ({"told": {"sha": "1"}}, "pretrained: unknown key 'sha'; did you mean 'sha256'?"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(lab, weights, capsys, name):
    given, sentence = REFUSED[name]
    assert lab.train("m", "--pretrained", weights, **given) == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]
    assert not (lab.folder / "m").exists()


def test_one_start_is_enough_and_a_told_one_is_not_forgotten(lab, weights, capsys):
    assert lab.train("m", "--pretrained", weights, "--init", "x") == 2
    assert "--init and --pretrained: a training starts from one of them" in capsys.readouterr().err
    assert lab.train("m", told={"sha256": "1" * 64}) == 2
    assert "pretrained is told and --pretrained is missing" in capsys.readouterr().err
