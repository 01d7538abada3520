"""The cells of a class map, which has no instances."""

import cv2
import numpy as np

from hemoseg.labels.components import connected_components


def count_of_class(classes: np.ndarray, valid: np.ndarray, class_id: int, min_area: float) -> int:
    """8-connected components of one class with at least ``min_area`` valid pixels; see `counted_components`."""
    mask = (classes == class_id).view(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    whole = stats[1:, cv2.CC_STAT_AREA]
    taken_out = np.bincount(parts[~valid], minlength=len(whole) + 1)[1:]
    return int(_counts(whole, whole - taken_out, min_area).sum())


def counted_components(classes: np.ndarray, valid: np.ndarray, class_id: int, min_area: float) -> np.ndarray:
    """The 8-connected components of one class that count, numbered 1..n in reading order.

    A component that lies mostly on ignored pixels is not counted: what is left of it is a piece of something unknown.

    Args:
        classes: class map, int ``(H, W)``.
        valid: bool ``(H, W)``, False where a pixel is ignored.
        class_id: the class.
        min_area: least number of valid pixels.

    Returns:
        int32 ``(H, W)``, 0 where no component counts; the ignored pixels of one that does are part of it.
    """
    parts = connected_components(classes == class_id)
    whole = np.bincount(parts.ravel())[1:]
    left = np.bincount(parts[valid], minlength=len(whole) + 1)[1:]
    kept = _counts(whole, left, min_area)
    numbers = np.append(0, np.where(kept, np.cumsum(kept), 0)).astype(np.int32)
    return numbers[parts]


def _counts(whole: np.ndarray, left: np.ndarray, min_area: float) -> np.ndarray:
    """Whether components of so many pixels, of which so many are valid, count."""
    return (left >= min_area) & (2 * left >= whole) & (left > 0)
