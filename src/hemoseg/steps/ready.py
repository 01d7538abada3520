"""A trained model, built from its description and ready to predict."""

import inspect
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch

from hemoseg import models
from hemoseg.errors import InputError
from hemoseg.models import Labelled
from hemoseg.nn.folding import fold_batch_norms
from hemoseg.training.batches import Normalisation


class Ready(NamedTuple):
    """A network in evaluation mode on its device, its file in ``models/`` and the normalisation of its training."""

    module: ModuleType
    network: torch.nn.Module
    normalisation: Normalisation


def ready_network(description: dict[str, Any], weights: dict[str, torch.Tensor], device: torch.device) -> Ready:
    """The network of a description with its weights; its batch norms are folded away.

    Raises:
        InputError: the description builds nothing, or something that the weights do not fit.
    """
    module = models.load(description["network"])
    try:
        settings = description["settings"]["network_settings"]
        network = module.build(description["in_channels"], len(description["classes"]), **settings)
        normalisation = Normalisation(**description["normalisation"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"model.json describes no network of this version ({error}); train it again") from None
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise InputError(f"the weights do not fit what {description['network']!r} builds now; train again") from None
    if not all(value.isfinite().all() for value in network.state_dict().values()):
        raise InputError("the weights hold values that are no numbers; train again")
    network = fold_batch_norms(network.to(device, memory_format=torch.channels_last).eval())
    return Ready(module, network, normalisation)


def ready_method(
    description: dict[str, Any], weights: dict[str, torch.Tensor]
) -> Callable[[np.ndarray, str], Labelled]:
    """A fitted classical method: labels an image float32 ``(C, H, W)`` in [0, 1] of a kind ("" where it is not known).

    Its probabilities, if it gives any, are of all classes of the description.
    """
    module = models.load(description["network"])
    fitted = {name: value.numpy() for name, value in weights.items()}
    options = description["settings"]["network_settings"]
    number = len(description["classes"])
    asks_kind = "kind" in inspect.signature(module.predict).parameters

    def label(image: np.ndarray, kind: str) -> Labelled:
        told = {"kind": kind} if asks_kind else {}
        return _with_all(module.predict(image, fitted, **told, **options), number)

    return label


def _with_all(said: Labelled, number: int) -> Labelled:
    """What a method said, with probability 0 for the last of ``number`` classes where training showed none of them."""
    if said.probability is None or len(said.probability) == number:
        return said
    absent = np.zeros((number - len(said.probability), *said.classes.shape), np.float32)
    return replace(said, probability=np.concatenate([said.probability, absent]))
