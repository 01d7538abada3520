"""Otsu's threshold: the split of the grey values with the largest variance between its two sides.

Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9 (1979), 62-66,
https://doi.org/10.1109/TSMC.1979.4310076
"""

import cv2
import numpy as np

SMALL = 256  # side in pixels at which the polarity is looked for


def otsu_threshold(grey: np.ndarray, bins: int = 256) -> float:
    """Threshold between the two groups of values; the value itself when there is only one.

    Args:
        grey: any shape, finite.
        bins: bins of the histogram.
    """
    counts, edges = np.histogram(grey.ravel(), bins)
    centres = (edges[:-1] + edges[1:]) / 2
    if grey.size == 0 or grey.min() == grey.max():
        return float(grey.flat[0]) if grey.size else 0.0
    below, above = np.cumsum(counts), np.cumsum(counts[::-1])[::-1]
    mean_below = np.cumsum(counts * centres) / np.maximum(below, 1)
    mean_above = np.cumsum((counts * centres)[::-1])[::-1] / np.maximum(above, 1)
    variance = below[:-1] * above[1:].astype(float) * (mean_below[:-1] - mean_above[1:]) ** 2
    return float(centres[variance.argmax()])


def cells_are_dark(grey: np.ndarray) -> bool:
    """Whether the foreground is darker than what surrounds it.

    The cells are the rarer side: once slow changes of the light are taken away, the grey values lean to their side
    (negative skewness: dark cells). A vignette, which darkens the border and the corners, does not mislead it.

    Args:
        grey: ``(H, W)``.
    """
    scale = min(1.0, SMALL / max(grey.shape))
    small = grey.astype(np.float32)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in grey.shape]
        small = cv2.resize(small, size[::-1], interpolation=cv2.INTER_AREA)
    light = cv2.GaussianBlur(small, (0, 0), max(small.shape) / 8, borderType=cv2.BORDER_REFLECT)
    residual = small - light
    return bool(((residual - np.median(residual)) ** 3).mean() <= 0)


def otsu_mask(grey: np.ndarray, polarity: str = "auto") -> np.ndarray:
    """Foreground by Otsu's threshold, bool ``(H, W)``; empty for a constant image.

    Args:
        grey: ``(H, W)``.
        polarity: "dark" or "bright" cells, or "auto" (see `cells_are_dark`).
    """
    if grey.min() == grey.max():
        return np.zeros(grey.shape, bool)
    dark = cells_are_dark(grey) if polarity == "auto" else polarity == "dark"
    threshold = otsu_threshold(grey)
    return grey <= threshold if dark else grey > threshold
