"""A trained network made fit for other frames, without labels: statistics first, then training on what is agreed.

Pixels that the network and a threshold both hold for a cell, or both for none, teach; the others are ignored. What both
get wrong is learnt, too: agreement is no truth.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from hemoseg.data.samples import IGNORE, Samples
from hemoseg.data.tiles import tiles
from hemoseg.nn.batch_statistics import measure_statistics
from hemoseg.training.batches import Normalisation, Pool, measure_normalisation
from hemoseg.training.loop import Plan, Training

# Share of the threshold's cells, and of its background, on which the network must agree for a frame to teach: else the
# agreed pixels are nearly all of one side, from which a network learns to see nothing else. Not stated, ours.
LEAST_AGREED = 0.5


@dataclass(frozen=True)
class Adapting:
    """Settings of an adaptation; all not stated, ours.

    Attributes:
        steps: of training in each round; 0 measures the statistics alone.
        rounds: the labels are made anew, by the network as it is then, before each.
        batch_size: windows in a step.
        learning_rate: of Adam.
        augment: see `hemoseg.training.augment.Augmentation`.
        seed: of the order and the augmentation.
    """

    steps: int = 40
    rounds: int = 2
    batch_size: int = 5
    learning_rate: float = 0.0003
    augment: dict[str, Any] = field(default_factory=lambda: {"flip": True, "rotate": 180.0})
    seed: int = 0


def agreed(classes: np.ndarray, threshold: np.ndarray) -> np.ndarray:
    """The network's classes where it and the threshold agree on cell or background, elsewhere ignored.

    Args:
        classes: the network's, uint8 ``(H, W)``.
        threshold: foreground by the threshold, bool ``(H, W)``.
    """
    return np.where((classes > 0) == threshold, classes, IGNORE).astype(np.uint8)


def teaches(classes: np.ndarray, threshold: np.ndarray) -> bool:
    """Whether network and threshold agree enough on a frame that it may teach."""
    same = (classes > 0) == threshold
    return all(side.any() and same[side].mean() >= LEAST_AGREED for side in (threshold, ~threshold))


class Adaptation:
    """One network on its way to other frames; `measure` and `train` advance it.

    Args:
        network: with its batch norms, on the device; changed in place.
        normalisation: of its training.
        images: the frames on the grid of the training, ``(C, H, W)`` in the numbers of the normalisation.
        thresholds: foreground of each by the threshold, bool ``(H, W)``.
        window: rows and columns of what trains; a smaller frame makes it smaller.
        settings: how.
        keeps_normalisation: whether images are normalised as in the training and not by the frames' own numbers.
    """

    def __init__(
        self,
        network: nn.Module,
        normalisation: Normalisation,
        images: Sequence[np.ndarray],
        thresholds: Sequence[np.ndarray],
        *,
        window: tuple[int, int],
        settings: Adapting,
        keeps_normalisation: bool = False,
    ):
        self.network, self.normalisation, self.settings = network, normalisation, settings
        self.images, self.thresholds = list(images), list(thresholds)
        self.device = next(network.parameters()).device
        least = np.min([image.shape[1:] for image in images], axis=0)
        self.window = tuple(int(side) for side in np.minimum(window, least))
        self.keeps_normalisation = keeps_normalisation
        self.teaching: list[int] = []

    def classes(self) -> list[np.ndarray]:
        """Class map of every frame by the network as it is, uint8 ``(H, W)``."""
        return [self.classes_of(image) for image in self.images]

    @torch.inference_mode()
    def classes_of(self, image: np.ndarray) -> np.ndarray:
        """Class map of an image ``(C, H, W)`` on the grid of the training by the network as it is, uint8 ``(H, W)``."""
        self.network.eval()
        said = self.network(self._input(image))
        return said.argmax(1)[0].to(torch.uint8).cpu().numpy()

    def _input(self, image: np.ndarray) -> torch.Tensor:
        images = torch.from_numpy(image.astype(np.float32))[None].to(self.device)
        return self.normalisation.apply(images).contiguous(memory_format=torch.channels_last)

    def measure(self) -> None:
        """Take mean and sd of the input, and those of every batch norm, from the frames."""
        if not self.keeps_normalisation:
            everything = _samples(self.images, [], self.normalisation.white)
            self.normalisation = measure_normalisation(everything, "training_set")
        measure_statistics(self.network, (self._input(image) for image in self.images))

    def train(self, told: Callable[[float], None] = lambda loss: None) -> Iterator[int]:
        """Train round after round; yields the number of frames that taught in each.

        A round in which no frame teaches trains nothing. `measure` should follow: batch norms then hold what the
        augmented frames showed them.
        """
        for number in range(self.settings.rounds if self.settings.steps else 0):
            classes = self.classes()
            pairs = zip(classes, self.thresholds, strict=True)
            self.teaching = [i for i, (one, threshold) in enumerate(pairs) if teaches(one, threshold)]
            if self.teaching:
                labels = [agreed(classes[i], self.thresholds[i]) for i in self.teaching]
                self._round([self.images[i] for i in self.teaching], labels, number, told)
            yield len(self.teaching)

    def _round(
        self, images: list[np.ndarray], labels: list[np.ndarray], number: int, told: Callable[[float], None]
    ) -> None:
        settings = self.settings
        samples = self._windows(images, labels)
        batch = min(settings.batch_size, len(samples))
        plan = Plan(settings.steps, batch, settings.learning_rate, 0.0, settings.steps, augment=settings.augment)
        plan = replace(plan, keep="last")
        pools = {"train": Pool(samples, self.normalisation, self.device, "train")}
        optimizer = torch.optim.Adam(self.network.parameters(), lr=plan.learning_rate)
        training = Training(self.network, optimizer, pools, plan, seed=settings.seed + number)
        while not training.finished:
            told(training.step())

    def _windows(self, images: list[np.ndarray], labels: list[np.ndarray]) -> Samples:
        """The frames as windows of one size."""
        cut, classes = [], []
        for image, label in zip(images, labels, strict=True):
            for row0, col0, row1, col1 in tiles((0, 0, *label.shape), self.window, 0):
                cut.append(np.ascontiguousarray(image[:, row0:row1, col0:col1]))
                classes.append(np.ascontiguousarray(label[row0:row1, col0:col1]))
        return _samples(cut, classes, self.normalisation.white)


def _samples(images: list[np.ndarray], classes: list[np.ndarray], white: float) -> Samples:
    names = [str(i) for i in range(len(images))]
    nothing = [""] * len(images)
    boxes = np.array([(0, 0, *image.shape[1:]) for image in images])
    return Samples(list(images), list(classes), [], names, names, nothing, nothing, boxes, boxes[:, 2:], [], white)
