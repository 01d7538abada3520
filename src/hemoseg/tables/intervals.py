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
from numpy.typing import ArrayLike
from scipy import special

Bounds = tuple[np.ndarray, np.ndarray]  # lower and upper end


class Spread(NamedTuple):
    """Design effect (>= 1), and the quantile of t that makes an interval of it; numbers or arrays."""

    effect: ArrayLike
    quantile: ArrayLike


def alone(level: float) -> Spread:
    """The spread of independent cells."""
    return Spread(1.0, float(special.ndtri((1 + level) / 2)))


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
        return alone(level)
    observed = (rest**2 * count / (count - 1).clip(lower=1))[known].sum()
    freedom = int(known.sum() - table["s"][known].nunique())
    return Spread(max(1.0, float(observed / table["v"][known].sum())), float(special.stdtrit(freedom, (1 + level) / 2)))


def of_share(part: ArrayLike, whole: ArrayLike, spread: Spread) -> Bounds:
    """Wilson's interval of ``part`` of ``whole`` cells, elementwise; NaN without cells."""
    number = _positive(whole) / spread.effect
    share, squared = np.asarray(part) / _positive(whole), np.square(spread.quantile)
    middle = (share + squared / (2 * number)) / (1 + squared / number)
    half = np.sqrt(share * (1 - share) * squared / number + squared**2 / (4 * number**2)) / (1 + squared / number)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)


def of_rate(events: ArrayLike, size: ArrayLike, spread: Spread) -> Bounds:
    """Score interval of events per ``size`` (cells per area), as Wilson's for a rare event; NaN without size."""
    number, squared = np.asarray(events) / spread.effect, np.square(spread.quantile)
    half = np.sqrt(squared * number + squared**2 / 4)
    scale = spread.effect / _positive(size)
    return np.maximum(scale * (number + squared / 2 - half), 0), scale * (number + squared / 2 + half)


def of_mean(mean: ArrayLike, sd: ArrayLike, number: ArrayLike, spread: Spread) -> Bounds:
    """Interval of a mean of ``number`` cells of a thing that is never negative; NaN below two."""
    half = spread.quantile * np.asarray(sd) * np.sqrt(spread.effect / np.where(np.asarray(number) > 1, number, np.nan))
    return np.maximum(mean - half, 0), mean + half


def _positive(size: ArrayLike) -> np.ndarray:
    return np.where(np.asarray(size) > 0, size, np.nan)
