"""A model says the same from its folder, from a package and from an ONNX file; the zoo's own tools pass the package.

Translations take seconds each: without HEMOSEG_EVERY_EXPORT=1 the cheapest network and the one that makes its own cells
are packed, the one that proposes is translated, and the others are named as skipped.
"""

import io
import os
import zipfile

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hemoseg import models
from hemoseg.__main__ import main
from hemoseg.errors import InputError
from hemoseg.inference.cells import find_cells
from hemoseg.steps.files import read_json, write_json
from hemoseg.steps.opened import open_model
from hemoseg.steps.weights import sha256, write_weights
from hemoseg.steps.zoo_description import preprocessing
from hemoseg.training.batches import Normalisation

pydantic = pytest.importorskip("pydantic")
for name in ("onnx", "onnxruntime", "onnxscript", "bioimageio.core"):
    pytest.importorskip(name, reason="needs the packages of hemoseg[export]")
if tuple(map(int, pydantic.VERSION.split(".")[:2])) >= (2, 14):
    pytest.skip("bioimageio.spec 0.5.12 needs pydantic below 2.14", allow_module_level=True)
pytestmark = pytest.mark.xdist_group("onnx")

CPU = torch.device("cpu")
SIZE = (40, 56)
SMALL = {
    "deconvnet": {"width": 2},
    "deeplabv3plus": {"width": 4, "channels": 4},
    "deformable_unet": {"width": 2, "levels": 1},
    "instance_unet": {"width": 2, "levels": 2, "anchor": 8.0},
    "mask_rcnn": {"width": 2, "channels": 4, "hidden": 4, "proposals": 10, "drawn": 8, "anchor": 8.0, "score": 0.0,
                  "painted": 0.0},
    "pspnet": {"width": 2},
    "ternausnet": {"width": 2},
    "unet": {"width": 2, "levels": 1},
    "vgg16_unet": {"width": 2},
}  # fmt: skip
PACKED, TRANSLATED = ("mask_rcnn", "unet"), ("instance_unet", "mask_rcnn")  # always
EVIDENCE = {
    "predict": {"cells": "watershed", "markers": {"source": "proposals", "score": 0.0}},
    "sharing": {"licence": "CC-BY-4.0", "authors": ["Ada Lovelace"]},
    "data": {
        "name": "Blood <b> of 2012", "licence": "CC0", "frames": 9, "white": 255.0,
        "citation": "Ljosa et al., Nature Methods, 2012, https://doi.org/10.1038/nmeth.2083; BBBC041",
    },
    "evaluations": {
        "splits": ["fold1"], "images": 9, "against": "truth", "units": "group", "n_units": 3,
        "rows": [
            {"column": column, "header": header, "class": name, "unit": "", "value": value, "low": 0.1, "high": None,
             "definition": f"definition of {header}"}
            for column, header in (("dice", "Dice"), ("f1_50", "F1 of the cells at 0.5"))
            for name, value in (("disc", 0.91), ("sickle", None))
        ],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A maker of a folder with a network as drawn, its package and its ONNX file, each made once."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            write_drawn(made[name] / "model", name)
        return made[name]

    return make


def write_drawn(folder, name):
    torch.manual_seed(0)
    network = models.load(name).build(3, 3, **SMALL.get(name, {})).train()
    for _ in range(0 if name == "mask_rcnn" else 5):  # running means of batch norms that are not as drawn
        network(torch.randn(2, 3, 32, 32))
    write_weights(folder / "model.safetensors", network.state_dict())
    write_json(folder / "evidence.json", EVIDENCE)
    description = {
        "model": f"my_{name}", "network": name, "settings": {"network_settings": SMALL.get(name, {})}, "in_channels": 3,
        "classes": ["background", "disc", "sickle"], "input_size": list(SIZE), "median_cell_area": 120.0,
        "weights_sha256": sha256(folder / "model.safetensors"), "training_ids": ["Jane Doe"],
        "normalisation": {"white": 255.0, "mean": [0.5, 0.4, 0.6], "sd": [0.2, 0.3, 0.25]},
    }  # fmt: skip
    write_json(folder / "model.json", description)


def export(folder, end):
    """The exported file, made at the first call."""
    path = folder / f"exported.{end}"
    if not path.exists():
        assert main(["export", str(folder / "model"), "--out", str(path)]) == 0
    return path


def image():
    random = np.random.default_rng(1)
    return (random.random((3, *SIZE)) * 255).astype(np.uint8)


def masks(model):
    """Classes and cells of an image, with proposals where the model makes some."""
    said = model.label(image())
    if said.instances is not None:
        return said.probability, said.classes, said.instances
    source = "distance" if said.boxes is None else "proposals"
    markers = {"source": source, "score": 0.0, "overlap": 0.3}
    return said.probability, *find_cells(said.classes, 4.0, cells="watershed", boxes=said.boxes, markers=markers)


def skip_slow(name, always):
    if name in SMALL and name not in always and os.environ.get("HEMOSEG_EVERY_EXPORT") != "1":
        pytest.skip("takes seconds to translate; HEMOSEG_EVERY_EXPORT=1 asks for it")


def test_a_package_says_what_its_folder_says_bit_for_bit(shared, network_name, capsys):
    skip_slow(network_name, PACKED)
    folder = shared(network_name)
    package = export(folder, "zip")
    if said := capsys.readouterr().out:
        assert "valid and tested by bioimageio.core" in said
    wanted, given = open_model(folder / "model", CPU), open_model(package, CPU)
    assert given.name == f"my_{network_name}"
    assert given.evidence == wanted.evidence == EVIDENCE
    assert (given.stride, given.makes_cells, given.white) == (wanted.stride, wanted.makes_cells, 255.0)
    for one, other in zip(masks(wanted), masks(given), strict=True):
        assert np.array_equal(one, other)


def test_an_onnx_file_gives_the_masks_of_its_folder(shared, network_name, capsys):
    skip_slow(network_name, TRANSLATED)
    folder = shared(network_name)
    if network_name == "mask_rcnn":
        assert main(["export", str(folder / "model"), "--out", str(folder / "exported.onnx")]) == 2
        assert "which ONNX cannot hold; export a package: --out name.zip\n" in capsys.readouterr().err
        return
    wanted, given = open_model(folder / "model", CPU), open_model(export(folder, "onnx"), CPU)
    assert (given.name, given.stride, given.sha256) == (wanted.name, wanted.stride, wanted.sha256)
    assert (given.propose is None) == (network_name != "instance_unet")
    (exact, classes, cells), (said, near_classes, near_cells) = masks(wanted), masks(given)
    top = np.sort(exact, axis=0)
    tied = top[-1] - top[-2] < 2e-4  # twice the largest difference of a probability
    far = np.abs(exact - said).max(axis=0) > 1e-4
    assert far.mean() <= (0.02 if network_name == "deconvnet" else 0)
    assert np.array_equal(classes[~tied & ~far], near_classes[~tied & ~far])
    if not (tied | far).any():
        assert np.array_equal(cells, near_cells)


def test_a_package_says_what_is_known_where_there_is_a_place_for_it(shared, tmp_path, monkeypatch):
    monkeypatch.setattr("hemoseg.steps.zoo.tested", lambda *_: "not tested again")
    write_drawn(tmp_path / "model", "mask_rcnn")
    without = {key: value for key, value in EVIDENCE["data"].items() if key != "citation"}
    write_json(tmp_path / "model/evidence.json", EVIDENCE | {"data": without})
    with zipfile.ZipFile(export(tmp_path, "zip")) as archive:
        told = yaml.safe_load(archive.read("bioimageio.yaml"))["config"]
    assert told["hemoseg"]["evaluations"][0]["results"][0] == [0.91, "not known"]
    assert "evaluations" not in told["bioimageio"]
    for path in (tmp_path / "model/evidence.json", tmp_path / "exported.zip"):
        path.unlink()
    with zipfile.ZipFile(export(tmp_path, "zip")) as archive:
        assert b"## Validation\n\nNot known" in archive.read("README.md")
        assert "evaluations" not in archive.read("bioimageio.yaml").decode()


def test_a_package_says_nothing_of_the_lab_and_all_of_the_model(shared):
    folder = shared("mask_rcnn")
    with zipfile.ZipFile(export(folder, "zip")) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    assert set(content) == {
        "README.md", "bioimageio.yaml", "cover.png", "evidence.json", "model.json", "model.safetensors", "network.pt",
        "test_input.npy", "test_output.npy",
    }  # fmt: skip
    for text in content.values():
        assert b"Jane Doe" not in text
        assert str(folder).encode() not in text
    assert b"Research use only" in content["README.md"]
    assert b"Blood &lt;b&gt; of 2012" in content["README.md"]
    told = yaml.safe_load(content["bioimageio.yaml"])
    (found,) = told["config"]["bioimageio"]["evaluations"]
    assert found["dataset_source"] == "https://doi.org/10.1038/nmeth.2083"
    assert found["metrics"] == ["Dice", "F1 of the cells "]
    assert (found["evaluation_factors"], found["results"]) == (["disc", "sickle"], [[0.91, "not known"]] * 2)
    assert (told["license"], told["authors"]) == ("CC-BY-4.0", [{"name": "Ada Lovelace"}])
    assert told["cite"][0]["doi"] == "10.1038/nmeth.2083"
    assert np.load(io.BytesIO(content["test_input.npy"])).max() <= 255


def test_the_same_model_makes_the_same_package(shared, tmp_path, monkeypatch):
    folder = shared("mask_rcnn")
    monkeypatch.setattr("hemoseg.steps.zoo.tested", lambda *_: "not tested again")
    again = tmp_path / "again.zip"
    assert main(["export", "--model", str(folder / "model"), "--out", str(again)]) == 0
    assert again.read_bytes() == export(folder, "zip").read_bytes()
    with zipfile.ZipFile(again) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


channels = st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 1)), min_size=1, max_size=4)


@given(channels, st.sampled_from([1.0, 255.0, 4095.0]), st.integers(0, 2**32))
def test_preprocessing_of_a_package_is_the_normalisation_of_training(facts, white, seed):
    mean, sd = zip(*facts, strict=True)
    told = {"white": white, "mean": mean, "sd": sd}
    images = np.random.default_rng(seed).random((1, len(mean), 3, 4)).astype(np.float32) * 1.2 * white
    wanted = Normalisation(**told).apply(torch.from_numpy(images)).numpy()
    for step in preprocessing(told):
        if step["id"] == "clip":
            images = np.minimum(images, step["kwargs"]["max"])
        else:
            gain, offset = (np.array(step["kwargs"][key])[:, None, None] for key in ("gain", "offset"))
            images = images * gain + offset
    assert np.allclose(images, wanted, rtol=1e-5, atol=1e-5)


def drop(name):
    def fault(content):
        del content[name]

    return fault


def swap(content):
    content["model.safetensors"] = content["model.safetensors"][:-1] + b"\0"


FAULTS = {
    "foreign": (drop("model.json"), "a package without model.json; only packages that `hemoseg export` wrote are read"),
    "no weights": (drop("model.safetensors"), "a package without model.safetensors"),
    "swapped weights": (swap, "package.zip: model.safetensors is not the file that model.json describes"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_package_that_was_tampered_with_is_refused(shared, tmp_path, name):
    with zipfile.ZipFile(export(shared("mask_rcnn"), "zip")) as archive:
        content = {one: archive.read(one) for one in archive.namelist()}
    fault, words = FAULTS[name]
    fault(content)
    path = tmp_path / "package.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for one, text in content.items():
            archive.writestr(one, text)
        archive.writestr("../outside.txt", "not to be unpacked")
    with pytest.raises(InputError, match=words.replace(".", r"\.")):
        open_model(path, CPU)
    assert not (tmp_path.parent / "outside.txt").exists()


def test_what_is_no_model_is_refused_in_one_sentence(shared, tmp_path, capsys):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"model.onnx: no readable ONNX file"):
        open_model(path, CPU)
    path.with_suffix(".txt").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"model.txt: no folder of a model and no package of one"):
        open_model(path.with_suffix(".txt"), CPU)
    broken = tmp_path / "broken.zip"
    broken.write_bytes(export(shared("mask_rcnn"), "zip").read_bytes()[:2000])
    with pytest.raises(InputError, match=r"broken.zip: no folder of a model and no package of one"):
        open_model(broken, CPU)
    assert main(["export", "--out", str(tmp_path / "a.zip")]) == 2
    assert "name one model, such as" in capsys.readouterr().err


def test_a_package_whose_network_says_something_else_is_not_kept(shared, tmp_path, monkeypatch, capsys):
    folder = shared("mask_rcnn")
    monkeypatch.setattr("hemoseg.steps.zoo.example_image", lambda *_: np.full((3, 128, 160), 40, np.float32))
    real = np.save
    shift = lambda path, array: real(path, array + (0.05 if "output" in str(path) else 0))  # noqa: E731
    monkeypatch.setattr("hemoseg.steps.zoo.np.save", shift)
    assert main(["export", str(folder / "model"), "--out", str(tmp_path / "a.zip")]) == 2
    said = capsys.readouterr().err
    assert "fails the test of bioimageio.core" in said
    assert "; no file is left" in said
    assert not list(tmp_path.iterdir())


def test_a_package_is_read_as_its_description_tells(shared):
    folder = shared("mask_rcnn")
    with zipfile.ZipFile(export(folder, "zip")) as archive:
        archive.extractall(folder / "unpacked")
    assert read_json(folder / "unpacked/model.json")["model"] == "my_mask_rcnn"
    assert np.array_equal(masks(open_model(folder / "unpacked", CPU))[2], masks(open_model(folder / "model", CPU))[2])
