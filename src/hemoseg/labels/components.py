"""Connected components of a mask."""

import cv2
import numpy as np


def connected_components(mask: np.ndarray, min_area: float = 0) -> np.ndarray:
    """8-connected parts of a mask, numbered 1..n in reading order.

    Args:
        mask: bool ``(H, W)``.
        min_area: parts with fewer pixels are dropped.

    Returns:
        int32 ``(H, W)``, 0 background.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    kept = stats[:, cv2.CC_STAT_AREA] >= min_area
    kept[0] = False
    where = np.flatnonzero(kept)
    first = np.full(count, labels.size, np.int64)  # the order of the parts is not promised by OpenCV
    first[where] = [int(_first(labels, stats[i], i)) for i in where]
    numbers = np.zeros(count, np.int32)
    numbers[where[np.argsort(first[where], kind="stable")]] = np.arange(1, where.size + 1)
    return numbers[labels]


def _first(labels: np.ndarray, box: np.ndarray, label: int) -> int:
    """Position of the first pixel of a part: in the first row of its box."""
    left, top, width = box[cv2.CC_STAT_LEFT], box[cv2.CC_STAT_TOP], box[cv2.CC_STAT_WIDTH]
    row = labels[top, left : left + width]
    return top * labels.shape[1] + left + int((row == label).argmax())
