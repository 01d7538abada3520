"""Published weights from a file: verified, read without running anything, put into a network."""

from pathlib import Path
from types import ModuleType
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from hemoseg.errors import InputError
from hemoseg.settings import with_defaults
from hemoseg.steps.weights import sha256

KEYS = {"sha256": None, "from": None}  # of the settings: what the file must hash to, and where it is from


def check_start(settings: dict[str, Any], init: str | None, path: Path | None) -> None:
    """See that a training has one start, and the one that its settings tell of.

    Raises:
        InputError: both kinds of start are given, or published weights are told of without their file.
    """
    if init and path:
        raise InputError("--init and --pretrained: a training starts from one of them; leave the other out")
    if settings.get("pretrained") and not path:
        raise InputError("train --settings: pretrained is told and --pretrained is missing; name the file")


def load(module: ModuleType, network: nn.Module, path: Path, settings: dict[str, Any]) -> dict[str, str]:
    """Start a network from published weights.

    Args:
        module: the model's file, whose ``load_pretrained`` knows the names of the weights.
        network: what it built.
        path: a .safetensors file, or a .pth file of tensors.
        settings: the key ``pretrained`` of the step's settings, see `KEYS`.

    Returns:
        where the weights are from and their sha256, for ``run.json``.

    Raises:
        InputError: the model takes none, the file is not what its hash says, holds more than tensors or does not fit.
    """
    settings = with_defaults(settings, KEYS, "train --settings pretrained")
    if not hasattr(module, "load_pretrained"):
        name = module.__name__.rpartition(".")[2]
        raise InputError(f"model {name} takes no published weights; take `pretrained` out of its block in params")
    found, wanted = sha256(path), str(settings["sha256"] or "").lower()
    if wanted and found != wanted:
        raise InputError(f"{path}: sha256 is {found}, params say {wanted}; nothing was read: see which file is meant")
    try:
        module.load_pretrained(network, read_state(path))
    except ValueError as error:
        raise InputError(
            f"{path}: {error}; name other weights in `pretrained`, or mend the model's `settings`"
        ) from None
    return {"from": settings["from"] or path.name, "sha256": found}


def read_state(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a .safetensors file, or from a .pth file by torch's reader that builds tensors only.

    Raises:
        InputError: the file is damaged, holds anything that would have to be run, or no state dict.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)  # safe from torch 2.10 on
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; mend `pretrained` in params") from None
    except Exception as error:  # zipfile, pickle, torch and safetensors each have their own words for a bad file
        raise InputError(
            f"{path}: damaged, or holds more than tensors, which is not run ({type(error).__name__}); "
            "name a file of plain weights in `pretrained`"
        ) from None
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path}: holds no state dict (name to tensor); name such a file in `pretrained`")
    return state
