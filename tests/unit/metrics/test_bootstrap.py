import itertools

import numpy as np
import pytest
from scipy import stats

from hemoseg.metrics.bootstrap import interval_of_mean, percentile_interval, resampled, resampled_within


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


def test_frames_are_drawn_within_drawn_patients():
    patients, frames = list("aaaabbc"), list("uuvwxyz")
    counts = resampled_within(patients, frames, 500, np.random.default_rng(0))
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.2)
    assert np.array_equal(counts[:, 0], counts[:, 1])  # both of frame u
    of_patients = np.stack([counts[:, 1:4].sum(axis=1) / 3, counts[:, 4:6].sum(axis=1) / 2, counts[:, 6]])
    assert np.array_equal(of_patients, of_patients.round())
    assert (of_patients.sum(axis=0) == 3).all()
    assert (counts[:, 4] != counts[:, 5]).any()


def test_patients_of_one_frame_are_drawn_as_patients_are():
    units = list("abcd")
    alone = (draw(units, np.random.default_rng(1)) for draw in (
        lambda units, rng: resampled(units, 50, rng), lambda units, rng: resampled_within(units, units, 50, rng)
    ))  # fmt: skip
    assert np.array_equal(*alone)


@pytest.mark.parametrize("n", [6, 40])
def test_the_interval_of_a_normal_mean_is_that_of_student(n):
    # What a bootstrap of n values with standard deviation s (ddof = 1) tends to.
    s = 2.0
    drawn = 5 + stats.norm.ppf((np.arange(200001) + 0.5) / 200001) * s * np.sqrt((n - 1) / n) / np.sqrt(n)
    half = stats.t.ppf(0.975, n - 1) * s / np.sqrt(n)
    assert percentile_interval(drawn, n) == pytest.approx((5 - half, 5 + half), rel=1e-3)


def test_draws_without_a_number_are_left_out():
    drawn = np.random.default_rng(0).random(100)
    assert percentile_interval(np.append(drawn, [np.nan] * 5), 10) == percentile_interval(drawn, 10)
    assert np.isnan(percentile_interval(drawn, 1)).all()
    assert np.isnan(percentile_interval(np.full(5, np.nan), 10)).all()
