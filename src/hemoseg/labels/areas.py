"""Numbers and areas of labelled cells."""

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


def median_area(labels: list[np.ndarray]) -> float:
    """Median area of the cells of several label images, in pixels.

    Args:
        labels: int ``(H, W)`` each, 0 background; a bool mask stands for its 8-connected components.

    Returns:
        The median over all cells; 0.0 where there is none.
    """
    found = [areas(connected_components(image) if image.dtype == bool else image) for image in labels]
    joined = np.concatenate(found) if found else np.zeros(0)
    return float(np.median(joined)) if joined.size else 0.0
