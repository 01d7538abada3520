"""What can be told of one field of view without any truth: sharpness, light, noise, colour, and how full it is.

Luminance is a share of white. Lengths are in pixels of the image that is given, so that fields are compared at one
scale only: `data.field_quality` brings them there. A quantity that a field does not show, such as the sharpness of a
field without edges, is NaN.
"""

from itertools import pairwise

import cv2
import numpy as np

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, of red, green, blue
FINE, COARSE = 1.5, 3.0  # standard deviations of the two Gaussians whose gradients tell the width of an edge
DIFFERENCE = 1 / 3  # variance of the box of two pixels by which a difference of neighbours blurs besides
EDGES = 0.06  # share of the pixels that are taken for edges: the steepest
LEAST_EDGE = 8.0  # a field has edges if the steepest slopes exceed those of its noise so many times
BLOCKS = 12  # rows and columns of blocks in which the ground's light is looked at
LEAST_GROUND = 0.2  # share of a block that must be ground
CLIPPED = 0.995  # of white: a pixel of which nothing more can be told
NAMES = (
    *("edge_width", "light", "saturated", "uneven", "noise", "contrast", "red", "blue", "ground_red", "ground_blue"),
    *("cells", "covered", "touching", "cell_area", "outline"),
)


def features_of(image: np.ndarray, instances: np.ndarray | None = None, white: float | None = None) -> dict[str, float]:
    """What can be told of a field; a key for each of `NAMES`, NaN where it cannot be told.

    Args:
        image: uint8, uint16 or float in [0, 1], ``(C, H, W)``.
        instances: cells that were found, 0 background, int ``(H, W)``; without them the last five are NaN, and what is
            dark on a bright ground, or bright on a dark one, stands for them in the others.
        white: number of full light; that of the type where it is left out.

    Returns:
        ``edge_width``: blur of the steepest edges, the sd in pixels of the Gaussian that a step would have met (Zhuo
        and Sim 2011, DOI 10.1016/j.patcog.2011.03.009); ``light``: luminance of the ground; ``saturated``: share of
        pixels with a channel at white; ``uneven``: by which part the ground's light falls from its brightest place to
        its darkest, after a smooth surface; ``noise``: sd of the finest grain (Immerkaer 1996, DOI
        10.1006/cviu.1996.0060); ``contrast``: optical density of the cells against the ground, positive where they are
        darker; ``red``, ``blue``: how much more of it in that channel than in green; ``ground_red``, ``ground_blue``:
        the ground's; ``cells`` number per 10^6 pixels; ``covered``: share of the area in cells; ``touching``: share of
        the cells that meet another; ``cell_area``: natural log of their median area; ``outline``: natural log of their
        median outline, how often they border on other pixels, squared over the 16 areas, 0 of a square.
    """
    light = _in_light(image, white)
    grey = np.tensordot(LUMINANCE, light[:3], axes=1) if len(light) >= 3 else light.mean(axis=0)
    inside = _inside(grey, instances)
    bright = _is_bright(grey, inside)
    ground = cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0
    found = dict.fromkeys(NAMES, float("nan"))
    found["noise"] = _noise(grey)
    found["edge_width"] = _edge_width(grey, found["noise"])
    found["saturated"] = float((light >= CLIPPED).any(axis=0).mean())
    found["light"] = float(np.median(grey[ground])) if ground.any() else float("nan")
    found["uneven"] = _uneven(grey, ground, bright)
    found |= _colours(light, grey, inside, ground)
    return found if instances is None else found | _crowd(instances)


def _in_light(image: np.ndarray, white: float | None) -> np.ndarray:
    """The image as shares of white, float32 ``(C, H, W)``."""
    if white is None:
        white = float(np.iinfo(image.dtype).max) if image.dtype.kind in "ui" else 1.0
    return np.minimum(np.asarray(image, np.float32) / np.float32(white), 1)


def _inside(grey: np.ndarray, instances: np.ndarray | None) -> np.ndarray:
    """Pixels of cells; where none are named, the rarer side of Otsu's threshold once slow changes are taken out."""
    if instances is not None and instances.any():
        return instances > 0
    side = max(3, min(grey.shape) // 4)
    flat = grey - cv2.blur(grey, (side, side))
    low, high = float(flat.min()), float(flat.max())
    if high <= low:
        return np.zeros(grey.shape, bool)
    stretched = ((flat - low) / (high - low) * 255).astype(np.uint8)
    _, above = cv2.threshold(stretched, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return (above > 0) if above.mean() < 0.5 else (above == 0)


def _is_bright(grey: np.ndarray, inside: np.ndarray) -> bool:
    """Whether the ground is brighter than the cells; a field without cells or without ground counts as bright."""
    return inside.all() or not inside.any() or bool(np.median(grey[inside]) <= np.median(grey[~inside]))


def _noise(grey: np.ndarray) -> float:
    """Standard deviation of the grain, by the median of a mask that planes and straight edges leave at 0."""
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.median(np.abs(cv2.filter2D(grey, cv2.CV_32F, mask))) / 0.6745 / 6)


def _edge_width(grey: np.ndarray, noise: float) -> float:
    """Median blur of the steepest edges in pixels; NaN where nothing is steeper than the grain."""
    down, right = _slopes(grey, COARSE)
    slope = np.hypot(down, right)
    steep = (slope >= np.quantile(slope, 1 - EDGES)) & _on_crest(slope, np.abs(down) > np.abs(right))
    # Gaussian noise of sd s, smoothed by sigma, has slopes of s / (sqrt(8 pi) sigma^2).
    of_noise = noise / (np.sqrt(8 * np.pi) * COARSE**2)
    if not steep.any() or np.median(slope[steep]) <= max(LEAST_EDGE * of_noise, 1e-4):
        return float("nan")
    # A step that was blurred by b has slopes of 1 / sqrt(b^2 + sigma^2): of their ratio follows b.
    ratio = np.median(np.square(np.hypot(*_slopes(grey, FINE))[steep] / slope[steep]))
    fine, coarse = FINE**2 + DIFFERENCE, COARSE**2 + DIFFERENCE
    return float(np.sqrt(max((coarse - ratio * fine) / max(ratio - 1, 1e-3), 0)))


def _slopes(grey: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Slope per row and per column of the image smoothed by a Gaussian."""
    smooth = cv2.GaussianBlur(grey, (0, 0), sigma)
    return cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8), cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)


def _on_crest(slope: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Pixels in the middle of an edge: no neighbour across it, below and above or beside, is steeper."""
    padded = np.pad(slope, 1)
    above_and_below = np.maximum(padded[:-2, 1:-1], padded[2:, 1:-1])
    beside = np.maximum(padded[1:-1, :-2], padded[1:-1, 2:])
    return slope >= np.where(down, above_and_below, beside)


def _uneven(grey: np.ndarray, ground: np.ndarray, bright: bool) -> float:
    """By which part the ground's light falls, after a surface of the second degree through its blocks."""
    rows, columns = (np.linspace(0, side, BLOCKS + 1).astype(int) for side in grey.shape)
    places, levels = [], []
    for i, (top, bottom) in enumerate(pairwise(rows)):
        for j, (left, right) in enumerate(pairwise(columns)):
            seen = grey[top:bottom, left:right][ground[top:bottom, left:right]]
            if seen.size > LEAST_GROUND * (bottom - top) * (right - left):
                places.append((i, j))
                # Cells that were not found lie on one side of the ground's light: the other side is taken.
                levels.append(_quantile(seen, 0.75 if bright else 0.25))
    if len(places) < BLOCKS:
        return float("nan")
    y, x = (2 * (np.array(places, float) + 0.5) / BLOCKS - 1).T
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    surface = terms @ np.linalg.lstsq(terms, np.array(levels), rcond=None)[0]
    return float(np.clip(1 - surface.min() / max(surface.max(), 1e-6), 0, 1))


def _quantile(values: np.ndarray, share: float) -> float:
    """Numpy's quantile of float32 values; that one checks so much that 144 calls take longer than a network."""
    place = (len(values) - 1) * share
    low = int(place)
    ordered = np.partition(values, (low, min(low + 1, len(values) - 1)))
    return float(ordered[low] + (ordered[min(low + 1, len(values) - 1)] - ordered[low]) * np.float32(place - low))


def _colours(light: np.ndarray, grey: np.ndarray, inside: np.ndarray, ground: np.ndarray) -> dict[str, float]:
    """Contrast of the cells, and the colour of cells and ground where there are three channels."""
    found: dict[str, float] = {}
    if not ground.any():
        return found
    of_ground = np.maximum([np.median(channel[ground]) for channel in (grey, *light[:3])], 1e-3)
    if inside.any():
        of_cells = np.maximum([np.median(channel[inside]) for channel in (grey, *light[:3])], 1e-3)
        density = np.log(of_ground / of_cells)
        found["contrast"] = float(density[0])
        if len(light) >= 3:
            found |= {"red": float(density[1] - density[2]), "blue": float(density[3] - density[2])}
    if len(light) >= 3:
        red, blue = np.log(of_ground[[1, 3]] / of_ground[2])
        found |= {"ground_red": float(red), "ground_blue": float(blue)}
    return found


def _crowd(instances: np.ndarray) -> dict[str, float]:
    """How many cells, how full, how many meet, how large and how ragged they are; see `features_of`."""
    areas = np.bincount(instances.ravel())
    areas[0] = 0
    edges = np.zeros(len(areas), np.int64)
    meets = np.zeros(len(areas), bool)
    for here, there in ((instances[1:], instances[:-1]), (instances[:, 1:], instances[:, :-1])):
        differ = here != there
        sides = here[differ], there[differ]
        edges += np.bincount(sides[0], minlength=len(areas)) + np.bincount(sides[1], minlength=len(areas))
        both = (sides[0] > 0) & (sides[1] > 0)
        meets[sides[0][both]] = meets[sides[1][both]] = True
    present = np.flatnonzero(areas)
    known = len(present) > 0
    ragged = np.maximum(edges[present], 1) ** 2 / (16 * areas[present])  # one cell may fill the field
    return {
        "cells": 1e6 * len(present) / instances.size,
        "covered": float(areas.sum() / instances.size),
        "touching": float(meets[present].mean()) if known else float("nan"),
        "cell_area": float(np.log(np.median(areas[present]))) if known else float("nan"),
        "outline": float(np.log(np.median(ragged))) if known else float("nan"),
    }
