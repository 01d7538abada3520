"""A model on disk: safetensors for its tensors, JSON for everything else; no pickle is ever loaded."""

import hashlib
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from hemoseg import __version__
from hemoseg.errors import InputError
from hemoseg.steps.files import read_json, written_whole

VERSIONED = ("torch", "numpy", "kornia", "opencv-python-headless", "scikit-image", "scikit-learn")

# What model.json says at least.
DESCRIBED = ("weights_sha256", "network", "settings", "classes", "in_channels", "normalisation")


def write_weights(path: str | Path, tensors: dict[str, Tensor], numbers: Any = None) -> None:
    """Write tensors, and plain numbers in the header, as one safetensors file, whole."""
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    with written_whole(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(plain, {"numbers": json.dumps(numbers)}))


def read_weights(path: str | Path) -> tuple[dict[str, Tensor], Any]:
    """Read what `write_weights` wrote; tensors come to the CPU.

    Raises:
        InputError: the file is absent or damaged.
    """
    try:
        # Read once: safetensors opens a file twice, between which another training may have replaced it.
        content = Path(path).read_bytes()
        tensors = dict(sorted(safetensors.torch.load(content).items()))  # it hands them on in no order
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        return tensors, json.loads(header.get("__metadata__", {}).get("numbers", "null"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run `train` first") from None
    except (safetensors.SafetensorError, json.JSONDecodeError, ValueError) as error:
        raise InputError(f"{path}: damaged or no safetensors file ({error}); delete it and train again") from None


def read_model(folder: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and description (``model.json``) of a model folder.

    Raises:
        InputError: a file is absent or damaged, or the weights are not those of the description.
    """
    folder = Path(folder)
    description = read_json(folder / "model.json")
    for key in DESCRIBED:
        if not isinstance(description, dict) or key not in description:
            raise InputError(f"{folder / 'model.json'}: describes no model (says nothing of {key!r}); train again")
    if sha256(folder / "model.safetensors") != description["weights_sha256"]:
        raise InputError(f"{folder}: model.safetensors is not the file that model.json describes; train again")
    return read_weights(folder / "model.safetensors")[0], description


def sha256(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises:
        InputError: there is no such file.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the step that writes it first") from None


def code_hash() -> str:
    """SHA-256 over the project's modules that are imported now."""
    files = {
        name: module.__file__
        for name, module in sys.modules.items()
        if name.split(".")[0] == "hemoseg" and getattr(module, "__file__", None)
    }
    joined = "".join(f"{name} {sha256(file)}\n" for name, file in sorted(files.items()))
    return hashlib.sha256(joined.encode()).hexdigest()


def environment(device: torch.device | str) -> dict[str, Any]:
    """What ran: versions, device, threads."""
    device = torch.device(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else (platform.processor() or "CPU")
    versions = {"hemoseg": __version__, "python": platform.python_version()}
    versions |= {package: version(package) for package in VERSIONED}
    return {"device": f"{device.type} ({name})", "threads": torch.get_num_threads(), "versions": versions}
