import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import hemoseg
from hemoseg.__main__ import main
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.models import deconvnet, deformable_unet
from hemoseg.nn.deform_conv import DeformConv2d
from hemoseg.steps import export
from hemoseg.steps.files import read_json, write_json
from hemoseg.steps.graphs import ImageToProbability, build
from hemoseg.steps.predict import DEFAULTS, predictor
from hemoseg.steps.weights import read_model, read_weights, sha256, write_weights
from hemoseg.training.batches import Normalisation

MISSING = "needs the packages of hemoseg[export]"
onnx, onnxruntime, _ = (pytest.importorskip(name, reason=MISSING) for name in ("onnx", "onnxruntime", "onnxscript"))
# What torch's exporter needs before its first translation takes seconds: once, for all files that translate.
pytestmark = pytest.mark.xdist_group("onnx")
WHITE = 4095.0  # a camera of 12 bits
SIZES = [(24, 32), (13, 40)]
WHOLE = DEFAULTS | {"window": None}


def write_trained(folder):
    """A model folder such as `train` leaves; its network answers of the order of 1 and moves its points."""
    torch.manual_seed(0)
    settings = {"width": 2, "levels": 1, "head": "last", "scope": 2.0, "backend": "auto"}
    network = deformable_unet.build(3, 3, **settings).train()
    for layer in network.modules():
        if isinstance(layer, DeformConv2d):
            torch.nn.init.normal_(layer.offset.weight, std=0.3)
            layer.backend = "kornia"
    for _ in range(20):
        network(torch.randn(4, 3, 16, 16))
    write_weights(folder / "model.safetensors", network.state_dict())
    description = {
        "network": "deformable_unet", "settings": {"network_settings": settings}, "in_channels": 3,
        "classes": ["background", "disc", "sickle-é"], "input_size": [24, 32],
        "weights_sha256": sha256(folder / "model.safetensors"),
        "normalisation": {"white": WHITE, "mean": [0.5, 0.4, 0.6], "sd": [0.2, 0.3, 0.25]},
    }  # fmt: skip
    write_json(folder / "model.json", description)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with a model and the file that the command made of it."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "model").mkdir()
    write_trained(folder / "model")
    assert main(["export", "--model", str(folder / "model"), "--out", str(folder / "model.onnx")]) == 0
    return folder


@pytest.fixture
def lab(tmp_path, exported, monkeypatch):
    """A folder of the test's own with the model and an older file; the translation is taken from the shelf."""
    (tmp_path / "model").mkdir()
    for file in (exported / "model").iterdir():
        (tmp_path / "model" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"older")
    monkeypatch.setattr(export, "translate", lambda *_: (exported / "model.onnx").read_bytes())
    return tmp_path


def run(lab, out="model.onnx"):
    return main(["export", "--model", str(lab / "model"), "--out", str(lab / out)])


def images(size, *, brightest=1.2 * WHITE):
    return (np.random.default_rng(0).random((2, 3, *size)) * brightest).astype(np.uint16)


@pytest.mark.parametrize("size", SIZES)
def test_file_gives_the_probabilities_of_predict(exported, size):
    given = images(size)
    said = onnxruntime.InferenceSession(exported / "model.onnx").run(None, {"image": given.astype(np.float32)})[0]
    assert said.dtype == np.float32
    assert said.shape == (2, 3, *size)
    assert np.abs(said.sum(axis=1) - 1).max() < 1e-5
    assert said.std(axis=(0, 2, 3)).min() > 0.01  # it does not say the same everywhere
    weights, description = read_model(exported / "model")
    predict = predictor(description, weights, WHOLE, torch.device("cpu"))
    samples = Samples(list(given), [], [], ["a", "b"], ["a", "b"], [""] * 2, [""] * 2, None, None, [], WHITE)
    for position in range(2):
        assert np.abs(predict(samples, position).probability - said[position]).max() < 1e-5


def test_file_says_what_it_is_and_not_where_it_was_made(exported):
    model = onnx.load(exported / "model.onnx")
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(facts.pop("classes")) == ["background", "disc", "sickle-é"]
    assert json.loads(facts.pop("model.json")) == read_json(exported / "model/model.json")
    assert json.loads(facts.pop("evidence.json")) == {}
    assert facts == {
        "project": f"hemoseg {hemoseg.__version__}", "network": "deformable_unet", "channels": "3",
        "white_level": "4095.0", "stride": "2", "weights_sha256": sha256(exported / "model/model.safetensors"),
    }  # fmt: skip
    assert {entry.version for entry in model.opset_import} == {18}
    for value, channels in ((model.graph.input[0], 3), (model.graph.output[0], 3)):
        sides = [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        assert sides == ["batch", channels, "height", "width"]
    content = (exported / "model.onnx").read_bytes()
    for path in (Path(export.__file__), Path(torch.__file__), exported):
        assert str(path.parent).encode() not in content
    assert b".py" not in content


def test_compiled_layers_are_switched_and_counted(exported):
    graph = build(*reversed(read_model(exported / "model")), exported)
    assert {layer.backend for layer in graph.modules() if isinstance(layer, DeformConv2d)} == {"kornia"}
    assert not graph.training


def test_result_and_its_distance_from_torch_are_told(lab, capsys):
    assert run(lab) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{lab / 'model.onnx'}: 3 channels to 3 classes; differs from torch by ")
    assert float(said.split("torch by ")[1].split()[0]) < 1e-5
    assert f"(onnxruntime {onnxruntime.__version__})" in said
    assert (lab / "model.onnx").read_bytes() != b"older"


def test_without_a_runtime_the_file_is_written_unchecked(lab, monkeypatch, capsys):
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxruntime" else name)
    assert run(lab) == 0
    assert "not checked, since onnxruntime is not installed" in capsys.readouterr().out


def other_weights(lab):
    path = lab / "model/model.safetensors"
    write_weights(path, {name: value + 0.01 * value.dim() for name, value in read_weights(path)[0].items()})
    change(lab, weights_sha256=sha256(path))


def no_numbers(lab):
    path = lab / "model/model.safetensors"
    write_weights(path, {name: value * float("nan") for name, value in read_weights(path)[0].items()})
    change(lab, weights_sha256=sha256(path))


@pytest.fixture(scope="module")
def unpooling(tmp_path_factory):
    """The file of a deconvolution network as drawn, and what it was made of."""
    torch.manual_seed(0)
    network = deconvnet.build(3, 2, width=2)
    for values in network.parameters():
        torch.nn.init.normal_(values, std=0.1 if values.dim() == 1 else 0.4)
    normalisation = {"white": 255.0, "mean": [0.5] * 3, "sd": [0.2] * 3}
    graph = ImageToProbability(network, Normalisation(**normalisation)).eval()
    described = {"network": "deconvnet", "in_channels": 3, "classes": ["background", "cell"], "weights_sha256": "0"}
    path = tmp_path_factory.mktemp("unpooling") / "model.onnx"
    path.write_bytes(export.translate(graph, described | {"normalisation": normalisation}))
    return path, graph


def test_unpooling_becomes_a_scatter_of_the_standard_and_agrees_where_maxima_are_no_ties(unpooling):
    path, graph = unpooling
    model = onnx.load(path)
    assert {(entry.domain, entry.version) for entry in model.opset_import} == {("", 18)}
    assert sum(node.op_type == "ScatterND" for node in model.graph.node) == 3  # a level each
    for shape in [(1, 24, 32), (2, 37, 43), (1, 61, 75), (3, 1, 13), (1, 101, 99)]:
        found = export.differences(path, graph, [shape], 3)
        assert found.shape == (np.prod(shape),)
        assert (found > export.TOLERANCE).mean() <= export.CHOSEN_OTHERWISE
        assert np.median(found) < 1e-6
    with torch.no_grad():
        graph.network.down[1][0].weight[0] += 0.1
    assert (export.differences(path, graph, [(1, 64, 64)], 3) > export.TOLERANCE).mean() > 0.1  # other weights


SHARES = {  # of pixels that are far, whether the network unpools, words
    (0, True): "differs from torch by 1.0e-07 at most (onnxruntime ",
    (0.01, True): "at most (onnxruntime {}), but by up to 0.30 in 1.00% of the pixels, where rounding chose another",
    (0.03, True): None, (0.01, False): None, (float("nan"), True): None,
}  # fmt: skip


@pytest.mark.parametrize(("share", "unpools"), SHARES)
def test_few_pixels_may_be_far_where_a_network_unpools(monkeypatch, share, unpools):
    found = np.full(1000, 1e-7, np.float32)
    found[: 1 if np.isnan(share) else int(1000 * share)] = np.nan if np.isnan(share) else 0.3
    monkeypatch.setattr(export, "differences", lambda *_: found)
    graph = SimpleNamespace(network=SimpleNamespace(chooses=unpools))
    given = (Path("model.onnx"), graph, {"input_size": [16, 16], "in_channels": 3})
    if words := SHARES[share, unpools]:
        assert words.format(onnxruntime.__version__) in export._check(*given)
    else:
        with pytest.raises(InputError, match=r"exported network is (nan|3.0e-01) from torch .*; no file is left; "):
            export._check(*given)


def drop_a_weight(lab):
    path = lab / "model/model.safetensors"
    write_weights(path, dict(list(read_weights(path)[0].items())[1:]))
    change(lab, weights_sha256=sha256(path))


def change(lab, **given):
    write_json(lab / "model/model.json", read_json(lab / "model/model.json") | given)


def drop_a_fact(lab):
    description = read_json(lab / "model/model.json")
    write_json(lab / "model/model.json", {key: value for key, value in description.items() if key != "input_size"})


FAULTS = {
    "file differs": (other_weights, "from torch in onnxruntime"),
    "no numbers": (no_numbers, "the exported network is nan from torch"),
    "otsu": (lambda lab: change(lab, network="otsu"), "'otsu' is a classical method; only networks are exported"),
    "autolabel": (lambda lab: change(lab, network="autolabel"), "'autolabel' is a classical method; only networks"),
    "unknown network": (lambda lab: change(lab, network="unett"), "there is no model 'unett' (src/hemoseg/models"),
    "a weight is missing": (drop_a_weight, "the weights do not fit what 'deformable_unet' builds now; train again"),
    "a fact is missing": (drop_a_fact, "model.json: 'input_size' is missing; train it again"),
    "strange settings": (
        lambda lab: change(lab, settings={"network_settings": {"depth": 3}}),
        "describes no network of this version (build() got an unexpected keyword argument 'depth'); train it again",
    ),
    "no settings": (lambda lab: change(lab, settings={}), "what it says of 'settings' makes no sense; train"),
    "no normalisation": (lambda lab: change(lab, normalisation=None), "model.json: describes no network of this"),
    "swapped weights": (lambda lab: change(lab, weights_sha256="0"), "not the file that model.json describes"),
    "no model": (lambda lab: (lab / "model/model.json").unlink(), "model.json: no such file; run the step"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_exported_is_refused_in_one_sentence_and_leaves_the_older_file(lab, capsys, name):
    fault, words = FAULTS[name]
    fault(lab)
    assert run(lab) == 2
    said = capsys.readouterr().err
    assert said.startswith("hemoseg export: ")
    assert words in said
    assert said.count("\n") == 1
    assert (lab / "model.onnx").read_bytes() == b"older"
    assert sorted(path.name for path in lab.iterdir()) == ["model", "model.onnx"]


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(lab, monkeypatch, capsys, package):
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == package else name)
    assert run(lab) == 2
    assert f'export: {package}: not installed; run: pip install "hemoseg[export]"\n' in capsys.readouterr().err


def test_more_weights_than_one_file_holds_are_refused(lab, monkeypatch, capsys):
    monkeypatch.setattr(export, "MOST_BYTES", 1000)
    assert run(lab) == 2
    assert "more than 2 GB of weights do not fit into one ONNX file" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["model", "model/model.safetensors", "folder.onnx"])
def test_a_name_that_is_no_onnx_file_is_refused(lab, capsys, out):
    (lab / "folder.onnx").mkdir()
    assert run(lab, out) == 2
    assert "names no file of a known kind; choose a name that ends in .onnx or .zip" in capsys.readouterr().err


def test_a_network_that_torch_cannot_translate_is_named(monkeypatch):
    def refuse(*_, **__):
        raise torch.onnx.OnnxExporterError("long story") from ValueError("data-dependent branch\nand where")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    graph = ImageToProbability(torch.nn.Identity(), Normalisation(1.0, (0.0,), (1.0,)))
    with pytest.raises(
        InputError, match=r"network 'mine': torch cannot translate it to ONNX \(data-dependent branch\)"
    ):
        export.translate(graph, {"network": "mine", "in_channels": 1})
