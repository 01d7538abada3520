"""How far two ways of counting agree (Bland and Altman 1986, Lancet 327:307, DOI 10.1016/S0140-6736(86)90837-8)."""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

WITHIN = 0.95  # share of the differences that lies between the limits, were they normal


class Interval(NamedTuple):
    """Of a number that was estimated."""

    low: float
    high: float


class Limits(NamedTuple):
    """Limits of agreement of ``n`` pairs: ``bias`` is the mean difference, ``sd`` that of the differences (ddof = 1).

    ``of_bias``, ``of_low`` and ``of_high`` are intervals of the bias and of both limits; NaN with less than two pairs.
    """

    n: int
    bias: float
    sd: float
    low: float
    high: float
    of_bias: Interval
    of_low: Interval
    of_high: Interval


def limits_of_agreement(differences: np.ndarray, level: float = 0.95) -> Limits:
    """Bias and limits of agreement with intervals of that level.

    The standard error of a limit is that of Bland and Altman 1999 (DOI 10.1177/096228029900800204, section 2.1.1), with
    a quantile of t. Pairs are taken as independent and their differences as normal.

    Args:
        differences: one way minus the other, ``(n,)``; NaN is left out.
        level: of the intervals.
    """
    values = np.asarray(differences, float)
    values = values[~np.isnan(values)]
    n = len(values)
    bias = float(values.mean()) if n else np.nan
    sd = float(values.std(ddof=1)) if n > 1 else np.nan
    reach = float(norm.ppf(0.5 + WITHIN / 2))
    wide = float(t.ppf(0.5 + level / 2, n - 1)) * sd if n > 1 else np.nan
    own = wide / np.sqrt(n) if n > 1 else np.nan
    others = wide * np.sqrt(1 / n + reach**2 / (2 * (n - 1))) if n > 1 else np.nan
    centres = ((bias, own), (bias - reach * sd, others), (bias + reach * sd, others))
    intervals = [Interval(float(centre - half), float(centre + half)) for centre, half in centres]
    return Limits(n, bias, sd, centres[1][0], centres[2][0], *intervals)
