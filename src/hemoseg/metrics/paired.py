"""Whether two methods differ on the same images: tests and effect sizes for paired differences.

Differences within a unit (a patient, a frame) are alike, so a unit is one observation. With n units no two-sided test
of signs or ranks goes below p = 2 / 2^n: five units can never show a difference at 0.05, six can.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

FLIPS = 9999  # not stated, ours: p is then told to 0.002 where it is 0.05
EXACT = 14  # units up to which all 2^n flips are gone through: ours, as many as FLIPS or few more
TIED = 1e-9  # relative; sums in another order differ by less


def wilcoxon(differences: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test, doi:10.2307/3001968; 1 where nothing differs, NaN of none.

    Differences of 0 are left out. Where some are tied and there are at most `EXACT`, all signs of their ranks are gone
    through (`flip_test`), as scipy does for a few less, one by one.

    Args:
        differences: one per unit, ``(n,)``; NaN is left out.
    """
    values = _known(differences)
    if not len(values) or not values.any():
        return 1.0 if len(values) else np.nan
    values = values[values != 0]
    if len(values) <= EXACT and len(np.unique(np.abs(values))) < len(values):
        return float(flip_test((np.sign(values) * stats.rankdata(np.abs(values)))[:, None])[0])
    return float(stats.wilcoxon(values).pvalue)


def flip_test(sums: np.ndarray, flips: int = FLIPS, seed: int = 0) -> np.ndarray:
    """Two-sided p of the permutation test that exchanges both methods in whole units, float ``(T,)``.

    The statistic is the sum of all differences (their mean, but for a constant). All 2^n exchanges are gone through
    where n <= `EXACT`; otherwise some are drawn, and the one that was observed counts as one of them
    (doi:10.2202/1544-6115.1585). The null hypothesis: exchanging the methods within a unit changes no distribution.

    Args:
        sums: of each of n units the sum of the differences of its images, for T tests at once, ``(n, T)``; NaN counts
            as no difference.
        flips: drawn where there are too many to go through.
        seed: of the draws.
    """
    sums = np.nan_to_num(np.asarray(sums, float))
    n = len(sums)
    if n <= EXACT:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], (flips + 1, n))
        signs[0] = 1
    least = np.abs(sums.sum(axis=0)) - TIED * np.abs(sums).sum(axis=0)
    return (np.abs(signs @ sums) >= least).mean(axis=0)


def corrected_resampled_t(differences: np.ndarray, test_share: float) -> float:
    """Two-sided p of the t-test over folds that allows for their shared training images.

    Nadeau and Bengio 2003, doi:10.1023/A:1024068626366: the variance of the mean of J differences is taken as
    (1 / J + test / training images) times their variance (ddof = 1). That is a rule of thumb: where differences depend
    more on the training images, which folds share, than on the test images, it finds differences that are none
    (benchmarks/statistics). NaN with less than two folds; 1 where all are 0.

    Args:
        differences: one per fold, ``(J,)``; NaN is left out.
        test_share: test images / training images of a fold, 1 / (J - 1) where the folds divide the images.
    """
    values = _known(differences)
    if len(values) < 2:
        return np.nan
    if not values.any():
        return 1.0
    spread = np.sqrt((1 / len(values) + test_share) * values.var(ddof=1))
    with np.errstate(divide="ignore"):
        return float(2 * stats.t.sf(np.abs(values.mean() / spread), len(values) - 1))


def holm(values: Sequence[float]) -> np.ndarray:
    """Values of p adjusted for how many there are (Holm 1979, www.jstor.org/stable/4615733), ``(n,)``; NaN stays.

    As `statsmodels.stats.multitest.multipletests` does, which collects all garbage in every call: 0.1 s each.
    """
    adjusted = np.array(values, float)
    known = np.flatnonzero(~np.isnan(adjusted))
    order = known[np.argsort(adjusted[known])]
    adjusted[order] = np.maximum.accumulate(adjusted[order] * np.arange(len(order), 0, -1)).clip(max=1)
    return adjusted


def rank_biserial(differences: np.ndarray) -> float:
    """Sum of the ranks of positive differences minus that of negative ones, over the sum of both, in [-1, 1].

    The effect size that belongs to Wilcoxon's test (Kerby 2014, doi:10.2466/11.IT.3.1); 0 where nothing differs, NaN
    of none.
    """
    values = _known(differences)
    if not values.any():
        return 0.0 if len(values) else np.nan
    values = values[values != 0]
    ranks = stats.rankdata(np.abs(values))
    return float((np.sign(values) * ranks).sum() / ranks.sum())


def standardised(differences: np.ndarray) -> float:
    """Mean difference over the standard deviation of the differences (ddof = 1); NaN where they do not vary."""
    values = _known(differences)
    sd = values.std(ddof=1) if len(values) > 1 else 0.0
    return float(values.mean() / sd) if sd > 0 else np.nan


def _known(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    return values[~np.isnan(values)]
