"""Otsu's threshold: the split of the grey values with the largest variance between its two sides.

Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 9 (1979), 62-66,
https://doi.org/10.1109/TSMC.1979.4310076
"""

import numpy as np


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
    """Whether the foreground is darker than the background, taking the background for what lies along the border.

    Args:
        grey: ``(H, W)``.
    """
    threshold = otsu_threshold(grey)
    border = np.concatenate([grey[0], grey[-1], grey[1:-1, 0], grey[1:-1, -1]])
    return bool((border > threshold).mean() >= 0.5)


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
