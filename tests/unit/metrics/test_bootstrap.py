import itertools

import numpy as np
import pytest
from scipy import stats

from hemoseg.metrics.bootstrap import interval_of_mean, resampled


def test_samples_of_a_unit_are_drawn_together_and_as_many_units_as_there_are():
    counts = resampled(["a", "b", "a", "c"], 200, np.random.default_rng(0))
    assert counts.shape == (200, 4)
    assert np.array_equal(counts[:, 0], counts[:, 2])
    assert set(counts[:, [0, 1, 3]].sum(axis=1)) == {3}
    assert counts.mean(axis=0) == pytest.approx(np.ones(4), abs=0.2)


def test_the_interval_is_that_of_all_draws_there_can_be():
    sums = np.array([[1.0, 2], [4.0, 1], [0.0, 3], [9.0, 4]])
    every = np.array([sums[list(chosen)].sum(axis=0) for chosen in itertools.product(range(4), repeat=4)])
    expected = np.percentile(every[:, 0] / every[:, 1], (2.5, 97.5))
    assert interval_of_mean(sums, draws=50000) == pytest.approx(expected, abs=0.03)


def test_units_of_one_sample_give_the_interval_of_scipy():
    values = np.random.default_rng(1).gamma(2, size=40)
    theirs = stats.bootstrap([values], np.mean, n_resamples=5000, method="percentile", rng=2).confidence_interval
    assert interval_of_mean(np.stack([values, np.ones(40)], axis=1), draws=5000) == pytest.approx(theirs, abs=0.05)


def test_equal_units_leave_no_doubt():
    assert interval_of_mean(np.tile([3.0, 6.0], (5, 1))) == (0.5, 0.5)
