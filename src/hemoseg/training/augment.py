"""Augmentation on the device (kornia): one draw moves the image and its class map."""

import numpy as np
import torch
from torch import Tensor, nn

from hemoseg.data.samples import IGNORE
from hemoseg.training.batches import Batch


class Augmentation(nn.Module):
    """Mirrors, rotation, scaling and grey value; what a setting leaves at its default is not done.

    Args:
        flip: mirror rows and columns, each with probability 1/2.
        rotate: largest rotation in degrees, either way.
        scale: smallest and largest factor.
        brightness: largest change of the image's level, in standard deviations of the training set.
        contrast: largest change of the image's contrast, as a share.

    Labels move by nearest neighbour; what comes in from outside the image is ignored in the labels.
    """

    def __init__(
        self,
        *,
        flip: bool = False,
        rotate: float = 0.0,
        scale: tuple[float, float] = (1.0, 1.0),
        brightness: float = 0.0,
        contrast: float = 0.0,
    ):
        super().__init__()
        from kornia import augmentation as ka

        moves: list[nn.Module] = []
        if flip:
            moves += [ka.RandomHorizontalFlip(p=0.5), ka.RandomVerticalFlip(p=0.5)]
        if rotate or tuple(scale) != (1.0, 1.0):
            moves.append(ka.RandomAffine(degrees=rotate, scale=tuple(scale), p=1.0, padding_mode="zeros"))
        self.moves = ka.AugmentationSequential(*moves, data_keys=["input", "mask"]) if moves else None
        self.brightness, self.contrast = brightness, contrast

    def forward(self, batch: Batch) -> Batch:
        images, classes = batch.images, batch.classes
        if self.moves is not None:
            # Shifted by one so that the zeros which come in from outside are told from background.
            marked = torch.where(classes == IGNORE, 0, classes + 1).unsqueeze(1).float()
            images, marked = self.moves(images, marked)
            marked = marked.squeeze(1).round().long()
            classes = torch.where(marked == 0, IGNORE, marked - 1)
        return Batch(self._grey(images), classes, batch.positions)

    def _grey(self, images: Tensor) -> Tensor:
        if not (self.brightness or self.contrast):
            return images
        shape = (len(images), 1, 1, 1)
        draw = torch.rand(2, *shape).to(images.device) * 2 - 1
        return images * (1 + self.contrast * draw[0]) + self.brightness * draw[1]


def seed_step(seed: int, step: int) -> None:
    """Seed every torch generator for one step, so that dropout and augmentation are resumed exactly."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step, 1)).generate_state(1, np.uint64)[0] >> 1))
