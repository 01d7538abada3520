"""Cells of which only a point is known, held against instances: found, merged or missed."""

from typing import NamedTuple

import numpy as np


class PointHits(NamedTuple):
    """Marked cells of a frame; every one is counted once.

    Attributes:
        found: whose point is covered by an instance that covers no other cell's point.
        merged: whose point is covered by an instance that covers several.
        missed: whose point no instance covers.
        instances: of the frame, marked or not; many more than the cells there are say that cells were cut up, which
            points cannot show.
    """

    found: int
    merged: int
    missed: int
    instances: int


def point_hits(instances: np.ndarray, points: np.ndarray) -> PointHits:
    """Hold a point per cell against the instances of a frame.

    Args:
        instances: int ``(H, W)``, 0 background.
        points: rows and columns in pixel indices, float ``(n, 2)``; the nearest pixel counts, one beyond the frame is
            missed.
    """
    number = len(np.unique(instances[instances > 0]))
    at = np.floor(np.asarray(points, float).reshape(-1, 2) + 0.5).astype(int)
    inside = ((at >= 0) & (at < instances.shape)).all(axis=1)
    covering = np.zeros(len(at), int)
    covering[inside] = instances[tuple(at[inside].T)]
    _, points_in = np.unique(covering[covering > 0], return_counts=True)
    found = int((points_in == 1).sum())
    merged = int(points_in[points_in > 1].sum())
    return PointHits(found, merged, len(at) - found - merged, number)
