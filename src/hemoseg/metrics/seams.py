"""The seam that windows leave in a prediction: probability jumps across their borders, against those elsewhere.

The *jump* between two neighbouring pixels is half the sum over the classes of the absolute difference of their
probabilities: 0 where they are alike, 1 where they are sure of different classes. A *line* lies between two rows or two
columns of pixels; a *border* is a line at which a window begins or ends within the image. The *seam* is the mean jump
across the borders over the mean jump across all other lines of the same directions: 1 where the windows cannot be seen.
"""

from typing import NamedTuple

import numpy as np


class Profile(NamedTuple):
    """Jumps by the signed distance of their line from the nearest border, in pixels.

    Attributes:
        offsets: sorted, int ``(n,)``; 0 is a border.
        sums: of the jumps, float64 ``(n,)``.
        pairs: of neighbouring pixels, int ``(n,)``.
    """

    offsets: np.ndarray
    sums: np.ndarray
    pairs: np.ndarray


class Seam(NamedTuple):
    """Mean jump across borders and elsewhere, their ratio, and the highest ratio that lines elsewhere have."""

    across: float
    elsewhere: float
    ratio: float
    highest: float


def profile(probability: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> Profile:
    """Jumps of one image by their distance from the nearest border.

    Args:
        probability: ``(K, H, W)``.
        rows: borders between rows; a direction without borders is left out.
        columns: borders between columns.
    """
    parts = []
    for axis, lines in ((1, rows), (2, columns)):
        if len(lines):
            jumps = np.abs(np.diff(probability.astype(np.float64), axis=axis)).sum(axis=(0, 3 - axis)) / 2
            distance = np.arange(1, len(jumps) + 1)[:, None] - np.asarray(lines)[None]
            nearest = distance[np.arange(len(jumps)), np.abs(distance).argmin(axis=1)]
            along = np.full(len(jumps), probability.shape[3 - axis])
            parts.append((nearest, jumps, along))
    return _summed(parts)


def pooled(profiles: list[Profile]) -> Profile:
    """Jumps of several images together."""
    return _summed([tuple(one) for one in profiles])


def seam(one: Profile) -> Seam:
    """The seam of a profile; NaN where there is no border, or no line but borders.

    ``highest`` is the ratio of the highest mean jump that the lines at one distance from the borders have, of those
    distances with at least half as many pixels as the borders: what chance makes of the same number of lines.
    """
    border = one.offsets == 0
    others = ~border & (2 * one.pairs >= one.pairs[border].sum())
    across, elsewhere = (_mean(one.sums[part].sum(), one.pairs[part].sum()) for part in (border, ~border))
    highest = max((one.sums[others] / one.pairs[others]).tolist(), default=np.nan)
    return Seam(across, elsewhere, _mean(across, elsewhere), _mean(highest, elsewhere))


def _summed(parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Profile:
    if not parts:
        return Profile(np.zeros(0, int), np.zeros(0), np.zeros(0, int))
    offsets, sums, pairs = (np.concatenate(each) for each in zip(*parts, strict=True))
    known, place = np.unique(offsets, return_inverse=True)
    total = np.bincount(place, sums, len(known)), np.bincount(place, pairs, len(known)).astype(int)
    return Profile(known, *total)


def _mean(total: float, number: float) -> float:
    return float(total / number) if number > 0 else np.nan
