"""Augmentation on the device (kornia): one draw moves the image and all that is known of its pixels."""

from dataclasses import replace
from functools import partial

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

    Labels, cells and border weights move by nearest neighbour. What comes in from outside is the image's mirror; it is
    ignored in the labels, and is no cell and of no weight in the others.
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
        from kornia.constants import DataKey, Resample, SamplePadding

        moves: list[nn.Module] = []
        if flip:
            moves += [ka.RandomHorizontalFlip(p=0.5), ka.RandomVerticalFlip(p=0.5)]
        if rotate or tuple(scale) != (1.0, 1.0):
            moves.append(ka.RandomAffine(degrees=rotate, scale=tuple(scale), p=1.0, padding_mode="reflection"))
        # Empty corners would shift the statistics of batch norm, which no image at prediction has; labels stay empty.
        labels = {"resample": Resample.NEAREST, "align_corners": None, "padding_mode": SamplePadding.ZEROS}
        made = partial(ka.AugmentationSequential, data_keys=["input", "mask"], extra_args={DataKey.MASK: labels})
        self.moves = made(*moves) if moves else None
        self.brightness, self.contrast = brightness, contrast

    def forward(self, batch: Batch) -> Batch:
        if self.moves is not None:
            batch = self._moved(batch)
        return replace(batch, images=self._grey(batch.images))

    def _moved(self, batch: Batch) -> Batch:
        # Shifted by one so that the zeros which come in from outside are told from background.
        marked = torch.where(batch.classes == IGNORE, 0, batch.classes + 1)
        maps = {"classes": marked, "instances": batch.instances, "border": batch.border}
        maps = {name: value.float() for name, value in maps.items() if value is not None}  # exact up to 2^24 cells
        images, moved = self.moves(batch.images, torch.stack(list(maps.values()), dim=1))
        maps = dict(zip(maps, moved.unbind(1), strict=True))
        marked = maps.pop("classes").round().long()
        if "instances" in maps:
            maps["instances"] = maps["instances"].round().long()
        return replace(batch, images=images, classes=torch.where(marked == 0, IGNORE, marked - 1), **maps)

    def _grey(self, images: Tensor) -> Tensor:
        if not (self.brightness or self.contrast):
            return images
        shape = (len(images), 1, 1, 1)
        draw = torch.rand(2, *shape).to(images.device) * 2 - 1
        return images * (1 + self.contrast * draw[0]) + self.brightness * draw[1]


def seed_step(seed: int, step: int) -> None:
    """Seed every torch generator for one step, so that dropout and augmentation are resumed exactly."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step, 1)).generate_state(1, np.uint64)[0] >> 1))
