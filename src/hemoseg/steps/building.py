"""From settings to what is trained: every key is known and every number is one before anything heavy begins."""

import inspect
from collections.abc import Callable
from types import ModuleType, UnionType
from typing import Any, get_args

import numpy as np
import torch

from hemoseg.data import choice
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.settings import with_defaults
from hemoseg.training.augment import Augmentation
from hemoseg.training.imbalance import KINDS
from hemoseg.training.loop import Plan

STEP_KEYS = ("model", "network", "network_settings", "train")
STEP_OPTIONAL = ("pretrained",)
OF_PLAN = tuple(inspect.signature(Plan).parameters)
OWN = ("normalise", "precision", "only", "most")  # of the section `train`, read by the step itself
OPTIONAL = ("loss", "imbalance", "augment", "touching", "keep", "per_kind", "only", "most")
COUNTS = {"steps": 0, "batch_size": 1, "validate_every": 1}  # least value of each
NUMBERS = ("learning_rate", "weight_decay")
AUGMENT = {"stain": 1, "light": 1, "hue": 0, "blur": 0, "rotate": 0, "brightness": 0, "contrast": 0}  # least values

# What may be given for a setting of a network whose default is of this type.
LIKE = {
    bool: (bool, "true or false"),
    int: (int, "whole number"),
    float: ((int, float), "number"),
    str: (str, "word"),
    tuple: ((list, tuple), "list"),
}


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of the step themselves.

    Raises:
        InputError: a key is missing or unknown, or one that holds settings holds something else.
    """
    with_defaults(settings, dict.fromkeys((*STEP_KEYS, *STEP_OPTIONAL)), "train --settings")
    if missing := [key for key in STEP_KEYS if key not in settings]:
        raise InputError(f"train --settings: {missing[0]!r} is missing; the keys are {', '.join(STEP_KEYS)}")
    for key in ("network_settings", "train", "pretrained"):
        if not isinstance(settings.get(key, {}), dict):
            raise InputError(f"train --settings: {key} {settings[key]!r}; give keys and values, such as {{}}")
    return settings


def plan(train: dict[str, Any]) -> Plan:
    """The plan of a training from the section `train`.

    Raises:
        InputError: a key is missing or unknown, or a value makes no sense.
    """
    keys = (*OF_PLAN, *OWN)
    with_defaults(train, dict.fromkeys(keys), "train settings")
    if missing := [key for key in keys if key not in train and key not in OPTIONAL]:
        raise InputError(f"train settings: {missing[0]!r} is missing; add it, as params.yaml does")
    for key, least in COUNTS.items():
        if isinstance(train[key], bool) or not isinstance(train[key], int) or train[key] < least:
            raise InputError(f"train settings: {key} {train[key]!r}; give a whole number, {least} or more")
    for key in NUMBERS:
        if isinstance(train[key], bool) or not isinstance(train[key], int | float) or not train[key] >= 0:
            raise InputError(f"train settings: {key} {train[key]!r}; give a number such as 0.001 (not 1e-3), 0 or more")
    if train["normalise"] not in ("training_set", "none"):
        raise InputError(f"train settings: normalise {train['normalise']!r}; choose training_set or none")
    if (imbalance := train.get("imbalance", "none")) not in KINDS:
        raise InputError(f"train settings: imbalance {imbalance!r}; choose {', '.join(KINDS[:-1])} or {KINDS[-1]}")
    if (keep := train.get("keep", "best")) not in ("best", "last"):
        raise InputError(f"train settings: keep {keep!r}; choose best (on validation) or last")
    choice.check(train.get("only", {}), train.get("most"))
    _check_per_kind(train.get("per_kind", {}), train["batch_size"], train.get("imbalance", "none"))
    touching = train.get("touching")
    number = isinstance(touching, int | float) and not isinstance(touching, bool)
    if touching is not None and not (number and touching >= 1):
        raise InputError(f"train settings: touching {touching!r}; give a distance in pixels, 1 or more, or null")
    augment = train.get("augment", {})
    if not isinstance(augment, dict):
        raise InputError(f"train settings: augment {augment!r}; give keys and values, such as {{flip: true}}")
    with_defaults(augment, inspect.signature(Augmentation).parameters, "train settings augment")
    for key in augment.keys() & AUGMENT:
        if type(augment[key]) not in (int, float) or not augment[key] >= AUGMENT[key]:
            raise InputError(f"train settings augment: {key} {augment[key]!r}; give a number, {AUGMENT[key]} or more")
    return Plan(**{key: value for key, value in train.items() if key in OF_PLAN})


def _check_per_kind(numbers: Any, batch_size: int, imbalance: str) -> None:
    whole = isinstance(numbers, dict) and all(type(number) is int and number > 0 for number in numbers.values())
    if not whole:
        raise InputError(f"train settings: per_kind {numbers!r}; give samples in a batch by kind, such as {{rbc: 2}}")
    if numbers and sum(numbers.values()) != batch_size:
        raise InputError(
            f"train settings: per_kind makes a batch of {sum(numbers.values())}, batch_size is {batch_size}; "
            "make them agree"
        )
    if numbers and imbalance == "sampling":
        raise InputError("train settings: per_kind and imbalance: sampling both draw the batch; keep one of the two")


def settled(module: ModuleType, settings: dict[str, Any], train: Samples) -> dict[str, Any]:
    """The settings of the step with those of the network filled in that follow from the training cells.

    Raises:
        InputError: the network wants cells and the samples do not tell them apart, or a setting makes no sense.
    """
    if not hasattr(module, "settle"):
        return settings
    try:
        own = module.settle(settings["network_settings"], train.instances)
    except (TypeError, ValueError) as error:
        raise InputError(f"model {settings['network']}: {error}") from None
    return settings | {"network_settings": own}


def build(module: ModuleType, settings: dict[str, Any], samples: Samples) -> torch.nn.Module:
    """The network of the settings for these samples.

    Raises:
        InputError: a setting is unknown or makes no sense.
    """
    inputs = samples.images[0].shape[0], len(samples.class_names)
    return _called(module.build, settings, *inputs)


def fit(module: ModuleType, settings: dict[str, Any], train: Samples) -> dict[str, np.ndarray]:
    """What a method without steps learns from the training samples.

    Raises:
        InputError: a setting is unknown or makes no sense.
    """
    images = [train.image(position) for position in range(len(train))]
    asked = set(inspect.signature(module.fit).parameters)
    known = {"kinds": train.kinds, "class_names": train.class_names}
    told = {name: value for name, value in known.items() if name in asked}
    return _called(module.fit, settings, images, train.classes, train.instances, **told)


def _called(function: Callable[..., Any], settings: dict[str, Any], *inputs: Any, **told: Any) -> Any:
    """``function(*inputs, **told, **network_settings)``, its own faults as sentences."""
    own, model = settings["network_settings"], settings["network"]
    parameters = inspect.signature(function).parameters.values()
    if not any(one.kind == one.VAR_KEYWORD for one in parameters):  # else the function checks its keys itself
        known = {one.name: one for one in parameters if one.default is not one.empty}
        with_defaults(own, known, f"model {model}, `settings` of its block in params")
        for name, value in own.items():
            kinds, words = _like(known[name])
            if not isinstance(value, kinds) or (isinstance(value, bool) and kinds not in (bool, object)):
                raise InputError(
                    f"model {model}: {name} {value!r} is no {words}; mend `settings` of its block in params"
                )
    try:
        return function(*inputs, **told, **own)
    except (TypeError, ValueError) as error:
        raise InputError(f"model {model}: {error}; mend `settings` of its block in params") from None


def _like(parameter: inspect.Parameter) -> tuple[Any, str]:
    """What a setting may be, and in words: of several types where its annotation says so, else of its default's."""
    if isinstance(parameter.annotation, UnionType):
        several = [LIKE.get(kind, (object, "")) for kind in get_args(parameter.annotation)]
        return tuple(kinds for kinds, _ in several), " or ".join(words for _, words in several)
    return LIKE.get(type(parameter.default), (object, ""))
