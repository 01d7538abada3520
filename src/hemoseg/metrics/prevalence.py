"""How many cells of each class there are, from how many a detector found of each class, with intervals.

A detector that misses cells, confuses classes and makes cells up finds other numbers than there are. With known rates
(`metrics.detector`) the expected predicted cells of class j are sum_k n_k (found_kj + pieces_j) + area made_up_j, and
the numbers n_k that explain the predicted ones best (Poisson likelihood, n_k >= 0) are the corrected ones. With two
classes and nothing missed or made up that is the estimator of Rogan and Gladen (1978,
doi:10.1093/oxfordjournals.aje.a112510), cut off at 0 and 1. It does not depend on how common the classes were in the
evidence, as predictive values would.

There are two targets. *These fields*: how many cells of a class are in the frames at hand; the frames are what they
are, and only the detector errs. *The patient*: how many there are per area, and what share, in the blood that the
frames are a sample of; then cells and frames are a sample, too. Intervals are quantiles of draws of everything that is
not known: the detector's rates for this patient, the numbers that as many fields of the same patient might have shown,
and, for these fields, which of the predicted cells are what and how many were missed.
"""

from typing import NamedTuple

import numpy as np

from hemoseg.metrics.detector import Detector, Rates, drawn_rates, mean_rates
from hemoseg.metrics.field_sampling import Sampling

DRAWS = 4000
STEPS = 200  # of the constrained solution; ours
SINGULAR = 1e8  # condition of a matrix that is not inverted; ours
NOTHING = 1e-6  # of a cell
JEFFREYS = 0.5  # shape of the prior of a mean number of cells
ROUNDS = 25  # of the draws for these fields; 400 moved ends of real rare cells by up to 3, seeds by as many. Ours


class Fields(NamedTuple):
    """What was found in the fields of one patient: predicted cells by class ``(F, K)``, and the areas ``(F,)``."""

    found: np.ndarray
    area: np.ndarray

    @property
    def total(self) -> np.ndarray:
        return self.found.sum(axis=0)


def corrected(found: np.ndarray, area: float, rates: Rates) -> np.ndarray:
    """Numbers of cells of each class that explain the predicted ones, float ``(B, K)``.

    Args:
        found: predicted cells of each class, ``(B, K)`` or ``(K,)``.
        area: of the fields, in the unit of the rates.
        rates: of B draws.
    """
    gain = rates.found + rates.pieces[:, None, :]
    ground = area * rates.made_up
    found = np.broadcast_to(np.asarray(found, float), ground.shape)
    solvable = np.linalg.cond(gain, 1) < SINGULAR
    number = np.full(found.shape, -1.0)
    turned = gain[solvable].transpose(0, 2, 1)
    number[solvable] = np.linalg.solve(turned, (found - ground)[solvable][:, :, None])[:, :, 0]
    below = (number < 0).any(axis=1)
    number[below] = _constrained(found[below], ground[below], gain[below])
    return number


def _constrained(found: np.ndarray, ground: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """The same with no number below 0: expectation maximisation, which raises the likelihood at every step."""
    seen = np.maximum(gain.sum(axis=2), 1e-12)
    number = np.repeat(found.sum(axis=1, keepdims=True) / found.shape[1], found.shape[1], axis=1)
    for _ in range(STEPS):
        expected = np.einsum("bk,bkj->bj", number, gain) + ground
        ratio = np.divide(found, expected, out=np.zeros_like(expected), where=expected > 0)
        number = number * np.einsum("bj,bkj->bk", ratio, gain) / seen
    return np.where(number < NOTHING, 0, number)


def point(fields: Fields, detector: Detector) -> np.ndarray:
    """The corrected numbers of cells of each class at the evidence's mean rates, ``(K,)``."""
    return corrected(fields.total, fields.area.sum(), mean_rates(detector))[0]


def drawn_patient(
    fields: Fields,
    detector: Detector,
    sampling: Sampling,
    generator: np.random.Generator,
    draws: int = DRAWS,
    times: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the classes in the patient's blood, and cells of each class per area, float ``(B, K)`` each.

    The number of cells and their mix vary apart: a dense field does not make a class commoner. Shares are NaN in draws
    without a cell. With ``times`` as if there were so many times the fields, each like those at hand.
    """
    rates = drawn_rates(detector, draws, generator)
    total, area = times * fields.total, times * fields.area.sum()
    effects = sampling.effects(fields.found.sum(axis=1))
    mix = _uncertain(total, effects[1], sampling.freedom, generator, draws)
    mix /= np.maximum(mix.sum(axis=1, keepdims=True), 1e-300)
    number = _uncertain(total.sum(keepdims=True), effects[0], sampling.freedom, generator, draws)
    cells = corrected(mix * total.sum(), area, rates)
    whole = cells.sum(axis=1, keepdims=True)
    shares = np.divide(cells, whole, out=np.full(cells.shape, np.nan), where=whole > 0)
    return shares, corrected(mix * number, area, rates) / area


def _uncertain(
    number: np.ndarray, effect: float, freedom: float, generator: np.random.Generator, draws: int
) -> np.ndarray:
    """Confidence distribution of the means of counts, wider by a design effect that is itself uncertain.

    Of single cells it is mid-p, n and n + 1 evenly. Clustered cells count for fewer, and in smaller steps than one: the
    two draw together about n + 1/2, the mean of both.
    """
    inflated = freedom / generator.chisquare(freedom, (draws, 1)) if freedom else np.ones((draws, 1))
    scale = 1 + (effect - 1) * inflated
    coin = generator.integers(0, 2, (draws, len(number)))
    return scale * generator.standard_gamma(number / scale + 0.5 + (coin - 0.5) / scale)


def drawn_fields(fields: Fields, detector: Detector, generator: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """Numbers of cells of each class in these very fields, int ``(B, K)``.

    Every predicted cell is given to a true class, or to none, with the chance that the drawn rates and means give it;
    what was missed is drawn on top. The means are drawn from these numbers in turn, and so on for `ROUNDS` (data
    augmentation, Tanner and Wong 1987, doi:10.1080/01621459.1987.10478458, with Jeffreys' prior of a mean), so that a
    class of which no cell was found, but some may have been missed or taken for others, is not ruled out.
    """
    total, area = fields.total, fields.area.sum()
    rates = drawn_rates(detector, draws, generator, len(fields.area))
    mean = corrected(_uncertain(total.astype(float), 1, 0, generator, draws), area, rates) + JEFFREYS
    for _ in range(ROUNDS):
        there = _there(total, mean, area, rates, generator)
        mean = generator.standard_gamma(there + JEFFREYS)
    return there


def _there(
    total: np.ndarray, mean: np.ndarray, area: float, rates: Rates, generator: np.random.Generator
) -> np.ndarray:
    """Numbers of cells, int ``(B, K)``, that the predicted ones were and that were missed, given their means."""
    there = generator.poisson(mean * rates.missed)
    for j, found in enumerate(total):
        false = mean.sum(axis=1) * rates.pieces[:, j] + area * rates.made_up[:, j]
        chances = np.concatenate([mean * rates.found[:, :, j], false[:, None]], axis=1)
        whole = chances.sum(axis=1, keepdims=True)
        chances = np.divide(chances, whole, out=np.zeros_like(chances), where=whole > 0)
        chances[whole[:, 0] <= 0, j] = 1
        there = there + generator.multinomial(int(found), chances)[:, : len(total)]
    return there


def interval(draws: np.ndarray, level: float, *, share: bool) -> tuple[np.ndarray, np.ndarray]:
    """Ends of a range that holds ``level`` of the draws ``(B, ...)``: midway between equal tails and the shortest one.

    The shortest is that on a scale that evens out variances, the square root of numbers and its arcsine of shares. Away
    from 0 (and 1) the two are about the same. There, equal tails leave to the lower one what cannot be, and hold too
    often; the shortest, one-sided, is left too often by rare classes. NaN draws are left out; ends are draws, so those
    of counts whole.
    """
    flat = draws.reshape(len(draws), -1)
    ends = np.full((2, flat.shape[1]), np.nan)
    for place, column in enumerate(flat.T):
        known = np.sort(column[~np.isnan(column)])
        if not len(known):
            continue
        even = np.sqrt(known.clip(0))
        even = np.arcsin(even.clip(0, 1)) if share else even
        inside = int(np.ceil(level * len(known)))
        shortest = int(np.argmin(even[inside - 1 :] - even[: len(known) - inside + 1]))
        first = (shortest + (len(known) - inside) // 2) // 2
        ends[:, place] = known[first], known[first + inside - 1]
    low, high = ends.reshape(2, *draws.shape[1:])
    return low, high


def leverage(detector: Detector) -> np.ndarray:
    """By how much the corrected number of each class changes when one found cell is typed as another class, ``(K,)``.

    1 where classes are never confused, 1 / (sensitivity + specificity - 1) in two classes; inf where some look the
    same. Classes of which the evidence has too few cells have NaN.
    """
    known, value = detector.known, np.full(len(detector.classes), np.nan)
    found = mean_rates(detector).found[0][np.ix_(known, known)]
    shares = found / found.sum(axis=1, keepdims=True)
    if known.any():
        singular = np.linalg.cond(shares) > SINGULAR
        value[known] = np.inf if singular else np.ptp(np.linalg.inv(shares), axis=0)
    return np.maximum(value, 1)
