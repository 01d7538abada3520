"""Frames of the simulator among which some are copies of others, and in which way: a leak with a known answer."""

import cv2
import numpy as np

from hemoseg.simulation import smear

CUT = 0.85  # share of rows and columns of each frame that is used where views are shifted against one another
SMEAR = {"height": 144, "width": 192, "diameter": 24, "cells": 20, "patients": 2, "channels": 3, "margin": (0, 0)}


def frames(count, seed=0, **settings):
    """Simulated smears, uint8 ``(C, H, W)``, of the seed's patients."""
    settings = SMEAR | settings
    drawn = (smear.simulate_frame(settings, seed=seed, index=index).image for index in range(count))
    return [np.ascontiguousarray(image.transpose(2, 0, 1)) for image in drawn]


def saved(image, quality=50):
    """The image as a JPEG file gives it back, in grey."""
    _, coded = cv2.imencode(".jpg", image.mean(axis=0).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)[None]


def halved(image):
    """Half as many rows and columns."""
    rows, columns = image.shape[1] // 2, image.shape[2] // 2
    return np.stack([cv2.resize(one, (columns, rows), interpolation=cv2.INTER_AREA) for one in image])


def _clipped(image):
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _start(image):
    return image[:, : int(image.shape[1] * CUT), : int(image.shape[2] * CUT)]


def _end(image):
    return image[:, image.shape[1] - int(image.shape[1] * CUT) :, image.shape[2] - int(image.shape[2] * CUT) :]


# Name of a copy to what makes it of an image and a random generator.
COPIES = {
    "same pixels": lambda image, rng: image.copy(),
    "darker": lambda image, rng: _clipped(255 * 0.7 * (image / 255) ** 1.4),
    "mirrored": lambda image, rng: image[:, :, ::-1],
    "turned by 90": lambda image, rng: np.rot90(image, axes=(1, 2)),
    "JPEG, quality 50": lambda image, rng: saved(image),
    "noise of 5 grey levels": lambda image, rng: _clipped(image + rng.normal(0, 5, image.shape)),
    "half the size": lambda image, rng: halved(image),
    "mirrored, turned, darker": lambda image, rng: _clipped(0.8 * np.rot90(image[:, :, ::-1], axes=(1, 2))),
    "shifted, 2/3 in common": lambda image, rng: _end(image),
}


def planted(images, kind, count, rng):
    """Images with ``count`` copies of a kind behind them, and the pairs of positions that are copies."""
    shifted = kind.startswith("shifted")
    chosen = [int(position) for position in rng.choice(len(images), count, replace=False)]
    copies = [np.ascontiguousarray(COPIES[kind](images[position], rng)) for position in chosen]
    shown = [np.ascontiguousarray(_start(image)) for image in images] if shifted else list(images)
    return shown + copies, {(position, len(images) + n) for n, position in enumerate(chosen)}


def all_pairs(count):
    """A division in which each image is once tested while all others train."""
    return lambda positions: np.ones((len(positions), count), bool)
