"""Intervals of rates that were counted in clusters: cells in frames, frames in patients.

Cells of one frame are alike (one stain, one focus, one place on the smear), so they tell less than as many cells of
many frames. The design effect says by what factor: the variance of the sums over clusters as it is, over what it would
be if every cell were drawn alone. It is pooled over patients, since one patient has few frames, and is never taken to
be below 1. An interval is then that of independent cells whose number is divided by the design effect, with the
quantile of Student's t for the clusters that the effect was learnt from
(Korn and Graubard 1998, Survey Methodology 24:193; Franco et al. 2019, DOI 10.1093/jssam/smy019).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats


class Spread(NamedTuple):
    """Design effect (>= 1), and the quantile of t that makes an interval of it."""

    effect: float
    quantile: float


def design_effect(
    sums: pd.Series, sizes: pd.Series, variances: pd.Series, strata: pd.Series, level: float = 0.95
) -> Spread:
    """How much more the sums over clusters vary than those of independent cells.

    Args:
        sums: of each cluster, such as its cells of one class.
        sizes: of each cluster, such as all its cells: the rate is the sum of ``sums`` over the sum of ``sizes``.
        variances: of each ``sum`` if its cells were independent.
        strata: patient of each cluster; rates differ between strata, design effects do not.
        level: of the interval.

    Returns:
        Effect 1 and the normal quantile where no stratum has two clusters.
    """
    table = pd.DataFrame({"y": sums, "m": sizes, "v": variances, "s": strata})
    table = table[table["m"] > 0]
    groups = table.groupby("s")
    count = groups["y"].transform("size")
    rest = table["y"] - table["m"] * groups["y"].transform("sum") / groups["m"].transform("sum")
    known = (count > 1) & (groups["v"].transform("sum") > 0)
    if not known.any():
        return Spread(1.0, float(stats.norm.ppf((1 + level) / 2)))
    observed = (rest**2 * count / (count - 1).clip(lower=1))[known].sum()
    freedom = int(known.sum() - table["s"][known].nunique())
    return Spread(max(1.0, float(observed / table["v"][known].sum())), float(stats.t.ppf((1 + level) / 2, freedom)))


def of_share(part: float, whole: float, spread: Spread) -> tuple[float, float]:
    """Wilson's interval of ``part`` of ``whole`` cells; NaN without cells."""
    if not whole > 0:
        return np.nan, np.nan
    number, share, squared = whole / spread.effect, part / whole, spread.quantile**2
    middle = (share + squared / (2 * number)) / (1 + squared / number)
    half = np.sqrt(share * (1 - share) * squared / number + squared**2 / (4 * number**2)) / (1 + squared / number)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def of_rate(events: float, size: float, spread: Spread) -> tuple[float, float]:
    """Score interval of events per ``size`` (cells per area), as Wilson's for a rare event; NaN without size."""
    if not size > 0:
        return np.nan, np.nan
    scale, squared = spread.effect / size, spread.quantile**2
    number = events / spread.effect
    half = np.sqrt(squared * number + squared**2 / 4)
    return max(0.0, float(scale * (number + squared / 2 - half))), float(scale * (number + squared / 2 + half))


def of_mean(mean: float, sd: float, number: float, spread: Spread) -> tuple[float, float]:
    """Interval of a mean of ``number`` cells; NaN below two."""
    if not number > 1:
        return np.nan, np.nan
    half = spread.quantile * sd * np.sqrt(spread.effect / number)
    return float(mean - half), float(mean + half)
