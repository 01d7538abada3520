"""Resizing: images by area or bilinear with antialiasing, labels by nearest neighbour."""

import cv2
import numpy as np


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize an image; an axis that shrinks is averaged over area, one that grows is interpolated linearly.

    Args:
        image: ``(C, H, W)``, any dtype that OpenCV resizes (uint8, uint16, float32).
        size: rows and columns of the result.

    Returns:
        ``(C, *size)`` in the dtype of ``image``.
    """
    if image.shape[1:] == tuple(size):
        return image
    smaller = (min(size[0], image.shape[1]), min(size[1], image.shape[2]))
    shrunk = [cv2.resize(plane, smaller[::-1], interpolation=cv2.INTER_AREA) for plane in image]
    return np.stack([cv2.resize(plane, tuple(size)[::-1], interpolation=cv2.INTER_LINEAR) for plane in shrunk])


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize labels or a class map: each pixel takes the value under its centre.

    Args:
        labels: ``(H, W)``.
        size: rows and columns of the result.
    """
    rows, columns = (nearest(source, target) for source, target in zip(labels.shape, size, strict=True))
    return labels[rows[:, None], columns[None, :]]


def nearest(source: int, target: int) -> np.ndarray:
    """Index in ``source`` pixels under the centre of each of ``target`` pixels, in whole numbers."""
    return (2 * np.arange(target) + 1) * source // (2 * target)
