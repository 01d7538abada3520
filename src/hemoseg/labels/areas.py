"""Areas of labelled cells."""

import cv2
import numpy as np


def median_area(labels: list[np.ndarray]) -> float:
    """Median area of the cells of several label images, in pixels.

    Args:
        labels: int ``(H, W)`` each, 0 background; a bool mask stands for its 8-connected components.

    Returns:
        The median over all cells; 0.0 where there is none.
    """
    areas = [_areas(image) for image in labels]
    joined = np.concatenate(areas) if areas else np.zeros(0)
    return float(np.median(joined)) if joined.size else 0.0


def _areas(labels: np.ndarray) -> np.ndarray:
    if labels.dtype == bool:
        labels = cv2.connectedComponents(labels.astype(np.uint8), connectivity=8)[1]
    counts = np.bincount(labels.ravel())[1:]
    return counts[counts > 0]
