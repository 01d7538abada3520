"""How near each cell comes to another one."""

from functools import cache

import cv2
import numpy as np


def nearest_gaps(labels: np.ndarray, n: int, cap: float) -> np.ndarray:
    """Smallest distance between pixel centres of each cell and of any other cell, in pixels, float ``(n,)``.

    Args:
        labels: int ``(H, W)``, cells 1..n, 0 background.
        n: the number of cells.
        cap: the largest distance looked for.

    Returns:
        Distance per cell, 1.0 for cells that share an edge; NaN where no other cell lies within ``cap``.
    """
    reach = int(cap)
    padded = _framed(labels, n, reach + 1)
    flat, width, lowest = padded.ravel(), padded.shape[1], _background_last(padded)
    gaps, done = np.full(n + 1, np.nan), 0
    outline = _outline(flat, width)
    for limit in sorted({min(4, cap), cap}):
        outline = outline[np.isnan(gaps[flat[outline].astype(np.intp)])]
        window = np.ones((2 * int(limit) + 1,) * 2, np.uint8)
        highest_near, lowest_near = cv2.dilate(padded, window).ravel(), cv2.erode(lowest, window).ravel()
        alone = highest_near[outline] == flat[outline]
        alone &= lowest_near[outline] == lowest.ravel()[outline]
        pixels = outline[~alone]  # with another cell within the window
        own = flat[pixels]
        for distance, rows, columns in _rings(reach, cap):
            if done < distance <= limit:
                others = flat[pixels + (rows * width + columns)[:, None]]
                found = ((others != own) & (others > 0)).any(axis=0)
                if found.any():
                    gaps[own[found].astype(np.intp)] = distance
                    waiting = np.isnan(gaps[own.astype(np.intp)])
                    pixels, own = pixels[waiting], own[waiting]
        done = limit
    return gaps[1:]


def _framed(labels: np.ndarray, n: int, frame: int) -> np.ndarray:
    """Labels within a frame of background, of the smallest kind of number that OpenCV can dilate."""
    kind = np.uint8 if n < 2**8 else np.uint16 if n < 2**16 else np.float32  # which tells 2**24 cells apart
    padded = np.zeros([side + 2 * frame for side in labels.shape], kind)
    padded[frame:-frame, frame:-frame] = labels
    return padded


def _background_last(padded: np.ndarray) -> np.ndarray:
    """All labels one lower, background above them all; a whole number below 0 is the largest of its kind."""
    return padded - 1 if padded.dtype.kind == "u" else np.where(padded > 0, padded - 1, np.inf).astype(padded.dtype)


def _outline(flat: np.ndarray, width: int) -> np.ndarray:
    """Positions of the cell pixels with a 4-neighbour that is not of the same cell; the frame is background.

    The nearest pair of pixels of two cells always lies on these: from any other pixel, one step along a row or a
    column towards the other cell stays in the cell and is nearer.
    """
    centre = flat[width:-width]
    same = (flat[: -2 * width] == centre) & (flat[2 * width :] == centre)
    same &= (flat[width - 1 : -width - 1] == centre) & (flat[width + 1 : -width + 1] == centre)
    return np.flatnonzero((centre > 0) & ~same) + width


@cache
def _rings(reach: int, cap: float) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Distances within ``cap``, nearest first, and the rows and columns of the offsets that are so far."""
    rows, columns = (side.ravel() for side in np.mgrid[-reach : reach + 1, -reach : reach + 1])
    squares = rows**2 + columns**2
    rings = [(square, squares == square) for square in np.unique(squares) if 0 < square <= cap * cap]
    return [(float(np.sqrt(square)), rows[ring], columns[ring]) for square, ring in rings]
