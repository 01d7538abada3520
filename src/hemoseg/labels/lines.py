"""Lines of background between cells that touch, so that a class map tells them apart."""

import numpy as np
from scipy import ndimage


def between_cells(labels: np.ndarray, reach: int) -> np.ndarray:
    """Pixels of a cell that have a pixel of another cell within ``reach`` rows and columns, bool ``(H, W)``.

    With these taken away no two cells are 8-connected, however near they were, and at least ``2 * reach`` pixels part
    two cells that shared an edge.

    Args:
        labels: cells int ``(H, W)``, 0 background.
        reach: >= 0, in pixels; 0 takes nothing.
    """
    if reach == 0 or not labels.any():
        return np.zeros(labels.shape, bool)
    size = 2 * reach + 1
    highest = ndimage.maximum_filter(labels, size, mode="constant", cval=0)
    beyond = int(labels.max()) + 1  # background is no cell's lowest number
    lowest = ndimage.minimum_filter(np.where(labels > 0, labels, beyond), size, mode="constant", cval=beyond)
    return (labels > 0) & ((highest != labels) | (lowest != labels))
