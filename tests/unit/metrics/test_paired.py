"""Paired tests against scipy, against all exchanges gone through one by one, and on data that has no difference."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from hemoseg.metrics.paired import corrected_resampled_t, flip_test, holm, rank_biserial, standardised, wilcoxon

few = st.lists(st.integers(-4, 4), min_size=1, max_size=7).map(np.array)  # with ties and zeros


def every_sign(values):
    return [np.array(signs) * values for signs in product((1, -1), repeat=len(values))]


@given(few)
def test_wilcoxon_with_ties_goes_through_all_signs(values):
    used = values[values != 0]
    ranks = stats.rankdata(np.abs(used))
    found = [(ranks * np.sign(one)).sum() for one in every_sign(used)]
    extreme = np.mean(np.abs(found) >= abs((ranks * np.sign(used)).sum()) - 1e-9) if len(used) else 1.0
    assert wilcoxon(np.append(values, np.nan)) == pytest.approx(extreme)


def test_wilcoxon_of_many_is_scipys():
    values = np.random.default_rng(0).normal(0.3, 1, 40)
    assert wilcoxon(values) == stats.wilcoxon(values).pvalue


@given(few)
def test_the_flip_test_goes_through_all_exchanges(sums):
    expected = np.mean([abs(one.sum()) >= abs(sums.sum()) for one in every_sign(sums)])
    assert flip_test(sums[:, None] / 3)[0] == pytest.approx(expected)  # a third: no sum is exact


def test_the_flip_test_is_scipys():
    rng = np.random.default_rng(0)
    for n, within in ((9, 1e-12), (40, 0.01)):
        values = rng.normal(0.3, 1, n)
        told = {"permutation_type": "samples", "n_resamples": 20000, "rng": 1}
        theirs = stats.permutation_test((values, np.zeros(n)), lambda a, b: (a - b).sum(), **told)
        assert flip_test(values[:, None])[0] == pytest.approx(theirs.pvalue, abs=within)


def test_one_test_does_not_change_another_and_nothing_is_no_difference():
    rng = np.random.default_rng(1)
    sums = rng.normal(size=(9, 3))
    sums[4, 1] = np.nan
    alone = [flip_test(np.nan_to_num(sums[:, [k]]))[0] for k in range(3)]
    assert flip_test(sums).tolist() == alone
    assert flip_test(np.zeros((20, 1)))[0] == 1.0


def test_what_was_observed_is_one_of_the_flips_so_that_p_is_never_0():
    assert flip_test(np.ones((40, 1)), flips=99)[0] == 1 / 100


@pytest.mark.parametrize("n", [5, 6])
def test_six_units_can_show_a_difference_and_five_cannot(n):
    values = np.arange(1.0, n + 1)
    assert flip_test(values[:, None])[0] == wilcoxon(values) == 2 / 2**n
    assert (wilcoxon(values) < 0.05) == (n >= 6)


def test_patients_that_are_alike_are_no_evidence_and_their_images_would_seem_to_be():
    rng, (patients, images, trials) = np.random.default_rng(2), (8, 10, 2000)
    of_patient = rng.normal(size=(patients, 1, trials))  # both methods are equally good on average
    differences = of_patient + rng.normal(size=(patients, images, trials))
    by_patient = flip_test(differences.sum(axis=1)) < 0.05
    assert by_patient.sum() <= stats.binom.ppf(0.999, trials, 0.05)
    assert by_patient.sum() >= stats.binom.ppf(0.001, trials, 0.03)  # 128 exchanges: p just below 0.05 is not reached
    by_image = [flip_test(differences[..., [k]].reshape(-1, 1), 199)[0] < 0.05 for k in range(100)]
    assert np.mean(by_image) > 0.2


def test_the_corrected_t_is_the_formula():
    values = np.array([0.02, 0.05, -0.01, 0.03, 0.04])
    assert corrected_resampled_t(values, 0) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    t = values.mean() / np.sqrt((1 / 5 + 1 / 4) * values.var(ddof=1))
    assert corrected_resampled_t(np.append(values, np.nan), 1 / 4) == pytest.approx(2 * stats.t.sf(t, 4))
    assert np.isnan(corrected_resampled_t(values[:1], 1 / 4))
    assert corrected_resampled_t(np.zeros(5), 1 / 4) == 1
    assert corrected_resampled_t(np.ones(5), 1 / 4) == 0


def test_holm_is_that_of_statsmodels():
    for values in ([0.01], [0.04, 0.03, 0.01, 0.8], [0.02, 0.02, 0.5], [0.0, 1.0, 1.0]):
        assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])
    assert holm([0.01, np.nan, 0.03]) == pytest.approx([0.02, np.nan, 0.03], nan_ok=True)


@given(few)
def test_effects_change_their_sign_with_the_order(values):
    assert rank_biserial(-values) == pytest.approx(-rank_biserial(values))
    assert -1 <= rank_biserial(values) <= 1
    assert standardised(-values) == pytest.approx(-standardised(values), nan_ok=True)


def test_effects_are_their_definitions():
    values = np.array([3.0, 1.0, -2.0, 5.0, 0.0])
    assert rank_biserial(values) == pytest.approx((3 + 1 + 4 - 2) / 10)
    assert rank_biserial([1, 2, 3]) == 1
    assert rank_biserial([0, 0]) == 0
    assert standardised(values) == pytest.approx(stats.ttest_1samp(values, 0).statistic / np.sqrt(5))
    assert np.isnan(standardised([2.0, 2.0]))
