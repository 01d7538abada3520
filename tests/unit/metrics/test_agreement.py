import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from hemoseg.metrics.agreement import limits_of_agreement

Z = 1.959963984540054  # of the standard normal distribution at 0.975, to the last digit
DIFFERENCES = st.lists(st.integers(-9, 9), min_size=3, max_size=12).filter(lambda values: len(set(values)) > 1)


@given(DIFFERENCES)
def test_bias_and_limits_are_the_mean_and_two_standard_deviations_about_it(values):
    found = limits_of_agreement(values)
    mean = sum(values) / len(values)
    sd = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    assert (found.n, found.bias, found.sd) == (len(values), pytest.approx(mean), pytest.approx(sd))
    assert (found.low, found.high) == pytest.approx((mean - Z * sd, mean + Z * sd), abs=1e-9)
    assert found.of_bias == pytest.approx(ttest_1samp(values, 0).confidence_interval(0.95))


@given(DIFFERENCES, st.integers(-5, 5), st.integers(1, 4))
def test_limits_move_with_an_offset_scale_with_the_unit_and_turn_round_with_the_sides(values, offset, unit):
    values = np.array(values)
    found, other = (limits_of_agreement(of) for of in (values, -(unit * values + offset)))
    assert other.bias == pytest.approx(-(unit * found.bias + offset))
    turned = [-(unit * end + offset) for end in (found.high, found.low, found.of_high.high, found.of_high.low)]
    assert (other.low, other.high, *other.of_low) == pytest.approx(turned, abs=1e-9)


def test_the_intervals_of_the_limits_hold_the_true_limits_as_often_as_they_say():
    drawn = np.random.default_rng(0).normal(1.0, 2.0, (1000, 20))
    held = [of.of_high.low <= 1 + Z * 2 <= of.of_high.high for of in map(limits_of_agreement, drawn)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.025)


def test_too_few_pairs_have_no_spread():
    assert limits_of_agreement([]).n == 0
    assert np.isnan(limits_of_agreement([]).bias)
    one = limits_of_agreement([2.0, np.nan])
    assert (one.n, one.bias) == (1, 2.0)
    assert np.isnan([one.sd, one.low, one.high, *one.of_bias, *one.of_low, *one.of_high]).all()
