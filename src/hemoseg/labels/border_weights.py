"""How much more background weighs where it is narrow between two cells (U-Net, doi:10.1007/978-3-319-24574-4_28)."""

import math

import numpy as np
from scipy import ndimage

from hemoseg.labels.areas import compact
from hemoseg.labels.distance import distance_to_outside

CUT_OFF = 1e-6  # of the strength: what is less may come out as 0


def border_weights(instances: np.ndarray, *, strength: float = 10.0, sigma: float = 5.0) -> np.ndarray:
    """Border term of the U-Net's weight map: ``strength * exp(-(d1 + d2)^2 / (2 sigma^2))`` on background.

    d1 and d2 are the distances from a pixel's centre to the nearest pixel's centre of the nearest and of the second
    nearest cell. `touching` and the U-Net give 10 and 5 pixels. The paper's formula holds for every pixel; only
    background gets it here, since what lies within a cell parts no cells.

    Exact up to rounding of float32 wherever it is at least `CUT_OFF` of the strength; below that it may be 0. So a
    cell matters no further than `reach`, and each is measured in its own crop: the time grows with the sum of these
    crops and memory with the pixels, however many cells there are.

    Args:
        instances: cells int ``(H, W)``, 0 background; of any numbers, and a cell need not be in one piece.
        strength: w0 of the paper, weight where the distances are 0.
        sigma: in pixels.

    Returns:
        float32 ``(H, W)``; 0 on cells, and everywhere where there are fewer than two cells.

    Raises:
        ValueError: a label is negative, sigma is not positive or the strength is negative.
    """
    if not sigma > 0 or not strength >= 0:
        raise ValueError(f"border weights need sigma > 0 and strength >= 0, not {sigma} and {strength}")
    labels, ids = compact(instances)
    weights = np.zeros(labels.shape, np.float32)
    if len(ids) < 2:
        return weights
    first, second = _two_nearest(labels, reach(sigma))
    near = (labels == 0) & np.isfinite(second)
    total = first[near] + second[near]
    weights[near] = strength * np.exp(-(total * total) / np.float32(2 * sigma * sigma))
    return weights


def reach(sigma: float) -> int:
    """Largest distance of a cell, in whole pixels, that can matter: from there on the weight is below the cut-off.

    exp(-(d1 + d2)^2 / (2 sigma^2)) >= CUT_OFF asks d1 + d2 <= sigma sqrt(-2 log CUT_OFF), and d1 >= 1 on background.
    """
    return max(1, math.ceil(sigma * math.sqrt(-2 * math.log(CUT_OFF)) - 1))


def _two_nearest(labels: np.ndarray, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances to the nearest and to the second nearest cell, float32 ``(H, W)`` each, infinite beyond the margin."""
    first = np.full(labels.shape, np.inf, np.float32)
    second = first.copy()
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        crop = (
            slice(max(0, rows.start - margin), rows.stop + margin),
            slice(max(0, columns.start - margin), columns.stop + margin),
        )
        distance = distance_to_outside(labels[crop] != number)
        nearest, next_one = first[crop], second[crop]
        np.minimum(next_one, np.maximum(nearest, distance), out=next_one)
        np.minimum(nearest, distance, out=nearest)
    return first, second
