"""Frames of another microscope on the grid of a network's training: read, and scaled by the size of their cells."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hemoseg.data.resize import resize_image
from hemoseg.errors import InputError
from hemoseg.labels.otsu import otsu_mask
from hemoseg.labels.thresholded import typical_area
from hemoseg.steps.images import unfilled
from hemoseg.steps.segment_inputs import find_items

FARTHEST = 8.0  # factor between frames and training beyond which sizes of cells are not believed


def read_frames(
    inputs: Sequence[str], description: Mapping[str, Any], page: str | None = None, told: float | None = None
) -> tuple[list[str], list[np.ndarray]]:
    """Names and images ``(C, H, W)`` of the frames, in the numbers of the model's training.

    Args:
        inputs: images, folders of images, folder datasets.
        description: of the model.
        page: see `hemoseg.steps.sources.open_sources`.
        told: number of full light, put before what folder datasets tell; else the largest of the type.

    Raises:
        InputError: a file cannot be read, or has other channels than the model reads.
    """
    items, bad = find_items([str(one) for one in inputs], channels=description["in_channels"], page=page)
    if bad:
        raise InputError(bad[0].reason)
    white, images, doubts = description["normalisation"]["white"], [], []
    for item in items:
        image = item.source.whole()
        item.source.close()
        if not (told or item.white) and (said := unfilled(image)) and said not in doubts:
            doubts.append(said)
            print(f"adapt: {said}", file=sys.stderr)
        largest = told or item.white or float(np.iinfo(image.dtype).max)
        if largest != white:
            light = np.minimum(image.astype(np.float32) * (white / largest), white)
            image = np.rint(light).astype(np.uint16 if white > 255 else np.uint8)
        images.append(image)
    return [item.name for item in items], images


def wanted_area(description: Mapping[str, Any], evidence: Mapping[str, Any]) -> float:
    """Area of a cell on the grid of the training, by a threshold where the evidence tells it, else by its labels."""
    return evidence.get("agreement", {}).get("typical_area") or float(description.get("median_cell_area") or 0.0)


def matching_scale(images: Sequence[np.ndarray], wanted: float) -> float:
    """Factor that makes the cells of frames, by a threshold, as large as those of the training.

    Args:
        images: ``(C, H, W)``; one factor for all, since they are of one microscope.
        wanted: area of a cell of the training, in pixels.

    Raises:
        InputError: no frame shows a cell, or the factor is not to be believed.
    """
    areas = [typical_area(otsu_mask(image.astype(np.float32).mean(axis=0))) for image in images]
    seen = float(np.median([area for area in areas if area > 0])) if any(areas) else 0.0
    if not (seen and wanted):
        raise InputError("--scale auto: thresholding finds no cell whose size could be matched; give a factor")
    factor = float(np.sqrt(wanted / seen))
    if not 1 / FARTHEST <= factor <= FARTHEST:
        raise InputError(f"--scale auto: cells seem to need a factor of {factor:.3g}; give the factor by --scale")
    return factor


def scale_of(asked: str, frames: Sequence[np.ndarray], wanted: float) -> float:
    """The factor that is asked for; ``auto`` is `matching_scale`.

    Raises:
        InputError: it is no such factor.
    """
    if asked == "auto":
        return matching_scale(frames, wanted)
    try:
        factor = float(asked)
    except ValueError:
        factor = 0.0
    if not 1 / 64 <= factor <= 64:
        raise InputError(f"--scale {asked}: give a factor from frame to training sample, such as 0.5, or auto")
    return factor


def resized(image: np.ndarray, scale: float) -> np.ndarray:
    """An image ``(C, H, W)`` after a factor."""
    return resize_image(image, tuple(max(1, round(side * scale)) for side in image.shape[1:]))
