"""Small pictures of images, by which images that show the same are known (`data.copies`)."""

from functools import cache

import cv2
import numpy as np
from scipy import fft

SIDE = 64  # pixels of the small picture: a red cell of a whole frame is then still three to six wide
FINE, COARSE = 1.0, SIDE / 16  # standard deviations between which structures are seen, in its pixels
FEW = 10  # images below which nothing is said to be common to all
SAMPLED = 400  # images of which the common picture is the median


def contrast_of(image: np.ndarray) -> np.ndarray:
    """A small picture of an image without its brightness, its shading and its noise, float32 ``(SIDE, SIDE)``.

    Structures between `FINE` and `COARSE` stay, whatever the image's sides; mean 0, standard deviation 1, all 0 where
    there is nothing to see.
    """
    grey = np.asarray(image, np.float32).mean(axis=0)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return _standard(cv2.GaussianBlur(small, (0, 0), FINE) - cv2.GaussianBlur(small, (0, 0), COARSE))


def _standard(picture: np.ndarray) -> np.ndarray:
    picture = picture - picture.mean()
    deviation = picture.std()
    return picture / deviation if deviation > 0 else picture


def layers_of(pictures: list[np.ndarray], shows: np.ndarray) -> np.ndarray:
    """Each picture, and each without what all have in common, float32 ``(N, 2, SIDE, SIDE)``.

    Common is the median picture in its eight positions, so that turned copies lose the same; a picture loses as much of
    them as it holds.
    """
    layers = np.zeros((len(pictures), 2, SIDE, SIDE), np.float32)
    for layer, picture in zip(layers, pictures, strict=True):
        layer[:] = picture
    known = np.flatnonzero(shows)
    if len(known) < FEW:
        return layers
    common = positions_of_square(np.median(layers[known[:: -(-len(known) // SAMPLED)], 0], axis=0)).reshape(8, -1)
    _, power, axes = np.linalg.svd(common, full_matrices=False)
    axes = axes[power > 0.01 * power[0]] if power[0] > 0 else axes[:0]
    for own in (layers[position, 1] for position in known):
        own[:] = _standard(own - ((axes @ own.ravel()) @ axes).reshape(own.shape))
    return layers


def positions_of_square(picture: np.ndarray) -> np.ndarray:
    """A picture ``(..., S, S)`` as it is, turned by 90, 180 and 270 degrees, and all four of its mirror image."""
    sides = (picture, picture[..., ::-1])
    return np.stack([np.rot90(one, quarters, axes=(-2, -1)) for one in sides for quarters in range(4)])


def spectra(pictures: np.ndarray) -> np.ndarray:
    """What of the pictures no turn, mirror or shift changes: float32 ``(N, D)`` of length 1.

    Log amplitudes of the low frequencies, mean over the eight positions of a square, each as far from the mean of all
    pictures as its standard deviation tells.
    """
    low = SIDE // 3
    rows = np.zeros((len(pictures), low * (low + 1) // 2), np.float32)
    upper = np.triu_indices(low)
    for row, picture in zip(rows, pictures, strict=True):
        amplitude = np.log1p(np.abs(fft.rfft2(picture * window())))
        # Of a real picture row -r of the spectrum mirrors row r, so that two of the eight are left to average.
        half = amplitude[:low, :low] + amplitude[(-np.arange(low)) % SIDE, :low]
        row[:] = (half + half.T)[upper]
    rows -= rows.mean(axis=0, keepdims=True) if len(rows) else 0
    rows /= rows.std(axis=0, keepdims=True) + 1e-6 if len(rows) else 1
    return rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-6)


@cache
def window() -> np.ndarray:
    """1 inside, falling to 0 within a fifth of the side at the border, where a shifted view shows something else."""
    side = np.clip(1.6 * np.sin(np.pi * (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE), 0, 1)
    return np.outer(side, side)
