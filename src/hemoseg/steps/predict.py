"""Predict the test samples of a split with a trained model: probabilities, class maps, cells."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from hemoseg import models
from hemoseg.data import predictions as predictions_format
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.inference.cells import DEFAULT_MARKERS, find_cells
from hemoseg.inference.windows import predict_windows
from hemoseg.models import Labelled
from hemoseg.settings import with_defaults
from hemoseg.steps import arguments
from hemoseg.steps.costs import operations_of
from hemoseg.steps.files import write_arrays, write_json
from hemoseg.steps.labelled import read_samples, read_split, role_samples
from hemoseg.steps.progress import tracked
from hemoseg.steps.ready import ready_method, ready_network
from hemoseg.steps.weights import environment, read_model
from hemoseg.training.batches import Normalisation

DEFAULTS: dict[str, Any] = {  # as in params.yaml
    "window": None,
    "overlap": 0.5,
    "min_area_share": 0.1,
    "cells": "components",
    "markers": DEFAULT_MARKERS,
}
CELLS, MARKERS = ("components", "watershed"), ("proposals", "distance")


def main(argv: list[str]) -> None:
    """Parse the arguments and predict."""
    parser = arguments.parser("predict", __doc__)
    parser.add_argument("--settings", type=arguments.settings, required=True, help="JSON: window, overlap, cells ...")
    parser.add_argument("--samples", required=True)
    parser.add_argument("--splits", required=True)
    parser.add_argument("--split", required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder that `train` wrote")
    parser.add_argument("--out", type=Path, required=True, help="predictions.npz; timing.json is written beside it")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    settings = checked(args.settings)
    torch.set_num_threads(args.threads)
    device = choose_device(args.device)

    test = role_samples(read_samples(args.samples), read_split(args.splits, args.split), "test")
    weights, description = read_model(args.model)
    check_fits(description, test, args.model)
    predict_one = predictor(description, weights, settings, device)
    begin = time.perf_counter()
    min_area = settings["min_area_share"] * description["median_cell_area"]
    said = [
        _with_cells(predict_one(test, i), min_area, settings)
        for i in tracked(range(len(test)), len(test), "predict", "image")
    ]
    seconds = time.perf_counter() - begin
    write_arrays(args.out, **predictions_format.to_arrays(_gathered(test.ids, said)))
    timing = (
        {"images": len(test), "seconds": seconds} | environment(device) | operations_of(description, predict_one, test)
    )
    write_json(args.out.with_name("timing.json"), timing)


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults.

    Raises:
        InputError: an unknown key or value.
    """
    settings = with_defaults(settings, DEFAULTS, "predict settings")
    window = settings["window"]
    sides = isinstance(window, list) and len(window) == 2 and all(type(side) is int and side > 0 for side in window)
    if window and not sides:
        raise InputError(f"predict settings: window {window!r}; give rows and columns, such as [256, 256], or null")
    for key, most in (("overlap", 1), ("min_area_share", float("inf"))):
        _check_number(settings, key, most, "predict settings")
    if settings["cells"] not in CELLS:
        raise InputError(f"predict settings: cells {settings['cells']!r}; choose {' or '.join(CELLS)}")
    if not isinstance(settings["markers"], dict):
        raise InputError(f"predict settings: markers {settings['markers']!r}; give keys and values, such as {{}}")
    markers = with_defaults(settings["markers"], DEFAULT_MARKERS, "predict settings markers")
    if markers["source"] not in MARKERS:
        raise InputError(f"predict settings markers: source {markers['source']!r}; choose {' or '.join(MARKERS)}")
    for key in ("score", "overlap"):
        _check_number(markers, key, 1, "predict settings markers")
    return settings | {"markers": markers}


def _check_number(settings: dict[str, Any], key: str, most: float, where: str) -> None:
    if type(settings[key]) not in (int, float) or not 0 <= settings[key] < most:
        raise InputError(f"{where}: {key} {settings[key]!r}; give a number from 0 to below {most}")


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` takes the GPU where there is one.

    Raises:
        InputError: a GPU is asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: this machine shows no CUDA device; use --device cpu or mend the driver")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def check_fits(description: dict[str, Any], samples: Samples, folder: Path) -> None:
    """Refuse a model that was made for other images.

    Raises:
        InputError: channels or classes differ.
    """
    if not len(samples):
        raise InputError("the split has no test samples; mend `split` in the experiment")
    channels = samples.images[0].shape[0]
    if channels != description["in_channels"]:
        raise InputError(
            f"{folder}: the model reads {description['in_channels']} channels, the samples have {channels}"
        )
    if samples.has_labels and list(samples.class_names) != description["classes"]:
        raise InputError(
            f"{folder}: the model knows the classes {description['classes']}, "
            f"the samples have {list(samples.class_names)}; train it again on these samples"
        )


def predictor(
    description: dict[str, Any], weights: dict[str, torch.Tensor], settings: dict[str, Any], device: torch.device
) -> Callable[[Samples, int], Labelled]:
    """A function that labels one sample with the model of the description."""
    if models.is_network(models.load(description["network"])):
        return _network_predictor(description, weights, settings, device)
    label = ready_method(description, weights)
    return lambda samples, position: label(samples.image(position), samples.kinds[position])


def _network_predictor(
    description: dict[str, Any], weights: dict[str, torch.Tensor], settings: dict[str, Any], device: torch.device
) -> Callable[[Samples, int], Labelled]:
    module, network, normalisation = ready_network(description, weights, device)
    if hasattr(module, "label"):
        return _labelling_predictor(module, network, normalisation, settings["window"], device)
    window = tuple(settings["window"]) if settings["window"] else None
    markers = settings["markers"]
    propose = getattr(module, "propose", None)

    @torch.inference_mode()
    def predict(samples: Samples, position: int) -> Labelled:
        image = torch.from_numpy(samples.images[position].astype(np.float32)).to(device)
        probability = predict_windows(
            lambda images: network(normalisation.apply(images)).float().softmax(1),
            image,
            window=window,
            overlap=settings["overlap"],
        )
        classes = probability.argmax(0).to(torch.uint8).cpu().numpy()
        boxes = None
        if propose is not None:
            found = propose(
                network, normalisation.apply(image[None]), score=markers["score"], overlap=markers["overlap"]
            )
            boxes = None if found is None else found.float().cpu().numpy()
        return Labelled(classes, probability.cpu().numpy(), boxes=boxes)

    return predict


def _gathered(ids: list[str], said: list[Labelled]) -> Predictions:
    """What a model said of each sample, as one file holds it."""
    return Predictions(
        ids=ids,
        probabilities=[one.probability for one in said if one.probability is not None],
        classes=[one.classes for one in said],
        instances=[one.instances for one in said],
        boxes=[one.boxes for one in said if one.boxes is not None],
    )


def _labelling_predictor(
    module: ModuleType, network: torch.nn.Module, normalisation: Normalisation, window: Any, device: torch.device
) -> Callable[[Samples, int], Labelled]:
    """That of a network which tells the cells of a whole image apart by itself."""
    if window:
        raise InputError(
            "predict settings: this model makes its own cells, which windows would cut; set predict.window: null, "
            "or cut the frames before by prepare.layout: tiles"
        )

    @torch.inference_mode()
    def predict(samples: Samples, position: int) -> Labelled:
        image = torch.from_numpy(samples.images[position].astype(np.float32)).to(device)
        return module.label(network, normalisation.apply(image[None]))

    return predict


def _with_cells(one: Labelled, min_area: float, settings: dict[str, Any]) -> Labelled:
    """What a model said with cells, where it makes none itself."""
    if one.instances is not None:
        return one
    markers = settings["markers"]
    if settings["cells"] == "watershed" and markers["source"] == "proposals" and one.boxes is None:
        raise InputError(
            "predict settings: this model proposes no boxes that a watershed could start from; set "
            "predict.markers.source: distance, or cells: components"
        )
    classes, instances = find_cells(one.classes, min_area, cells=settings["cells"], boxes=one.boxes, markers=markers)
    return replace(one, classes=classes, instances=instances)
