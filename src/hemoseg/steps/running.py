"""A model at work: images in the numbers of their files go in, what it says of them comes out."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hemoseg.errors import InputError
from hemoseg.models import Labelled
from hemoseg.steps.ready import Ready

PRECISIONS = {"32-true": None, "16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}  # the words of `train`


@dataclass(frozen=True)
class RunningNetwork:
    """A network on its device.

    Attributes:
        ready: the network.
        channels: of its images.
        markers: of the boxes that `label` gives, see `hemoseg.inference.cells.DEFAULT_MARKERS`.
        device: where it runs.
        precision: one of `PRECISIONS`.
    """

    ready: Ready
    channels: int
    markers: dict[str, Any]
    device: torch.device
    precision: str

    @torch.inference_mode()
    def probability(self, images: Tensor) -> Tensor:
        """Probabilities float32 ``(B, K, H, W)`` of images ``(B, C, H, W)``."""
        with self._mixed():
            return self.ready.network(self._normalised(images)).float().softmax(1)

    @torch.inference_mode()
    def propose(self, image: np.ndarray, score: float, overlap: float) -> np.ndarray | None:
        """Boxes float32 ``(n, 5)`` of one image ``(C, H, W)``; none of a network that proposes none."""
        with self._mixed():
            images = self._normalised(one(image))
            found = self.ready.module.propose(self.ready.network, images, score=score, overlap=overlap)
        return None if found is None else found.float().cpu().numpy()

    @torch.inference_mode()
    def own_cells(self, image: np.ndarray, kind: str = "") -> Labelled:
        """What a network that tells cells apart by itself says of an image."""
        with self._mixed():
            return self.ready.module.label(self.ready.network, self._normalised(one(image)))

    def label(self, image: np.ndarray, kind: str = "") -> Labelled:
        """What a network says of an image ``(C, H, W)`` in one pass; networks do not ask for its kind."""
        proposes = hasattr(self.ready.module, "propose")
        boxes = self.propose(image, self.markers["score"], self.markers["overlap"]) if proposes else None
        return labelled(self.probability(one(image))[0], boxes)

    def _mixed(self) -> AbstractContextManager:
        kind = PRECISIONS[self.precision]
        return torch.autocast(self.device.type, kind, enabled=kind is not None)

    def _normalised(self, images: Tensor) -> Tensor:
        checked_channels(images, self.channels)
        images = self.ready.normalisation.apply(images.to(self.device))
        return images.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class RunningMethod:
    """A classical method.

    Attributes:
        method: labels an image in [0, 1] of a kind, as `hemoseg.steps.ready.ready_method` gives it.
        white: value that means 1.0; none where it is the largest of the image's dtype.
    """

    method: Callable[[np.ndarray, str], Labelled]
    white: float | None

    def label(self, image: np.ndarray, kind: str = "") -> Labelled:
        """What the method says of an image ``(C, H, W)`` of a kind."""
        white = self.white or (np.iinfo(image.dtype).max if image.dtype.kind in "ui" else 1.0)
        return self.method(np.clip(image.astype(np.float32) / np.float32(white), 0, 1), kind)


def one(image: np.ndarray) -> Tensor:
    """An image as a batch of its own, float32 ``(1, C, H, W)``."""
    return torch.from_numpy(image.astype(np.float32))[None]


def labelled(probability: Tensor, boxes: np.ndarray | None) -> Labelled:
    """What a network said: probability ``(K, H, W)`` and the boxes, if it proposes any."""
    classes = probability.argmax(0).to(torch.uint8).cpu().numpy()
    return Labelled(classes, probability.cpu().numpy(), boxes=boxes)


def checked_channels(images: Tensor, channels: int) -> None:
    """Refuse images ``(B, C, H, W)`` of other channels.

    Raises:
        InputError: there are more or fewer.
    """
    if images.shape[1] != channels:
        raise InputError(f"the model reads {channels} channels, the image has {images.shape[1]}")
