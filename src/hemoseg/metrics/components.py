"""The cells of a class map, which has no instances."""

import numpy as np

from hemoseg.labels.components import connected_components


def count_of_class(classes: np.ndarray, valid: np.ndarray, class_id: int, min_area: float) -> int:
    """8-connected components of one class with at least ``min_area`` valid pixels; see `counted_components`."""
    return int(counted_components(classes, valid, class_id, min_area).max(initial=0))


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
    kept = (left >= min_area) & (2 * left >= whole) & (left > 0)
    numbers = np.append(0, np.where(kept, np.cumsum(kept), 0)).astype(np.int32)
    return numbers[parts]
