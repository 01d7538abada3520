"""Published weights in the plan: one source each, told to the training, known to DVC by their hash."""

from pathlib import Path

import pytest
from plan import merged, resolve
from pretrained import addresses, told_to_train
from refusals import PlanError
from stages import stages_of

from tests.overlaid import PARAMS

URL, DIGEST = "https://example.org/a/resnet18.pth?x=1", "AB" * 32


def planned(pretrained, **model):
    overlay = {"experiments": {"scd2020_binary": {"models": {"pspnet": {"pretrained": pretrained} | model}}}}
    return resolve(merged(PARAMS, overlay))


def model_of(plan):
    return plan["experiments"]["scd2020_binary"]["models"]["pspnet"]


@pytest.fixture
def file(tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"x")
    return tmp_path / "weights.safetensors"


def test_what_is_fetched_is_named_by_its_hash():
    plan = planned({"url": URL, "sha256": DIGEST})
    name = f"{DIGEST.lower()}.pth"
    assert model_of(plan)["pretrained"]["file"] == f"data/weights/{name}"
    assert addresses(plan["experiments"])[name] == {"url": URL, "sha256": DIGEST.lower()}
    assert told_to_train(model_of(plan)) == {"pretrained": {"sha256": DIGEST.lower(), "from": URL}}


def test_a_file_is_used_where_it_lies_and_told_without_its_folder(file):
    plan = planned({"path": str(file)})
    assert model_of(plan)["pretrained"]["file"] == str(file)
    assert addresses(plan["experiments"]) == {}
    assert told_to_train(model_of(plan)) == {"pretrained": {"sha256": None, "from": "weights.safetensors"}}


@pytest.mark.parametrize("nothing", [None, {}, {"path": None, "url": None}])
def test_without_published_weights_nothing_is_told(nothing):
    plan = planned(nothing)
    assert model_of(plan)["pretrained"] is None
    assert told_to_train(model_of(plan)) == {}
    assert addresses(plan["experiments"]) == {}


FAULTS = {
    "both": ({"url": URL, "sha256": DIGEST, "path": "a.pth"}, {}, "give either `path`, a file, or `url`"),
    "neither": ({"sha256": DIGEST}, {}, "give either `path`, a file, or `url`"),
    "no hash": ({"url": URL}, {}, "a url needs its sha256"),
    "half a hash": ({"url": URL, "sha256": "ab"}, {}, "sha256: 'ab' is no hash; give 64 hexadecimal digits"),
    "no file": ({"path": "nowhere.pth"}, {}, "path: there is no file nowhere.pth; put the weights there"),
    "no weights": ({"url": "https://a.org/b.zip", "sha256": DIGEST}, {}, "/b.zip is no file of weights; give one"),
    "no web": (
        {"url": "file:///a.pth", "sha256": DIGEST},
        {},
        "'file:///a.pth' is no web address; give one, or name a",
    ),
    "no scheme": ({"url": "example.org/a.pth", "sha256": DIGEST}, {}, "is no web address"),
    "half an address": (
        {"url": "http://[::1/a.pth", "sha256": DIGEST},
        {},
        "is no address (Invalid IPv6 URL); mend it",
    ),
    "misspelt": ({"ulr": URL}, {}, "unknown key 'ulr'; did you mean url"),
    "two starts": ({"url": URL, "sha256": DIGEST}, {"init_from": "unet"}, "init_from already says where"),
    "no training": ({"url": URL, "sha256": DIGEST}, {"weights_from": "unet"}, "weights_from already says where"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_names_no_weights_is_refused_in_one_sentence(name):
    given, model, sentence = FAULTS[name]
    with pytest.raises(PlanError) as refused:
        planned(given, **model)
    assert str(refused.value).startswith("params.experiments.scd2020_binary.models.pspnet")
    assert sentence in str(refused.value)


def test_dvc_knows_the_weights_by_their_hash(file, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[3])
    stage = "scd2020_binary/train/pspnet"
    plain, fetched = (stages_of(planned(given))[stage] for given in (None, {"url": URL, "sha256": DIGEST}))
    assert "pretrained" not in plain["settings"]
    assert fetched["settings"]["pretrained"]["sha256"] == DIGEST.lower()
    with pytest.raises(PlanError, match=r"pspnet\.pretrained: without its sha256 DVC would not see another file"):
        stages_of(planned({"path": str(file)}))
    assert stages_of(planned({"path": str(file), "sha256": DIGEST}))[stage] != fetched
