"""The areas of labelled cells and the cells of a class map."""

import numpy as np

from hemoseg.labels.components import connected_components


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
    """8-connected components of one class with at least ``min_area`` valid pixels.

    A component that lies mostly on ignored pixels is not counted: what is left of it is a piece of something unknown.
    """
    parts = connected_components(classes == class_id)
    whole = np.bincount(parts.ravel())[1:]
    left = np.bincount(parts[valid], minlength=len(whole) + 1)[1:]
    return int(((left >= min_area) & (2 * left >= whole) & (left > 0)).sum())
