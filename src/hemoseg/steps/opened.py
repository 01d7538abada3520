"""A model that can be opened, whatever file or folder it lies in, and what it says of an image of a lab."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hemoseg import models
from hemoseg.errors import InputError
from hemoseg.inference.cells import DEFAULT_MARKERS
from hemoseg.models import Labelled
from hemoseg.steps.onnx_network import onnx_network, read_onnx
from hemoseg.steps.ready import ready_method, ready_network
from hemoseg.steps.running import PRECISIONS, RunningMethod, RunningNetwork
from hemoseg.steps.stored import read_stored


@dataclass(frozen=True)
class Opened:
    """A model with all that is known of it.

    Attributes:
        name: of its row.
        sha256: of its weights.
        description: what ``model.json`` says.
        evidence: sections of ``evidence.json``; empty where there is none.
        device: where it runs.
        white: value that means 1.0 in its images; none where each dtype's own largest does.
        stride: a network's; pixels of the image behind one of its coarsest map.
        makes_cells: whether it is a network that tells cells apart by itself, which windows would cut.
        label: an image ``(C, H, W)`` in the numbers of its file, and its kind where one is known, to all that the model
            says of it, in one pass.
        probability: images ``(B, C, H, W)`` in such numbers to float32 ``(B, K, H, W)`` on the device; none where the
            model has to see an image whole: it makes its own cells, or is a classical method.
        propose: an image ``(C, H, W)``, the least score and the largest overlap to boxes, float32 ``(n, 5)``; none
            where the model proposes none.
    """

    name: str
    sha256: str
    description: dict[str, Any]
    evidence: dict[str, Any]
    device: torch.device
    white: float | None
    stride: int
    makes_cells: bool
    label: Callable[..., Labelled]
    probability: Callable[[Tensor], Tensor] | None
    propose: Callable[[np.ndarray, float, float], np.ndarray] | None


def open_model(path: str | Path, device: torch.device, precision: str = "32-true") -> Opened:
    """Open a folder that `train` or `share` wrote, or a package or an ONNX file that `export` wrote.

    A package says what its folder says, bit for bit. An ONNX file runs in onnxruntime, in float32 and on the CPU unless
    that has the device; its probabilities are those of torch but for rounding (`hemoseg.steps.export.TOLERANCE`).

    Args:
        path: of the model.
        device: where it is to run.
        precision: one of `PRECISIONS`; mixed ones compute most layers of a network in 16 bits.

    Raises:
        InputError: it is no model, is damaged, or does not fit this version.
    """
    path = Path(path)
    if precision not in PRECISIONS:
        raise InputError(f"precision {precision!r}; choose {', '.join(PRECISIONS)}")
    if path.suffix == ".onnx" and path.is_file():
        return _of_onnx(path, device)
    weights, description, evidence = read_stored(path)
    told = _told(description, evidence)
    if not models.is_network(models.load(description["network"])):
        return of_method(RunningMethod(ready_method(description, weights), evidence.get("data", {}).get("white")), told)
    ready = ready_network(description, weights, device)
    running = RunningNetwork(ready, description["in_channels"], _markers(evidence), device, precision)
    return of_network(running, told)


def _told(description: dict[str, Any], evidence: dict[str, Any]) -> dict[str, Any]:
    name = description.get("model", description["network"])
    return {
        "name": name, "sha256": description["weights_sha256"], "description": description, "evidence": evidence
    }  # fmt: skip


def _markers(evidence: dict[str, Any]) -> dict[str, Any]:
    return DEFAULT_MARKERS | evidence.get("predict", {}).get("markers", {})


def of_method(running: RunningMethod, told: dict[str, Any]) -> Opened:
    """A model that is a classical method; ``told`` are its name, sha256, description and evidence."""
    return Opened(
        **told, device=torch.device("cpu"), white=running.white, stride=1, makes_cells=False, label=running.label,
        probability=None, propose=None,
    )  # fmt: skip


def of_network(running: RunningNetwork, told: dict[str, Any]) -> Opened:
    """A model that is a network; ``told`` as in `of_method`."""
    module, network, normalisation = running.ready
    makes_cells = hasattr(module, "label")
    return Opened(
        **told, device=running.device, white=normalisation.white, stride=getattr(network, "stride", 1),
        makes_cells=makes_cells, label=running.own_cells if makes_cells else running.label,
        probability=None if makes_cells else running.probability,
        propose=running.propose if hasattr(module, "propose") else None,
    )  # fmt: skip


def _of_onnx(path: Path, device: torch.device) -> Opened:
    session, description, evidence, stride = read_onnx(path, device)
    running = onnx_network(session, description, _markers(evidence))
    return Opened(
        **_told(description, evidence), device=torch.device("cpu"), white=description["normalisation"]["white"],
        stride=stride, makes_cells=False, label=running.label, probability=running.probability,
        propose=None if running.built is None else running.propose,
    )  # fmt: skip
