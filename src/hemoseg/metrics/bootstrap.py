"""How much a number depends on which frames or patients were tested: they are drawn anew, whole, with replacement.

Samples of a frame and frames of a patient are alike, so it is never single samples that are drawn.
"""

from collections.abc import Sequence

import numpy as np
from scipy import special

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


def resampled_within(
    units: Sequence[str] | np.ndarray, parts: Sequence[str] | np.ndarray, draws: int, generator: np.random.Generator
) -> np.ndarray:
    """How often each sample counts when units are drawn and, in each of them anew, its parts; int ``(draws, N)``.

    As many units are drawn as there are, and in each drawn unit as many parts as it has, all with replacement; the
    samples of a part stay together. Between units it varies as `resampled` does, and within them in addition: a little
    too much rather than too little (Davison and Hinkley 1997, section 3.8, doi:10.1017/CBO9780511802843).

    Args:
        units: patient of each of N samples.
        parts: frame of each; no frame is of two patients.
        draws: of the bootstrap.
        generator: draws them.
    """
    names, which = np.unique(units, return_inverse=True)
    times = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    counts = np.zeros((draws, len(which)), times.dtype)
    for unit in range(len(names)):
        members = np.flatnonzero(which == unit)
        inside, part = np.unique(np.asarray(parts)[members], return_inverse=True)
        drawn = generator.multinomial(times[:, unit] * len(inside), np.full(len(inside), 1 / len(inside)))
        counts[:, members] = drawn[:, part]
    return counts


def percentile_interval(drawn: np.ndarray, units: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a number from its draws, float ``(draws,)``, widened for few units; NaN draws are left out.

    Draws of n units vary less than samples of n units do, and their spread is itself uncertain: the percentiles are
    taken where Student's t with n - 1 degrees of freedom, times sqrt(n / (n - 1)), lies on the normal (the expanded
    percentile interval of Hesterberg 2015, doi:10.1080/00031305.2015.1089789). NaN with less than two units.
    """
    known = drawn[~np.isnan(drawn)]
    if units < 2 or not len(known):
        return np.nan, np.nan
    reach = np.sqrt(units / (units - 1)) * special.stdtrit(units - 1, (1 + level) / 2)
    low, high = np.quantile(known, special.ndtr([-reach, reach]))
    return float(low), float(high)


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
