"""How near each cell comes to another one."""

from functools import cache

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
    padded = np.pad(labels, reach + 1)
    width = padded.shape[1]
    flat = padded.ravel()
    pixels = np.flatnonzero(_outline(padded))
    own = flat[pixels]
    gaps = np.full(n + 1, np.nan)
    for distance, offsets in _rings(reach, cap):
        for row, column in offsets:
            other = flat[pixels + row * width + column]
            gaps[own[(other != own) & (other > 0)]] = distance
        waiting = np.isnan(gaps[own])
        pixels, own = pixels[waiting], own[waiting]
        if not own.size:
            break
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
