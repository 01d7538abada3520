"""Means of a detector's rates and how much they vary between patients: what few patients and rare events leave open.

An estimate of the variation between few patients is often 0 where there is some, and moments see little of rates whose
logarithm varies. What the evidence says is therefore kept as a likelihood on a grid: events of a patient are
beta-binomial among the cells that they could befall, or gamma-Poisson where there is no such number. The *spread*, the
standard deviation of the logarithm of odds or rates, is common to the rates of a kind; its half-normal prior (Gelman
2006, doi:10.1214/06-BA117A) bounds what few patients leave open. Means have Jeffreys' prior while spreads are weighed,
and are drawn as counts are: mid-p, with the priors that belong to n and to n + 1 events evenly.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import digamma, gammaln

SPREADS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.25, 1.5, 2.0])  # not stated, ours
PRIOR = 0.6  # scale of the half-normal prior of the spread; chosen on simulated patients (benchmarks/counts), ours
NODES = np.linspace(-4, 4, 17)  # standard errors from the middle of the logarithm of a mean


class MeanRates(NamedTuple):
    """C rates of a kind.

    Attributes:
        chances: of each of `SPREADS`, ``(S,)``.
        trials: cells, or exposure, of all patients, ``(C,)``.
        seen: whether an event was, bool ``(C,)``.
        middle: logarithm of the odds or the rate in the middle of the grid, ``(C,)``.
        step: its standard error at each spread, ``(C, S)``.
        chosen: cumulative chances of the means at `NODES`, for n and for n + 1 events, ``(C, 2, S, M)``.
    """

    chances: np.ndarray
    trials: np.ndarray
    seen: np.ndarray
    middle: np.ndarray
    step: np.ndarray
    chosen: np.ndarray

    def drawn(self, draws: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Spread ``(B,)`` and the logarithms of the means of odds or rates, ``(B, C)``, drawn together."""
        spread = generator.choice(len(SPREADS), draws, p=self.chances)
        coin = generator.integers(0, 2, (draws, len(self.middle)))
        uniform, within = generator.random((2, *coin.shape))
        logs = np.log(np.maximum(generator.standard_gamma(coin), 1e-300)) - np.log(np.maximum(self.trials, 1e-9))
        for c in np.flatnonzero(self.seen):
            ends = self.chosen[c, coin[:, c], spread]
            node = np.minimum((ends < uniform[:, c, None]).sum(axis=1), len(NODES) - 1)
            place = NODES[node] + (NODES[1] - NODES[0]) * (within[:, c] - 0.5)
            logs[:, c] = self.middle[c] + self.step[c, spread] * place
        return SPREADS[spread], logs


def _shape(spread: np.ndarray) -> np.ndarray:
    """Shape a of the gamma distribution that fits a lognormal one of the spread: 2 (log a - digamma(a)) = spread^2."""
    logs = np.linspace(np.log(0.05), np.log(1e6), 2000)
    return np.exp(np.interp(-(np.maximum(spread, 1e-3) ** 2), -2 * (logs - digamma(np.exp(logs))), logs))


SHAPES = _shape(SPREADS)


def rates_of(events: np.ndarray, trials: np.ndarray, *, share: bool, common: float) -> MeanRates:
    """What G patients say of the rates of a kind; of one patient that they do not vary, for want of a second.

    Args:
        events: of each patient and rate, float ``(G, C)``.
        trials: cells that they could have befallen, at least the events, or the exposure of rates, ``(G, C)``.
        share: whether events are a share of trials, so that odds vary.
        common: correlation of the deviations of two rates of a patient: together they say the less of the spread.
    """
    total, exposure, seen = events.sum(axis=0), trials.sum(axis=0), events.sum(axis=0) > 0
    centre = (total + 0.5) / np.maximum(exposure - total + 0.5 if share else exposure, 1e-300)
    step = np.sqrt(1 / (total + 0.5)[:, None] + SPREADS**2 / len(events))
    chosen, log_chance = np.ones((len(total), 2, len(SPREADS), len(NODES))), np.zeros(len(SPREADS))
    for c in np.flatnonzero(seen):
        mean = centre[c] * np.exp(step[c][:, None] * NODES)
        of = _beta_binomial if share else _gamma_poisson
        log = of(events[:, c, None, None], trials[:, c, None, None], SHAPES[:, None], mean).sum(axis=0)
        jeffreys, top = _chances(log + np.log(mean / (1 + mean) if share else mean) / 2)
        log_chance += top + np.log(jeffreys.sum(axis=1) * step[c])
        for more in (0, 1):
            chosen[c, more] = np.cumsum(_chances(log + more * np.log(mean))[0], axis=1)
    log_chance /= 1 + max(seen.sum() - 1, 0) * common**2
    chances = np.exp(log_chance - log_chance.max() - (SPREADS / PRIOR) ** 2 / 2) * np.gradient(SPREADS)
    if len(events) == 1:
        chances = np.eye(len(SPREADS))[0]
    return MeanRates(chances / chances.sum(), exposure, seen, np.log(centre), step, chosen / chosen[..., -1:])


def _chances(log: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Exponentials of each row over that of its largest value, and the latter's logarithm."""
    top = log.max(axis=1)
    return np.exp(log - top[:, None]), top


def _beta_binomial(events: np.ndarray, trials: np.ndarray, shape: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Log likelihood of mean odds, up to a constant; the logarithm of a patient's odds varies by about 1 / shape."""
    chance = odds / (1 + odds)
    size = np.maximum(shape / (chance * (1 - chance)) - 1, 1e-3)
    a, b = size * chance, size * (1 - chance)
    seen = gammaln(events + a) + gammaln(trials - events + b) - gammaln(trials + size)
    return seen - gammaln(a) - gammaln(b) + gammaln(size)


def _gamma_poisson(events: np.ndarray, trials: np.ndarray, shape: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Log likelihood of a mean rate, up to a constant; a patient's rate varies by 1 / shape of its square."""
    expected = trials * rate
    part = events * (np.log(rate) - np.log(expected + shape))
    return gammaln(events + shape) - gammaln(shape) + part - shape * np.log1p(expected / shape)
