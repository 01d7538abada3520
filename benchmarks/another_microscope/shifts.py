"""What another microscope, stain or camera does to a frame, in growing sizes; the light is as in train.augment."""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from hemoseg.data.resize import resize_image, resize_labels
from hemoseg.training.augment import stained, turned


def _of_light(change):
    """A shift of the light alone: ``change(image in [0, 1], size)``, image and cells in, the same out."""

    def shifted(image, cells, size):
        light = change(image.astype(np.float32) / 255, size)
        return np.rint(np.clip(light, 0, 1) * 255).astype(np.uint8), cells

    return shifted


def _tensor(image):
    return torch.from_numpy(image)[None]


def _stained(image, factor):
    return stained(_tensor(image), factor)[0].numpy()


def _turned(image, degrees):
    return turned(_tensor(image), torch.tensor([np.deg2rad(degrees)], dtype=torch.float32))[0].numpy()


def _scaled(image, cells, size):
    shape = tuple(max(32, round(side * size)) for side in cells.shape)
    return resize_image(image, shape), resize_labels(cells, shape)


def _noisy(image, size):
    return image + np.random.default_rng(0).normal(0, size, image.shape)


def _cast(image, size):
    return image * np.array([1 / size, 1, size**-0.5], np.float32)[:, None, None]


SHIFTS = {  # name: what the size is, sizes, shift
    "unchanged": ("", (0,), lambda image, cells, size: (image, cells)),
    "paler": ("optical density divided by", (1.5, 2, 3, 5), _of_light(lambda x, s: _stained(x, 1 / s))),
    "darker": ("optical density times", (1.5, 2, 3), _of_light(_stained)),
    "hue": ("degrees", (15, 30, 60, 120), _of_light(_turned)),
    "cast": ("red divided by, blue by its root", (1.1, 1.25, 1.5, 2), _of_light(_cast)),
    "dim": ("light divided by", (1.25, 1.5, 2, 3), _of_light(lambda x, s: x / s)),
    "flat": ("contrast divided by", (1.5, 2, 4, 8), _of_light(lambda x, s: (x - x.mean()) / s + x.mean())),
    "blur": (
        "sd in px (a cell is 15 px wide)", (0.5, 1, 2, 3), _of_light(lambda x, s: gaussian_filter(x, (0, s, s))),
    ),
    "noise": ("sd, share of white", (0.02, 0.05, 0.1, 0.2), _of_light(_noisy)),
    "smaller": ("sides times", (0.8, 0.65, 0.5), _scaled),
    "larger": ("sides times", (1.25, 1.5, 2), _scaled),
}  # fmt: skip
