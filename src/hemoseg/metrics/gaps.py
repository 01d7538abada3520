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
    # What OpenCV can dilate; float32 tells 2**24 cells apart.
    padded = np.pad(labels.astype(np.uint16 if n < 2**16 - 1 else np.float32), reach + 1)
    flat, empty = padded.ravel(), padded == 0
    lowest = np.where(empty, padded.dtype.type(n + 1), padded)
    gaps = np.full(n + 1, np.nan)
    done, outline = 0, _outline(padded)
    for limit in sorted({min(4, cap), cap}):
        window = np.ones((2 * int(limit) + 1,) * 2, np.uint8)
        near = outline & ((cv2.dilate(padded, window) != padded) | (cv2.erode(lowest, window) != padded))
        pixels = np.flatnonzero(near)  # of the outline, with another cell within the window
        own = flat[pixels].astype(np.intp)
        for distance, offsets in _rings(reach, cap):
            if done < distance <= limit:
                waiting = np.isnan(gaps[own])
                pixels, own = pixels[waiting], own[waiting]
                for row, column in offsets:
                    other = flat[pixels + row * padded.shape[1] + column]
                    gaps[own[(other != own) & (other > 0)]] = distance
        done = limit
    return gaps[1:]


def _outline(labels: np.ndarray) -> np.ndarray:
    """Cell pixels with a 4-neighbour that is not of the same cell; the frame of ``labels`` is background.

    The nearest pair of pixels of two cells always lies on these: from any other pixel, one step along a row or a
    column towards the other cell stays in the cell and is nearer.
    """
    centre = labels[1:-1, 1:-1]
    same = (labels[:-2, 1:-1] == centre) & (labels[2:, 1:-1] == centre)
    same &= (labels[1:-1, :-2] == centre) & (labels[1:-1, 2:] == centre)
    return np.pad((centre > 0) & ~same, 1)


@cache
def _rings(reach: int, cap: float) -> list[tuple[float, list[tuple[int, int]]]]:
    """Offsets (row, column) within ``cap``, nearest ring first."""
    rings: dict[int, list[tuple[int, int]]] = {}
    for row in range(-reach, reach + 1):
        for column in range(-reach, reach + 1):
            if 0 < row * row + column * column <= cap * cap:
                rings.setdefault(row * row + column * column, []).append((row, column))
    return [(float(np.sqrt(square)), rings[square]) for square in sorted(rings)]
