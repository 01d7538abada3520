"""How far something is from the usual, in several quantities at once, whatever a few odd ones do to mean and spread."""

from dataclasses import dataclass

import numpy as np

FARTHEST = 3.0  # robust standard deviations beyond which an odd one does not change how quantities go together
OF_NORMAL = 1.4826  # standard deviation of a normal distribution over the median of its absolute deviations


@dataclass(frozen=True)
class Likeness:
    """What is usual.

    Attributes:
        median: of each quantity ``(D,)``; 0 of one that is never known.
        sd: robust standard deviations ``(D,)``.
        correlation: of the quantities ``(D, D)``, shrunk towards none.
    """

    median: np.ndarray
    sd: np.ndarray
    correlation: np.ndarray

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """By how many sd each quantity of ``(N, D)`` is off; NaN where it is not known."""
        return (np.asarray(rows, float) - self.median) / self.sd

    def distances(self, rows: np.ndarray) -> np.ndarray:
        """How far each row ``(N, D)`` is, float ``(N,)``; see `mahalanobis`."""
        return mahalanobis(self.scores(rows), self.correlation)


def likeness(rows: np.ndarray, least: np.ndarray | float = 1e-6) -> Likeness:
    """What is usual of rows ``(N, D)``; NaN where a quantity is not known.

    Args:
        rows: N >= 1.
        least: smallest sd of each quantity.

    Returns:
        Medians, sd by the median of the absolute deviations, and the correlation of what is cut off at `FARTHEST`,
        shrunk as Ledoit and Wolf do (2004, DOI 10.1016/S0047-259X(03)00096-4).
    """
    from sklearn.covariance import ledoit_wolf  # a second of imports, which a reader of distances does not need

    rows = np.asarray(rows, float)
    known = np.isfinite(rows)
    median = np.array([np.median(c[k]) if k.any() else 0.0 for c, k in zip(rows.T, known.T, strict=True)])
    away = np.abs(rows - median)
    sd = np.array([OF_NORMAL * np.median(c[k]) if k.any() else 1.0 for c, k in zip(away.T, known.T, strict=True)])
    sd = np.maximum(sd, least)
    scores = np.where(known, (rows - median) / sd, 0)
    covariance, _ = ledoit_wolf(np.clip(scores, -FARTHEST, FARTHEST), assume_centered=True)
    spread = np.sqrt(np.diag(covariance)) + 1e-9
    correlation = covariance / np.outer(spread, spread)
    np.fill_diagonal(correlation, 1)
    return Likeness(median, sd, correlation)


def mahalanobis(scores: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Mahalanobis' distance over the root of the number of quantities, so that 1 is usual, float ``(N,)``.

    Args:
        scores: ``(N, D)`` in sd; quantities that are not known, NaN, are left out. NaN where none is known.
        correlation: ``(D, D)``.
    """
    found = np.full(len(scores), np.nan)
    known = np.isfinite(scores)
    for pattern in np.unique(known, axis=0):
        if pattern.any():
            here = (known == pattern).all(axis=1)
            of = scores[here][:, pattern]
            solved = np.linalg.solve(correlation[np.ix_(pattern, pattern)], of.T).T
            found[here] = np.sqrt((of * solved).sum(axis=1) / pattern.sum())
    return found
