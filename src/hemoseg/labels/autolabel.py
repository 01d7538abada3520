"""Labels without a human: Gaussian, adaptive threshold, outermost contours, area filter, fill, morphology.

The chain is that of `autocsc` (PAPERS: document 5). Its 3x3 threshold window is as printed nearly an edge detector,
and it gives neither offset nor polarity: those defaults are ours.
"""

from typing import Any

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
    settings = DEFAULTS | settings
    grey = grey_bytes(image)
    dark = cells_are_dark(grey) if settings["polarity"] == "auto" else settings["polarity"] == "dark"
    if settings["gaussian"]:
        grey = cv2.GaussianBlur(grey, (3, 3), sigmaX=0.8, sigmaY=0.8)
    mask = threshold(grey, _window(settings["window"], grey.shape), settings["offset"] * 255, dark)
    least = settings["min_area"] if settings["min_area"] >= 1 else settings["min_area"] * grey.size
    return _contours(mask, least, settings["fill"], settings["morphology"])


def grey_bytes(image: np.ndarray) -> np.ndarray:
    """Mean of the channels, stretched to 0..255, uint8 ``(H, W)``; 0 where the image is constant."""
    grey = image.mean(axis=0)
    low, high = np.percentile(grey, RANGE)
    if high <= low:
        return np.zeros(grey.shape, np.uint8)
    return np.rint(np.clip((grey - low) / (high - low), 0, 1) * 255).astype(np.uint8)


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


def _contours(mask: np.ndarray, least: float, fill: bool, morphology: bool) -> np.ndarray:
    """Outermost contours (Suzuki) of at least ``least`` pixels, each filled with a number of its own."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    labels = np.zeros(mask.shape, np.int32)
    number = 0
    for contour in contours[::-1]:  # OpenCV finds the lowest first
        left, top, width, height = cv2.boundingRect(contour)
        cell = np.zeros((height, width), np.uint8)
        cv2.drawContours(cell, [contour], -1, 1, thickness=cv2.FILLED, offset=(-left, -top))
        if cell.sum() < least:
            continue
        part = (slice(top, top + height), slice(left, left + width))
        if not fill:
            cell &= mask[part] > 0
        number += 1
        labels[part][cell > 0] = number
    return _opened(labels, least) if morphology else labels


def _opened(labels: np.ndarray, least: float) -> np.ndarray:
    """Erosion, then dilation, both 3x3, which parts cells that touch in few pixels; what is left is numbered anew."""
    opened = cv2.morphologyEx((labels > 0).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return connected_components(opened > 0, least)
