"""Labels without a human: Gaussian, adaptive threshold, outermost contours, area filter, fill, morphology.

The chain is that of `autocsc` (PAPERS: document 5). Its 3x3 threshold window is as printed nearly an edge detector,
and it gives neither offset nor polarity: those defaults are ours.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np

from hemoseg.errors import InputError
from hemoseg.labels.components import connected_components
from hemoseg.labels.otsu import cells_are_dark
from hemoseg.settings import with_defaults

DEFAULTS: dict[str, Any] = {
    "gaussian": True,  # 3x3, sigma 0.8, as printed
    "window": 0.4,  # ours; a part of the smaller side, or whole pixels (the paper: 3)
    "offset": 0.08,  # ours; how far from the local mean, as a part of the grey range
    "polarity": "auto",  # ours; cells "dark" or "bright" against their surroundings
    "min_area": 0.001,  # ours; a part of the image, or whole pixels
    "fill": True,
    "morphology": False,  # erosion, then dilation, 3x3, as printed for macrophages
}
RANGE = (0.1, 99.9)  # percentiles of grey that become 0 and 255


class Stages(NamedTuple):
    """What the chain makes of one image, part by part, each ``(H, W)``.

    Attributes:
        grey: uint8, stretched to 0..255, and smoothed where the Gaussian filter is on.
        mask: uint8, 0 or 255: the threshold.
        filled: int32, the outermost contours that are large enough, each filled with a number of its own.
        labels: int32, `filled` after the morphology; 0 background.
    """

    grey: np.ndarray
    mask: np.ndarray
    filled: np.ndarray
    labels: np.ndarray


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults.

    Raises:
        InputError: an unknown key or value.
    """
    settings = with_defaults(settings, DEFAULTS, "autolabel settings")
    if settings["polarity"] not in ("auto", "dark", "bright"):
        raise InputError(f"autolabel settings: polarity {settings['polarity']!r}; choose auto, dark or bright")
    for key in ("window", "offset", "min_area"):
        if isinstance(settings[key], bool) or not isinstance(settings[key], int | float):
            raise InputError(f"autolabel settings: {key} {settings[key]!r} is no number; correct it")
    for key in ("gaussian", "fill"):
        if not isinstance(settings[key], bool):
            raise InputError(f"autolabel settings: {key} {settings[key]!r}; give true or false")
    if not isinstance(settings["morphology"], bool):
        raise InputError(
            f"autolabel settings: morphology {settings['morphology']!r}; give true, false or a list of kinds"
        )
    if not settings["window"] > 0 or settings["min_area"] < 0:
        raise InputError("autolabel settings: window and min_area are parts of the image or pixels; make them positive")
    return settings


def autolabel(image: np.ndarray, settings: dict[str, Any]) -> np.ndarray:
    """Cells of one image by thresholds and contours.

    Args:
        image: float32 ``(C, H, W)`` in [0, 1].
        settings: see `DEFAULTS`; what is missing takes the default.

    Returns:
        Labels 1..n, int32 ``(H, W)``, 0 background.
    """
    return stages(image, settings).labels


def stages(image: np.ndarray, settings: dict[str, Any]) -> Stages:
    """Every part of the chain on one image, arguments as of `autolabel`."""
    settings = DEFAULTS | settings
    grey = grey_bytes(image)
    mask = threshold_of(grey, settings)
    if settings["gaussian"]:
        grey = smoothed(grey)
    least = least_area(settings["min_area"], grey.size)
    filled = large_enough(*contours_of(mask, settings["fill"]), least)
    return Stages(grey, mask, filled, opened(filled, least) if settings["morphology"] else filled)


def grey_bytes(image: np.ndarray) -> np.ndarray:
    """Mean of the channels, stretched to 0..255, uint8 ``(H, W)``; 0 where the image is constant."""
    grey = image.mean(axis=0)
    low, high = np.percentile(grey, RANGE)
    if high <= low:
        return np.zeros(grey.shape, np.uint8)
    return np.rint(np.clip((grey - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def threshold_of(grey: np.ndarray, settings: dict[str, Any]) -> np.ndarray:
    """The threshold of a grey image, uint8 ``(H, W)``, by the settings gaussian, polarity, window and offset."""
    dark = cells_are_dark(grey) if settings["polarity"] == "auto" else settings["polarity"] == "dark"
    if settings["gaussian"]:
        grey = smoothed(grey)
    return threshold(grey, _window(settings["window"], grey.shape), settings["offset"] * 255, dark)


def smoothed(grey: np.ndarray) -> np.ndarray:
    """A grey image after the Gaussian filter as printed: 3x3, sigma 0.8 in both directions."""
    return cv2.GaussianBlur(grey, (3, 3), sigmaX=0.8, sigmaY=0.8)


def threshold(grey: np.ndarray, window: int, offset: float, dark: bool) -> np.ndarray:
    """Pixels that differ from their Gaussian-weighted surroundings by more than ``offset``.

    Args:
        grey: uint8 ``(H, W)``.
        window: odd side of the surroundings, in pixels.
        offset: in grey levels.
        dark: whether cells are darker than what is around them.

    Returns:
        uint8 ``(H, W)``, 0 or 255.
    """
    kind = cv2.THRESH_BINARY_INV if dark else cv2.THRESH_BINARY
    return cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, kind, window, offset if dark else -offset)


def _window(window: float, size: tuple[int, int]) -> int:
    pixels = window if window >= 3 else window * min(size)
    return max(3, int(pixels) // 2 * 2 + 1)


def least_area(min_area: float, pixels: int) -> float:
    """``min_area`` in pixels: below 1 it is a part of the image."""
    return min_area if min_area >= 1 else min_area * pixels


def contours_of(mask: np.ndarray, fill: bool) -> tuple[np.ndarray, np.ndarray]:
    """Outermost contours (Suzuki) of a mask, each filled with a number of its own.

    Returns:
        Labels, int32 ``(H, W)``, and the area within each contour in pixels, int64, by label (0 for the background);
        without ``fill`` the holes are no part of the labels.
    """
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, thickness=cv2.FILLED)
    labels = connected_components(filled > 0)  # outermost contours never touch each other
    areas = np.bincount(labels.ravel())
    return (labels if fill else np.where(mask > 0, labels, 0)), areas


def large_enough(labels: np.ndarray, areas: np.ndarray, least: float) -> np.ndarray:
    """The labels of at least ``least`` pixels, numbered anew in their order, int32 ``(H, W)``."""
    kept = areas >= least
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0).astype(np.int32)[labels]


def opened(labels: np.ndarray, least: float) -> np.ndarray:
    """Erosion, then dilation, both 3x3, which parts cells that touch in few pixels; what is left is numbered anew."""
    mask = cv2.morphologyEx((labels > 0).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return connected_components(mask > 0, least)
