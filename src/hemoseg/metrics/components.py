"""Connected components and the areas of labelled cells."""

import cv2
import numpy as np


def components(mask: np.ndarray) -> np.ndarray:
    """8-connected components of a bool ``(H, W)`` mask, int32 ``(H, W)``, 0 background; no holes are filled."""
    return cv2.connectedComponents(np.ascontiguousarray(mask, np.uint8), connectivity=8, ltype=cv2.CV_32S)[1]


def compact(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels renumbered 1..n in the order of their ids, int64 ``(H, W)``, and the n ids; 0 stays background.

    Raises:
        ValueError: a label is negative.
    """
    if labels.size and labels.min() < 0:
        raise ValueError(f"label {labels.min()} is negative; cells are numbered from 1, background is 0")
    top = int(labels.max(initial=0))
    if top > 16 * labels.size:  # a few huge ids: a table over all of them would not fit
        ids, inverse = np.unique(labels, return_inverse=True)
        shift = int(ids[0] != 0)
        return inverse.reshape(labels.shape) + shift, ids[1 - shift :]
    present = np.bincount(labels.ravel(), minlength=top + 1) > 0
    present[0] = False
    return np.cumsum(present)[labels], np.flatnonzero(present)


def areas(labels: np.ndarray) -> np.ndarray:
    """Areas in pixels of the cells of a label image ``(H, W)``, int ``(n,)``, in the order of their ids."""
    renumbered, ids = compact(labels)
    return np.bincount(renumbered.ravel(), minlength=len(ids) + 1)[1:]


def count_of_class(classes: np.ndarray, valid: np.ndarray, class_id: int, min_area: float) -> int:
    """8-connected components of one class with at least ``min_area`` valid pixels."""
    return int((areas(components((classes == class_id) & valid)) >= min_area).sum())
