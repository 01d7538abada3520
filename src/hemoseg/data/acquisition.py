"""Which images to label next: those of which a model knows least, unlike each other and what is labelled already."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

STRATEGIES = ("gain", "uncertainty", "novelty", "random")


@dataclass(frozen=True)
class Suggestion:
    """One image of the list, in the order of labelling.

    Attributes:
        position: of the image among the candidates.
        gain: what it was chosen by: the product of the other three, each in [0, 1].
        uncertainty: rank of its uncertainty among the candidates, 1 the most uncertain.
        novelty: distance to the nearest image that is labelled or stands before it in the list, by the largest such
            distance when the list began; 1 for the first where nothing is labelled. It never rises along the list.
        coverage: 1 / (1 + images of its group that are labelled or stand before it); 1 where groups are not known.
    """

    position: int
    gain: float
    uncertainty: float
    novelty: float
    coverage: float


def suggest(
    uncertainty: np.ndarray,
    features: np.ndarray,
    groups: Sequence[str] = (),
    *,
    labelled: np.ndarray | None = None,
    labelled_groups: Sequence[str] = (),
    count: int | None = None,
) -> list[Suggestion]:
    """Candidates in the order in which labelling them is worth most, one after the other.

    Each step takes the candidate with the largest gain, given all before it: uncertainty by itself picks the same
    difficulty again and again (Settles 2009, Active Learning Literature Survey, section 7.1), distance by itself picks
    outliers (core-set choice: Sener and Savarese 2018, arXiv 1708.00489), so their product is asked for. Of equal
    gains the first candidate is taken.

    Args:
        uncertainty: of each candidate, float ``(n,)``; only its order counts, as its scale differs between models.
        features: of each candidate, float ``(n, d)``; each column is divided by its standard deviation.
        groups: patient or slide of each candidate, "" where it is not known; none at all where none is.
        labelled: features of the images that have labels, float ``(m, d)``.
        labelled_groups: their groups.
        count: how many to take; none takes all.

    Raises:
        ValueError: lengths that differ, or numbers that are not finite.
    """
    uncertainty, features = np.asarray(uncertainty, float), np.asarray(features, float)
    count = len(features) if count is None else min(count, len(features))
    known = np.empty((0, features.shape[1])) if labelled is None else np.asarray(labelled, float)
    if len(uncertainty) != len(features) or (len(groups) and len(groups) != len(features)):
        raise ValueError("uncertainty, features and groups must be of the same images")
    if not (np.isfinite(uncertainty).all() and np.isfinite(features).all() and np.isfinite(known).all()):
        raise ValueError("uncertainty and features must be finite")
    groups = list(groups) or [""] * len(features)
    points = _scaled(np.concatenate([features, known]))
    own, known = points[: len(features)], points[len(features) :]
    certain = ranked(uncertainty)
    away, unit = np.full(len(own), np.inf), np.inf
    for point in known:
        away = np.minimum(away, _distances(own, point))
    seen = Counter(name for name in labelled_groups if name)
    left, found = np.ones(len(own), bool), []
    for _ in range(count):
        if not np.isfinite(unit):
            unit = away.max()  # of the first that has something before it to be far from
        novelty = away / unit if 0 < unit < np.inf else np.ones(len(own))
        coverage = np.array([1 / (1 + seen[name]) if name else 1.0 for name in groups])
        gain = np.where(left, certain * novelty * coverage, -1.0)
        best = int(gain.argmax())
        found.append(
            Suggestion(best, float(gain[best]), float(certain[best]), float(novelty[best]), float(coverage[best]))
        )
        left[best] = False
        away = np.minimum(away, _distances(own, own[best]))
        seen.update([groups[best]] if groups[best] else [])
    return found


def ranked(values: np.ndarray) -> np.ndarray:
    """Rank of each value in (0, 1], 1 the largest; equal values share the mean of their ranks."""
    if not len(values):
        return np.zeros(0)
    _, place, number = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(number)
    return ((last - (number - 1) / 2) / len(values))[place]


def _scaled(points: np.ndarray) -> np.ndarray:
    spread = points.std(axis=0) if len(points) else np.ones(points.shape[1])
    return points / np.where(spread > 1e-12, spread, np.inf)  # what is alike everywhere tells nothing apart


def _distances(points: np.ndarray, point: np.ndarray) -> np.ndarray:
    return np.sqrt(((points - point) ** 2).sum(axis=1))
