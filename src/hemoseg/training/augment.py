"""Augmentation on the device (kornia): one draw moves the image and all that is known of its pixels."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from hemoseg.data.samples import IGNORE
from hemoseg.training.batches import Batch, Normalisation

DENSEST = 1 / 255  # share of white at which the optical density ends; black has none
REACH = 3  # standard deviations at which the blur's kernel ends


class Augmentation(nn.Module):
    """Mirrors, rotation, scaling, another stain, microscope and camera; what is left at its default is not done.

    Args:
        flip: mirror rows and columns, each with probability 1/2.
        rotate: largest rotation in degrees, either way.
        scale: smallest and largest factor.
        brightness: largest change of the image's level, in standard deviations of the training set.
        contrast: largest change of the image's contrast, as a share.
        stain: largest factor by which the optical density of each channel grows or shrinks, half of it (of its
            logarithm) common to all channels: stain that is thicker, thinner or of another tone (Lambert-Beer).
        light: largest factor by which each channel grows or shrinks, for itself: another lamp or white balance. What
            is brighter than white is white.
        hue: largest turn of the colours round grey in degrees, either way; images of other than three channels have no
            hue.
        blur: largest standard deviation of a Gaussian in pixels, which stands for a frame out of focus.

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
        stain: float = 1.0,
        light: float = 1.0,
        hue: float = 0.0,
        blur: float = 0.0,
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
        self.stain, self.light, self.hue, self.blur = stain, light, hue, blur

    def forward(self, batch: Batch, normalisation: Normalisation | None = None) -> Batch:
        """Augment a batch; ``normalisation`` is that of its images, none where they are as they came, in [0, 1]."""
        if self.moves is not None:
            batch = self._moved(batch)
        return replace(batch, images=self._grey(self._coloured(batch.images, normalisation)))

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

    def _coloured(self, images: Tensor, normalisation: Normalisation | None) -> Tensor:
        """What another stain, focus and camera would show, in that order, each image drawn for itself."""
        if self.stain == self.light == 1 and not (self.hue or self.blur):
            return images
        mean, sd = normalisation.tensors(images.device) if normalisation else (0.0, 1.0)
        draw = partial(_draw, images)
        images = (images * sd + mean).clamp(0, 1)
        if self.stain != 1:
            images = stained(images, self.stain ** ((draw(1) + draw(images.shape[1])) / 2))
        if self.blur:
            images = blurred(images, self.blur * draw(1).abs().flatten())
        if self.light != 1:
            images = (images * self.light ** draw(images.shape[1])).clamp(max=1)
        if self.hue and images.shape[1] == 3:
            images = turned(images, torch.deg2rad(self.hue * draw(1)).flatten())
        return (images - mean) / sd

    def _grey(self, images: Tensor) -> Tensor:
        if not (self.brightness or self.contrast):
            return images
        shape = (len(images), 1, 1, 1)
        draw = torch.rand(2, *shape).to(images.device) * 2 - 1
        return images * (1 + self.contrast * draw[0]) + self.brightness * draw[1]


def stained(images: Tensor, factor: Tensor) -> Tensor:
    """Images of a stain whose optical density is ``factor`` times as large: by Lambert-Beer, powers of the light.

    Args:
        images: float ``(B, C, H, W)`` in [0, 1], where 1 is the light that nothing absorbs.
        factor: > 0, broadcast to the images.
    """
    return torch.where(images < DENSEST, images, images.clamp(min=DENSEST) ** factor)


def turned(images: Tensor, angle: Tensor) -> Tensor:
    """Images whose colours are turned round the grey axis, float ``(B, 3, H, W)`` in [0, 1]; greys stay.

    Args:
        images: float ``(B, 3, H, W)`` in [0, 1].
        angle: of each image, in radians, ``(B,)``.
    """
    # Rodrigues' formula for the axis (1, 1, 1) / sqrt(3), which is also the matrix of ones over three.
    cos, sin = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    one, grey = torch.eye(3).to(images), torch.full((3, 3), 1 / 3).to(images)
    across = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]).to(images) / 3**0.5
    turn = cos * one + sin * across + (1 - cos) * grey
    return torch.einsum("bij,bjhw->bihw", turn, images).clamp(0, 1)


def blurred(images: Tensor, sigma: Tensor) -> Tensor:
    """Images after a Gaussian of the standard deviation ``sigma`` ``(B,)`` in pixels, mirrored at their border."""
    from kornia.filters import gaussian_blur2d

    reach = min(int(REACH * float(sigma.max())) + 1, min(images.shape[-2:]) - 1)
    sigma = sigma.clamp(min=1e-3)  # so narrow a kernel is that of no blur
    return gaussian_blur2d(images, 2 * reach + 1, sigma.view(-1, 1).expand(-1, 2), border_type="reflect")


def _draw(images: Tensor, channels: int) -> Tensor:
    """Numbers in [-1, 1), ``(B, channels, 1, 1)``; drawn on the CPU, so that every device has the same."""
    return torch.rand(len(images), channels, 1, 1).to(images.device) * 2 - 1


def seed_step(seed: int, step: int) -> None:
    """Seed every torch generator for one step, so that dropout and augmentation are resumed exactly."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step, 1)).generate_state(1, np.uint64)[0] >> 1))
