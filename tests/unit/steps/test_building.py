"""Settings of a training that make no sense are one sentence, before anything heavy begins."""

import re
import types
from dataclasses import replace

import numpy as np
import pytest

from hemoseg import models
from hemoseg.__main__ import main
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.steps import building

TRAIN = {
    "steps": 4, "batch_size": 2, "learning_rate": 0.01, "weight_decay": 1e-8, "validate_every": 2,
    "loss": "cross_entropy", "normalise": "training_set", "precision": "32-true", "augment": {"flip": True},
}  # fmt: skip
STEP = {"model": "unet", "network": "unet", "network_settings": {}, "train": TRAIN}


@pytest.fixture
def samples():
    maps, box = [np.zeros((8, 8), np.uint8)], np.array([[0, 0, 8, 8]])
    return Samples(
        [np.zeros((3, 8, 8), np.uint8)], maps, [maps[0].astype(np.int32)], ["a"], ["a"], [""], [""], box, box[:, 2:],
        ["background", "cell"], 255.0,
    )  # fmt: skip


MODELS = {
    "misspelt": ("unet", {"widht": 3}, "`settings` of its block in params: unknown key 'widht'; did you mean 'width'?"),
    "text for a number": ("unet", {"width": "a"}, "model unet: width 'a' is no whole number; mend `settings`"),
    "a part of a channel": ("pspnet", {"width": 2.5}, "model pspnet: width 2.5 is no whole number; mend `settings`"),
    "a list for a word": ("pspnet", {"encoder": ["resnet18"]}, r"encoder \['resnet18'\] is no word; mend `settings`"),
    "null for a number": ("pspnet", {"dropout": None}, "model pspnet: dropout None is no number; mend `settings`"),
    "a number for a list": ("deeplabv3plus", {"rates": 5}, "model deeplabv3plus: rates 5 is no list; mend `settings`"),
    "yes for a number": ("unet", {"levels": True}, "model unet: levels True is no whole number; mend `settings`"),
    "too deep": ("unet", {"levels": 20}, r"may be 4096 at most, not 8 \* 2\*\*20; mend `settings`"),
    "far too deep": ("unet", {"levels": 10**9}, "may be 4096 at most"),
    "no level": ("deformable_unet", {"levels": 0}, "levels must be at least 1, not 0; mend"),
    "scope is text": (
        "deformable_unet",
        {"scope": "a"},
        "model deformable_unet: scope .* is no number; mend `settings`",
    ),
    "scope is negative": ("deformable_unet", {"scope": -1}, "0 or more, not -1; mend"),
    "scope is a bool": (
        "deformable_unet",
        {"scope": True},
        "model deformable_unet: scope True is no number; mend `settings`",
    ),
    "otsu has none": ("otsu", {"foo": 1}, "unknown key 'foo'; the keys are none"),
    "autolabel": ("autolabel", {"min_aera": 5}, "autolabel settings: unknown key 'min_aera'; did you mean 'min_area'?"),
    "autolabel value": ("autolabel", {"min_area": "5"}, "autolabel settings: min_area '5' is no number; correct it"),
    "autolabel polarity": ("autolabel", {"polarity": "drak"}, "polarity 'drak'; choose auto, dark or bright"),
}


@pytest.mark.parametrize("name", MODELS)
def test_settings_of_a_model_are_looked_over(samples, name):
    model, own, sentence = MODELS[name]
    module = models.load(model)
    act = building.build if models.is_network(module) else building.fit
    with pytest.raises(InputError, match=sentence):
        act(module, {"network": model, "network_settings": own}, samples)


def test_the_section_autolabel_fits_its_model(samples):
    own = {"morphology": ["rbc"], "class_of_kind": {"rbc": "cell"}, "min_area": 5}
    module = models.load("autolabel")
    fitted = building.fit(module, {"network": "autolabel", "network_settings": own}, samples)
    assert module.describe(fitted) == {}, "nothing was to be searched"


def test_autolabel_searches_on_the_training_samples_and_gives_the_class_of_the_kind(samples, capsys):
    module = models.load("autolabel")
    image = np.full((1, 8, 8), 200, np.uint8)
    image[:, 2:6, 2:6] = 50
    cells = np.zeros((8, 8), np.uint8)
    cells[2:6, 2:6] = 2
    names = ["background", "rbc", "macrophage"]
    known = {"images": [image] * 2, "classes": [cells, np.full((8, 8), 255, np.uint8)], "kinds": ["macrophage", "rbc"]}
    both = replace(samples, **known, instances=[cells.astype(np.int32)] * 2, class_names=names, ids=["a", "b"])
    own = {"search": {"offset": [0.1], "window": [3, 7], "min_area": [1], "morphology": [False]}, "polarity": "bright"}
    settings = {"network": "autolabel", "network_settings": own}
    fitted = building.fit(module, settings, both)
    found = module.describe(fitted)["autolabel_search"]
    assert list(found) == ["macrophage"], "an image of which nothing is known has no say"
    assert found["macrophage"]["point"]["polarity"] == "dark"
    said = module.predict(both.image(0), fitted, kind="macrophage", **own)
    assert np.array_equal(said.classes, cells)
    assert module.predict(both.image(0), fitted, kind="rbc", **own).classes.max() == 1
    capsys.readouterr()
    fitted = building.fit(module, settings, replace(both, classes=[np.full((8, 8), 255, np.uint8)] * 2))
    assert module.describe(fitted) == {}
    assert "no training image has labels; the settings are not searched" in capsys.readouterr().err


PLANS = {
    "misspelt": ({"stps": 3}, "train settings: unknown key 'stps'; did you mean 'steps'?"),
    "text": ({"steps": "3"}, "train settings: steps '3'; give a whole number, 0 or more"),
    "no batch": ({"batch_size": 0}, "train settings: batch_size 0; give a whole number, 1 or more"),
    "1e-3 is text to YAML": ({"learning_rate": "1e-3"}, "learning_rate '1e-3'; give a number such as 0.001"),
    "normalise": ({"normalise": "all"}, "normalise 'all'; choose training_set or none"),
    "imbalance": ({"imbalance": "weights"}, "imbalance 'weights'; choose none, class_weights or sampling"),
    "augment": ({"augment": {"flp": True}}, "augment: unknown key 'flp'; did you mean 'flip'?"),
    "no factor": ({"augment": {"stain": 0.5}}, "augment: stain 0.5; give a number, 1 or more"),
    "no number": ({"augment": {"blur": "much"}}, "augment: blur 'much'; give a number, 0 or more"),
    "augment is a list": ({"augment": ["flip"]}, "give keys and values"),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_that_makes_no_sense_is_refused(name):
    given, sentence = PLANS[name]
    with pytest.raises(InputError, match=sentence):
        building.plan(TRAIN | given)


@pytest.mark.parametrize("key", ["steps", "learning_rate", "normalise", "precision"])
def test_a_missing_key_of_a_plan_is_named(key):
    with pytest.raises(InputError, match=f"train settings: {key!r} is missing; add it"):
        building.plan({name: value for name, value in TRAIN.items() if name != key})


def test_what_has_a_default_may_be_missing():
    plan = building.plan({name: value for name, value in TRAIN.items() if name not in ("loss", "augment")})
    assert (plan.loss, plan.augment, plan.steps) == ("cross_entropy", {}, 4)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"network": "unet"}, "'model' is missing; the keys are model, network"),
        (STEP | {"trian": {}}, "unknown key 'trian'; did you mean 'train'?"),
        (STEP | {"network_settings": 3}, "network_settings 3; give keys and values"),
    ],
)
def test_the_settings_of_the_step_are_looked_over(given, sentence):
    with pytest.raises(InputError, match=re.escape("train --settings: ") + sentence):
        building.checked(given)


def test_the_command_says_it(capsys, tmp_path):
    files = [word for name in ("samples", "splits", "out", "resume") for word in (f"--{name}", str(tmp_path / name))]
    assert main(["train", "--settings", "{}", *files, "--split", "f", "--seed", "0"]) == 2
    assert "train --settings: 'model' is missing" in capsys.readouterr().err


def test_weights_that_cannot_be_kept_are_refused():
    with pytest.raises(InputError, match=r"train settings: keep 'lst'; choose best \(on validation\) or last"):
        building.plan(TRAIN | {"keep": "lst"})


@pytest.mark.parametrize("value", [0, True, "3", -1.5])
def test_a_touching_distance_that_is_none_is_refused(value):
    with pytest.raises(InputError, match=r"train settings: touching .*; give a distance in pixels, 1 or more, or null"):
        building.plan(TRAIN | {"touching": value})


def test_a_network_may_fill_in_its_settings_from_the_training_cells(samples):
    settings = STEP | {"network_settings": {"anchor": 0}}
    taking = types.SimpleNamespace(settle=lambda own, cells: own | {"anchor": len(cells)})
    assert building.settled(taking, settings, samples)["network_settings"] == {"anchor": 1}
    assert settings["network_settings"] == {"anchor": 0}
    assert building.settled(types.SimpleNamespace(), settings, samples) is settings


def test_a_network_that_cannot_settle_says_why(samples):
    def settle(own, cells):
        raise ValueError("no cell to measure; give labelled images")

    with pytest.raises(InputError, match="model unet: no cell to measure; give labelled images"):
        building.settled(types.SimpleNamespace(settle=settle), STEP, samples)
