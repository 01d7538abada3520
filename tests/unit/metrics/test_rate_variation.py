"""Means and variation of rates: against exact sums over what patients may be, and drawn evidence of known variation."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

from hemoseg.metrics.rate_variation import SHAPES, SPREADS, _beta_binomial, _gamma_poisson, rates_of

CELLS = np.array([240.0, 40.0, 20.0])
CHANCES = np.array([0.04, 0.1, 0.08])


def drawn(rng, patients, spread):
    """Events of patients whose odds vary by a normal deviate of their logarithm."""
    chance = expit(logit(CHANCES) + spread * rng.normal(size=(patients, 3)))
    return rng.binomial(CELLS.astype(int), chance).astype(float), np.tile(CELLS, (patients, 1))


def test_likelihoods_are_those_of_the_beta_binomial_and_the_negative_binomial():
    shape, odds = (
        np.array([0.6, 1.7, 40.0]),
        np.array([0.25, 0.25, 3.0]),
    )  # constants that depend on neither are left out
    chance = odds / (1 + odds)
    size = shape / (chance * (1 - chance)) - 1
    for events in (0, 3, 7):
        exact = stats.betabinom.logpmf(events, 7, chance * size, (1 - chance) * size)
        ours = _beta_binomial(float(events), 7.0, shape, odds)
        assert ours - ours[0] == pytest.approx(exact - exact[0])
        exact = stats.nbinom.logpmf(events, shape, shape / (shape + 9 * odds))
        ours = _gamma_poisson(float(events), 9.0, shape, odds)
        assert ours - ours[0] == pytest.approx(exact - exact[0])


def test_shapes_fit_lognormal_factors_as_the_likelihood_sees_them():
    rng = np.random.default_rng(0)
    for spread, shape in zip(SPREADS[[3, 7, 9]], SHAPES[[3, 7, 9]], strict=True):
        factors = np.exp(rng.normal(-(spread**2) / 2, spread, 20000))
        fitted, _, _ = stats.gamma.fit(factors, floc=0)
        assert shape == pytest.approx(fitted, rel=0.08)


@pytest.mark.parametrize("spread", [0.0, 0.3, 0.8])
def test_the_spread_is_learnt_from_few_patients_and_never_said_to_be_nothing(spread):
    rng = np.random.default_rng(1)
    of = [rates_of(*drawn(rng, 8, spread), share=True, common=0.0).chances for _ in range(60)]
    typical = np.sqrt(of @ SPREADS**2)
    assert typical.mean() == pytest.approx(max(spread, 0.2), abs=0.1)
    assert typical.min() > 0.1  # the evidence of eight patients cannot say so
    above = [chances[spread < SPREADS].sum() for chances in of]
    assert min(above) > 0.01


def test_the_more_patients_the_surer():
    rng = np.random.default_rng(2)
    sure = [rates_of(*drawn(rng, n, 0.5), share=True, common=0.0).chances.max() for n in (3, 30, 400)]
    assert sure == sorted(sure)
    assert sure[-1] > 0.9


def test_rates_that_vary_together_say_less_of_the_spread():
    events, trials = drawn(np.random.default_rng(3), 8, 0.8)
    told = [rates_of(events, trials, share=True, common=common).chances.max() for common in (0.0, 1.0)]
    assert told[1] < told[0]


def test_means_are_drawn_as_single_cells_say_where_patients_do_not_vary():
    events, trials = np.array([[9.0, 0.0]]), np.array([[300.0, 300.0]])
    spread, logs = rates_of(events, trials, share=False, common=0.0).drawn(20000, np.random.default_rng(0))
    assert (spread == 0).all()
    expected = stats.gamma.ppf([0.025, 0.5, 0.975], 9.5) / 300
    assert np.quantile(np.exp(logs[:, 0]), [0.025, 0.5, 0.975]) == pytest.approx(expected, rel=0.04)
    assert np.quantile(np.exp(logs[:, 1]), 0.975) == pytest.approx(-np.log(0.05) / 300, rel=0.06)  # of none, mid-p


def test_means_of_few_varying_patients_are_as_uncertain_as_their_mean_is():
    rng, spread = np.random.default_rng(4), 0.8
    truth, held = np.log(0.1), []
    for _ in range(80):
        rate = 0.1 * np.exp(rng.normal(-(spread**2) / 2, spread, (8, 1)))
        trials = np.full((8, 1), 400.0)
        _, logs = rates_of(rng.poisson(rate * trials).astype(float), trials, share=False, common=0.0).drawn(500, rng)
        low, high = np.quantile(logs, [0.05, 0.95])
        held.append(low <= truth <= high)
    assert 0.82 < np.mean(held) < 0.98
