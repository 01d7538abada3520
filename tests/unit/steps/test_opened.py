"""A model that is opened says what `predict` says of the same image."""

import contextlib
import json

import numpy as np
import pytest
import torch

from hemoseg import models
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.inference.windows import predict_windows
from hemoseg.steps.files import read_json, write_json
from hemoseg.steps.opened import open_model
from hemoseg.steps.predict import DEFAULTS, checked, predictor
from hemoseg.steps.weights import read_model, read_weights, sha256, write_weights

CPU = torch.device("cpu")
SIZE = (24, 32)
SETTINGS = {
    "unet": {"width": 4, "levels": 1},
    "instance_unet": {"width": 4, "levels": 2, "anchor": 8.0},
    "mask_rcnn": {
        "width": 2,
        "channels": 4,
        "hidden": 4,
        "proposals": 10,
        "drawn": 8,
        "anchor": 8.0,
        "score": 0.0,
        "painted": 0.0,
    },
    "otsu": {},
    "autolabel": {},
}


def write_model(folder, name, white=255.0):
    """A folder such as `train` leaves, of a network as drawn or a method that learnt nothing."""
    torch.manual_seed(0)
    module, settings = models.load(name), SETTINGS[name]
    if models.is_network(module):
        tensors = module.build(3, 3, **settings).state_dict()
    else:
        tensors = {key: torch.from_numpy(value) for key, value in module.fit([], [], [], **settings).items()}
    write_weights(folder / "model.safetensors", tensors)
    description = {
        "model": f"my_{name}", "network": name, "settings": {"network_settings": settings}, "in_channels": 3,
        "classes": ["background", "disc", "sickle"], "input_size": list(SIZE), "median_cell_area": 20.0,
        "weights_sha256": sha256(folder / "model.safetensors"),
        "normalisation": {"white": white, "mean": [0.5] * 3, "sd": [0.2] * 3} if models.is_network(module) else None,
    }  # fmt: skip
    write_json(folder / "model.json", description)
    return description


def image(dtype=np.uint8, size=SIZE):
    """Two bright squares on noisy ground."""
    random = np.random.default_rng(0)
    bright = np.zeros(size)
    bright[4:12, 4:12] = bright[14:20, 20:28] = 0.6
    return ((bright + random.random((3, *size)) * 0.3) * np.iinfo(dtype).max).astype(dtype)


def said_by_predict(folder, given, white):
    weights, description = read_model(folder)
    samples = Samples([given], [], [], ["a"], ["a"], [""], [""], None, None, [], white)
    return predictor(description, weights, checked(DEFAULTS), CPU)(samples, 0)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_opened_folder_says_what_predict_says(tmp_path, name, dtype):
    white = float(np.iinfo(dtype).max)
    description = write_model(tmp_path, name, white)
    model, given = open_model(tmp_path, CPU), image(dtype)
    wanted, said = said_by_predict(tmp_path, given, white), model.label(given)
    for part in ("classes", "probability", "instances", "boxes"):
        one, other = getattr(wanted, part), getattr(said, part)
        assert (one is None) == (other is None)
        assert one is None or np.array_equal(one, other)
    assert said.classes.any()
    assert (model.name, model.sha256) == (f"my_{name}", description["weights_sha256"])
    assert model.makes_cells == (name == "mask_rcnn")
    assert (model.probability is None) == (name not in ("unet", "instance_unet"))
    assert (model.propose is None) == (name not in ("instance_unet", "mask_rcnn"))
    assert model.evidence == {}


def test_windows_of_an_opened_network_are_those_of_predict(tmp_path):
    write_model(tmp_path, "unet")
    model, given = open_model(tmp_path, CPU), image(size=(40, 50))
    settings = checked(DEFAULTS | {"window": [16, 16]})
    weights, description = read_model(tmp_path)
    samples = Samples([given], [], [], ["a"], ["a"], [""], [""], None, None, [], 255.0)
    wanted = predictor(description, weights, settings, CPU)(samples, 0).probability
    told = torch.from_numpy(given.astype(np.float32))
    said = predict_windows(model.probability, told, window=(16, 16), overlap=settings["overlap"])
    assert np.array_equal(said.numpy(), wanted)


def test_evidence_beside_the_model_is_handed_on_and_its_markers_hold(tmp_path):
    write_model(tmp_path, "instance_unet")
    write_json(tmp_path / "evidence.json", {"predict": {"markers": {"score": 1.0}}, "scale": {"factor": 0.5}})
    model = open_model(tmp_path, CPU)
    assert model.evidence["scale"] == {"factor": 0.5}
    assert len(model.label(image()).boxes) == 0  # none is so sure
    assert len(model.propose(image(), 0.0, 0.3)) > 0


def test_mixed_precision_stays_near(tmp_path):
    write_model(tmp_path, "unet")
    exact, mixed = (open_model(tmp_path, CPU, precision) for precision in ("32-true", "bf16-mixed"))
    difference = np.abs(exact.label(image()).probability - mixed.label(image()).probability).max()
    assert 0 < difference < 0.02


def test_a_white_level_that_the_evidence_tells_holds_for_a_method(tmp_path, monkeypatch):
    write_model(tmp_path, "otsu")
    seen = []
    monkeypatch.setattr("hemoseg.models.otsu.predict", lambda image, fitted, kind: seen.append((image, kind)))
    full = np.full((3, 4, 5), 4095, np.uint16)
    for evidence, given in (({}, full), ({"data": {"white": 4095.0}}, full), ({}, full / np.float32(4095))):
        write_json(tmp_path / "evidence.json", evidence)
        with contextlib.suppress(AttributeError):  # the stand-in says nothing
            open_model(tmp_path, CPU).label(given, "rbc")
    assert [float(given.max()) for given, _ in seen] == [pytest.approx(4095 / 65535), 1.0, 1.0]
    assert {kind for _, kind in seen} == {"rbc"}


NORMALISATION = {"white": 255.0, "mean": [0.5] * 3, "sd": [0.2] * 3}
SENSELESS = [
    ("settings", {}), ("settings", None), ("network", 5), ("in_channels", 10**9), ("in_channels", "3"),
    ("classes", "ab"),
    ("classes", ["background"]), ("classes", ["background", "cell", "cell"]), ("classes", [1, 2, 3]),
    ("normalisation", NORMALISATION | {"white": 0}), ("normalisation", NORMALISATION | {"white": float("nan")}),
    ("normalisation", NORMALISATION | {"sd": [0.2, 0.2, 0]}), ("normalisation", NORMALISATION | {"mean": [0.5]}),
    ("median_cell_area", "large"), ("input_size", [0, 64]), ("model", 7),
]  # fmt: skip
FRAMES = {
    "features": {"focus": {"median": 1.0, "sd": 0.1, "high": 2.0, "low": -2.0}}, "field": [64, 64], "white": None,
    "distance": {"names": ["focus"], "correlation": [[1.0]], "limit": 3.0},
}  # fmt: skip
SENSELESS_EVIDENCE = [
    ("scale", "x"), ("scale", {"factor": "x"}), ("predict", [1]), ("predict", {"markers": 1}), ("errors", "x"),
    ("agreement", {"dice": 1}), ("frames", [1]), ("frames", {"features": {}}), ("frames", FRAMES | {"field": [0, 1]}),
    ("frames", FRAMES | {"distance": FRAMES["distance"] | {"correlation": [[1, 0]]}}),
]  # fmt: skip


def test_evidence_that_makes_no_sense_is_refused_in_one_sentence(tmp_path):
    write_model(tmp_path, "unet")
    write_json(tmp_path / "evidence.json", {"frames": FRAMES})
    open_model(tmp_path, CPU)
    for section, told in SENSELESS_EVIDENCE:
        write_json(tmp_path / "evidence.json", {section: told})
        with pytest.raises(InputError, match=f"evidence.json: what it says of '{section}' makes no sense; run `share`"):
            open_model(tmp_path, CPU)


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    write_model(tmp_path, "unet")
    tensors = read_weights(tmp_path / "model.safetensors")[0]
    name = next(name for name in tensors if name.endswith("weight"))
    write_weights(tmp_path / "model.safetensors", tensors | {name: tensors[name] * float("nan")})
    description = read_json(tmp_path / "model.json")
    write_json(tmp_path / "model.json", description | {"weights_sha256": sha256(tmp_path / "model.safetensors")})
    with pytest.raises(InputError, match="the weights hold values that are no numbers; train again"):
        open_model(tmp_path, CPU)


def test_what_does_not_fit_is_refused_in_one_sentence(tmp_path):
    write_model(tmp_path, "unet")
    with pytest.raises(InputError, match="the model reads 3 channels, the image has 1"):
        open_model(tmp_path, CPU).label(image()[:1])
    with pytest.raises(InputError, match="precision '8'; choose 32-true, 16-mixed, bf16-mixed"):
        open_model(tmp_path, CPU, "8")
    description = read_json(tmp_path / "model.json")
    for change, words in (
        ({"settings": {"network_settings": {"depth": 1}}}, "unexpected keyword argument 'depth'"),
        ({"normalisation": None}, "describes no network of this version"),
        ({"network": "os"}, "there is no model 'os'"),
        ({"in_channels": 4, "normalisation": {"white": 255, "mean": [0] * 4, "sd": [1] * 4}}, "the weights do not fit"),
        *(
            ({key: value}, f"model.json: what it says of '{key}' makes no sense; train again")
            for key, value in SENSELESS
        ),
    ):
        write_json(tmp_path / "model.json", description | change)
        with pytest.raises(InputError, match=words):
            open_model(tmp_path, CPU)
    write_json(tmp_path / "model.json", description)
    (tmp_path / "evidence.json").write_text("[]")
    with pytest.raises(InputError, match=r"evidence.json: holds no sections"):
        open_model(tmp_path, CPU)
    (tmp_path / "evidence.json").write_text("{")
    with pytest.raises(InputError, match=r"evidence.json: not readable as JSON"):
        open_model(tmp_path, CPU)


def onnx_file(path, told, weights=0.1, name="probability", stride="1"):
    """A file such as `export` writes, of a network that is one convolution of 1 x 1."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, tensor = onnx.helper, onnx.numpy_helper.from_array(np.full((3, 3, 1, 1), weights, np.float32), "weights")
    ends = (helper.make_tensor_value_info(one, 1, ["b", 3, "h", "w"]) for one in ("image", name))
    nodes = [
        helper.make_node("Conv", ["image", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [name], axis=1),
    ]
    graph = helper.make_graph(nodes, "network", [next(ends)], [next(ends)], [tensor])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    texts = {"model.json": json.dumps(told), "evidence.json": "{}", "stride": stride}
    helper.set_model_props(model, texts)
    path.write_bytes(model.SerializeToString())
    return path


ONNX_FAULTS = {
    "another output": ({}, {"name": "logit"}, "takes .'image'. and gives .'logit'.; only files of `hemoseg export`"),
    "no stride": ({}, {"stride": "0"}, "says nothing of its normalisation or its stride; export it again"),
    "no normalisation": ({"normalisation": None}, {}, "says nothing of its normalisation or its stride"),
    "weights that are no numbers": ({}, {"weights": np.nan}, "gives no probability of each of its classes"),
    "other classes": ({"classes": ["background", "cell"]}, {}, "gives no probability of each of its classes"),
    "other channels": (
        {"in_channels": 1, "normalisation": {"white": 255, "mean": [0], "sd": [1]}}, {}, "does not run .*; export it"
    ),
    "a description that makes no sense": ({"classes": "abc"}, {}, "what it says of 'classes' makes no sense"),
}  # fmt: skip


@pytest.mark.parametrize("fault", ONNX_FAULTS)
def test_an_onnx_file_is_tried_before_anything_rests_on_it(tmp_path, fault):
    write_model(tmp_path, "unet")
    description = read_json(tmp_path / "model.json")
    open_model(onnx_file(tmp_path / "well.onnx", description), CPU)
    change, options, sentence = ONNX_FAULTS[fault]
    path = onnx_file(tmp_path / "ill.onnx", description | change, **options)
    with pytest.raises(InputError, match=f"ill.onnx: {sentence}"):
        open_model(path, CPU)
