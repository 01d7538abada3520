"""An ONNX file that `export` wrote, at work in onnxruntime."""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hemoseg import models
from hemoseg.errors import InputError
from hemoseg.models import Labelled
from hemoseg.steps.descriptions import checked_description, checked_evidence
from hemoseg.steps.running import checked_channels, labelled, one
from hemoseg.steps.weights import DESCRIBED

MOST_STRIDE = 1024  # pixels of the image behind one of the coarsest map
TRIED_SIDE = 32  # pixels of the image on which a file is tried


@dataclass(frozen=True)
class OnnxNetwork:
    """A network in onnxruntime; see `hemoseg.steps.running.RunningNetwork` for what its methods give.

    Attributes:
        session: onnxruntime's.
        description: ``model.json`` of what the file was made from.
        markers: of the boxes that `label` gives.
        built: the same network in torch with weights of no meaning, for the geometry of its anchors; none where it
            proposes nothing.
    """

    session: Any
    description: dict[str, Any]
    markers: dict[str, Any]
    built: torch.nn.Module | None

    def probability(self, images: Tensor) -> Tensor:
        """Probabilities float32 ``(B, K, H, W)`` of images ``(B, C, H, W)``, on the CPU."""
        return torch.from_numpy(self._run(images, "probability")[0])

    def propose(self, image: np.ndarray, score: float, overlap: float) -> np.ndarray:
        """Boxes float32 ``(n, 5)`` of one image ``(C, H, W)``."""
        answers = SimpleNamespace(
            proposing=self.built.proposing, stride=self.built.stride,
            proposed=lambda images: [torch.from_numpy(array) for array in self._run(images, "scores", "deltas")],
        )  # fmt: skip
        module = models.load(self.description["network"])
        return module.propose(answers, one(image), score=score, overlap=overlap).float().numpy()

    def label(self, image: np.ndarray, kind: str = "") -> Labelled:
        """What the network says of an image ``(C, H, W)`` in one pass."""
        boxes = None
        if self.built is not None:
            boxes = self.propose(image, self.markers["score"], self.markers["overlap"])
        return labelled(self.probability(one(image))[0], boxes)

    def _run(self, images: Tensor, *outputs: str) -> list[np.ndarray]:
        checked_channels(images, self.description["in_channels"])
        return self.session.run(list(outputs), {"image": images.float().cpu().numpy()})


def read_onnx(path: Path, device: torch.device) -> tuple[Any, dict[str, Any], dict[str, Any], int]:
    """Session, description, evidence and stride of a file.

    Raises:
        InputError: it is damaged, was not written by `export`, or there is no onnxruntime.
    """
    if find_spec("onnxruntime") is None:
        raise InputError('onnxruntime: not installed; run: pip install "hemoseg[export]"')
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # its notes on graphs are for those who made them
    wanted = ["CUDAExecutionProvider"] if device.type == "cuda" else []
    known = [name for name in wanted if name in onnxruntime.get_available_providers()]
    try:
        session = onnxruntime.InferenceSession(path, options, providers=[*known, "CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        cause = " ".join(str(error).split())[:100]
        raise InputError(f"{path}: no readable ONNX file ({cause}); export it again") from None
    told = session.get_modelmeta().custom_metadata_map
    try:
        description, evidence = (json.loads(told[name]) for name in ("model.json", "evidence.json"))
        stride = int(told["stride"])
    except (KeyError, ValueError):
        raise InputError(
            f"{path}: does not say what it was made from; only files of `hemoseg export` are read"
        ) from None
    if missing := [key for key in DESCRIBED if not isinstance(description, dict) or key not in description]:
        raise InputError(f"{path}: says nothing of {missing[0]!r}; export it again")
    checked_description(path, description)
    checked_evidence(path, evidence)
    takes, gives = ([one.name for one in some] for some in (session.get_inputs(), session.get_outputs()))
    if takes != ["image"] or "probability" not in gives:
        raise InputError(f"{path}: takes {takes} and gives {gives}; only files of `hemoseg export` are read")
    if description["normalisation"] is None or not 1 <= stride <= MOST_STRIDE:
        raise InputError(f"{path}: says nothing of its normalisation or its stride; export it again")
    _try(path, session, description)
    return session, description, evidence, stride


def _try(path: Path, session: Any, description: dict[str, Any]) -> None:
    """Let a file look at a small image before anything rests on it.

    Raises:
        InputError: it does not run, or says something else than a probability per class and pixel.
    """
    image = np.zeros((1, description["in_channels"], TRIED_SIDE, TRIED_SIDE), np.float32)
    try:
        said = session.run(["probability"], {"image": image})[0]
    except Exception as error:  # onnxruntime's exceptions share no base of their own
        cause = " ".join(str(error).split())[:100]
        raise InputError(f"{path}: does not run ({cause}); export it again") from None
    if said.shape != (1, len(description["classes"]), *image.shape[2:]) or not np.isfinite(said).all():
        raise InputError(f"{path}: gives no probability of each of its classes; export it again")


def onnx_network(session: Any, description: dict[str, Any], markers: dict[str, Any]) -> OnnxNetwork:
    """The network of a session."""
    built = None
    if "scores" in {output.name for output in session.get_outputs()}:
        settings = description["settings"]["network_settings"]
        module = models.load(description["network"])
        built = module.build(description["in_channels"], len(description["classes"]), **settings)
    return OnnxNetwork(session, description, markers, built)
