"""How much a number depends on which frames or patients were tested: they are drawn anew, whole, with replacement.

Samples of a frame and frames of a patient are alike, so it is never single samples that are drawn.
"""

from collections.abc import Sequence

import numpy as np

DRAWS = 2000  # not stated, ours


def resampled(units: Sequence[str] | np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """How often each sample counts in each draw of whole units, int ``(draws, N)``.

    Args:
        units: frame or patient of each of N samples.
        draws: how often as many units are drawn as there are.
        generator: draws them; the same state gives the same draws.
    """
    names, which = np.unique(units, return_inverse=True)
    return generator.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)[:, which]


def interval_of_mean(sums: np.ndarray, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """2.5th and 97.5th percentile of a mean over samples when whole units are drawn.

    Args:
        sums: of each of U units the sum of its values and the number of its samples, ``(U, 2)``.
        draws: of the bootstrap.
        seed: of the draws.
    """
    chosen = np.random.default_rng(seed).integers(0, len(sums), (draws, len(sums)))
    drawn = sums[chosen].sum(axis=1)
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], (2.5, 97.5))
    return float(low), float(high)
