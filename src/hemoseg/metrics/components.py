"""The cells of a class map, which has no instances."""

import numpy as np

from hemoseg.labels.components import connected_components


def count_of_class(classes: np.ndarray, valid: np.ndarray, class_id: int, min_area: float) -> int:
    """8-connected components of one class with at least ``min_area`` valid pixels.

    A component that lies mostly on ignored pixels is not counted: what is left of it is a piece of something unknown.
    """
    parts = connected_components(classes == class_id)
    whole = np.bincount(parts.ravel())[1:]
    left = np.bincount(parts[valid], minlength=len(whole) + 1)[1:]
    return int(((left >= min_area) & (2 * left >= whole) & (left > 0)).sum())
