"""Correction of counts for a detector's errors, against closed forms, a second optimiser and brute force."""

import numpy as np
import pytest
from scipy import optimize, stats

from hemoseg.metrics.detector import Rates, detector, mean_rates
from hemoseg.metrics.field_sampling import Sampling
from hemoseg.metrics.prevalence import Fields, corrected, drawn_fields, drawn_patient, interval, leverage, point

PERFECT = 10**9  # true cells in evidence that leaves nothing open


def known(found, pieces=0.0, made_up=0.0, cells=PERFECT):
    """A detector of whose rates ``cells`` true cells of each class tell; one frame, so that nothing varies."""
    found = np.asarray(found, float) * cells
    n = len(found)
    frame = {"group": 0, "frame": 0, "pixels": float(cells), "truth": np.full(n, cells), "found": found}
    errors = {"pieces": np.full(n, pieces * cells * n), "made_up": np.full(n, made_up * cells)}
    return detector({"classes": list("abcd")[:n], "grouped": False, "frames": [frame | errors]})


def one_field(*found):
    return Fields(np.array([found]), np.ones(1))


@pytest.mark.parametrize("positive", [0, 3, 12, 60, 97, 100])
def test_two_classes_are_corrected_as_by_rogan_and_gladen(positive):
    sensitivity, specificity = 0.85, 0.92
    value = point(
        one_field(100 - positive, positive), known([[specificity, 1 - specificity], [1 - sensitivity, sensitivity]])
    )
    expected = np.clip((positive / 100 + specificity - 1) / (sensitivity + specificity - 1), 0, 1)
    assert value[1] / value.sum() == pytest.approx(expected, abs=2e-3)
    assert value.sum() == pytest.approx(100, abs=1e-3)


def random_rates(rng, n):
    wrong = rng.dirichlet(np.full(n + 1, 1.0), n) * 0.4
    found = wrong[:, :n] + 0.55 * np.eye(n)
    return Rates(found[None], 1 - found.sum(axis=1)[None], rng.uniform(0, 0.1, (1, n)), rng.uniform(0, 2, (1, n)))


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_expected_predicted_cells_lead_back_to_the_true_ones(n):
    rng = np.random.default_rng(n)
    rates, true, area = random_rates(rng, n), rng.uniform(0, 50, n), 3.0
    expected = true @ rates.found[0] + true.sum() * rates.pieces[0] + area * rates.made_up[0]
    assert corrected(expected, area, rates)[0] == pytest.approx(true)


def test_numbers_that_would_be_negative_are_the_likeliest_ones_that_are_not():
    rng = np.random.default_rng(3)
    checked = 0
    while checked < 5:
        rates, found = random_rates(rng, 3), rng.poisson([20, 3, 0.5])
        gain, ground = rates.found[0] + rates.pieces[0], rates.made_up[0]
        if (np.linalg.solve(gain.T, found - ground) >= 0).all():
            continue

        def loss(number, gain=gain, ground=ground, found=found):
            expected = number @ gain + ground
            return (expected - found * np.log(expected)).sum()

        best = optimize.minimize(loss, np.full(3, 5.0), bounds=[(0, None)] * 3, options={"ftol": 1e-15, "gtol": 1e-10})
        ours = corrected(found, 1.0, rates)[0]
        assert (ours >= 0).all()
        assert loss(ours) <= best.fun + 1e-4
        checked += 1


def test_classes_that_look_the_same_share_their_cells_and_nothing_breaks():
    alike = Rates(np.full((1, 2, 2), 0.45), np.full((1, 2), 0.1), np.zeros((1, 2)), np.zeros((1, 2)))
    assert corrected(np.array([40, 50]), 1.0, alike)[0].sum() == pytest.approx(100, rel=1e-6)


def test_the_interval_of_a_share_is_that_of_lang_and_reiczigel_where_theirs_is_good():
    positive, tested, sensitivity, specificity, of_each = 120, 400, 0.9, 0.95, 300
    evidence = known([[specificity, 1 - specificity], [1 - sensitivity, sensitivity]], cells=of_each)
    shares, _ = drawn_patient(one_field(tested - positive, positive), evidence, Sampling(), np.random.default_rng(0))
    low, high = interval(shares[:, 1], 0.95, share=True)
    # Lang and Reiczigel 2014, doi:10.1016/j.prevetmed.2013.09.015, equations 4 to 17
    z = stats.norm.ppf(0.975)
    se, sp = ((of_each * rate + 1) / (of_each + 2) for rate in (sensitivity, specificity))
    apparent, number = (positive + z**2 / 2) / (tested + z**2), tested + z**2
    share = (apparent + sp - 1) / (se + sp - 1)
    spread = np.array([se * (1 - se), sp * (1 - sp)]) / (of_each + 2)
    shift = 2 * z**2 * (share * spread[0] - (1 - share) * spread[1])
    variance = (apparent * (1 - apparent) / number + share**2 * spread[0] + (1 - share) ** 2 * spread[1]) / (
        se + sp - 1
    ) ** 2
    theirs = share + shift + np.array([-1, 1]) * z * np.sqrt(variance)
    assert [low, high] == pytest.approx(theirs, abs=0.006)
    assert high - low == pytest.approx(theirs[1] - theirs[0], rel=0.04)


def test_a_class_of_which_none_was_found_may_be_there_all_the_same():
    shares, density = drawn_patient(one_field(100, 0), known(np.eye(2)), Sampling(), np.random.default_rng(0))
    low, high = interval(shares[:, 1], 0.95, share=True)
    exact = stats.beta.ppf(0.975, 1, 100)  # Clopper and Pearson, which is wider
    assert low == 0
    assert 0.6 * exact < high < exact
    assert interval(density[:, 1], 0.95, share=False)[1] == pytest.approx(-np.log(2 * 0.0375), rel=0.1)  # mid-p


def test_fields_without_a_cell_have_no_shares_and_at_most_some_cells():
    shares, density = drawn_patient(one_field(0, 0), known(np.eye(2)), Sampling(), np.random.default_rng(0))
    assert np.isnan(shares).any()
    assert interval(density.sum(axis=1), 0.95, share=False)[1] < 8
    assert (drawn_fields(one_field(0, 0), known(np.eye(2)), np.random.default_rng(0)) == 0).all()


def test_a_detector_that_never_errs_leaves_no_doubt_about_these_fields():
    there = drawn_fields(one_field(7, 0, 30), known(np.eye(3)), np.random.default_rng(0))
    assert (there == [7, 0, 30]).all()


def test_missed_cells_of_these_fields_are_as_many_as_brute_force_says():
    """One class, half missed, a flat prior on the true number: then the number given the found ones is known."""
    there = drawn_fields(one_field(20), known([[0.5]]), np.random.default_rng(0), 20000)[:, 0]
    true = np.arange(20, 200)
    weight = stats.binom.pmf(20, true, 0.5)
    weight /= weight.sum()
    mean = (true * weight).sum()
    assert there.min() >= 20
    assert there.mean() == pytest.approx(mean, abs=0.7)
    assert there.std() == pytest.approx(np.sqrt((true**2 * weight).sum() - mean**2), rel=0.05)


@pytest.mark.parametrize("found", [0, 3])
@pytest.mark.parametrize("recall", [0.4, 0.9])
def test_missed_cells_of_few_found_ones_are_spread_as_in_the_closed_form(found, recall):
    """With Jeffreys' prior the missed cells of a class are negative binomial: none found does not mean none there."""
    there = drawn_fields(one_field(found), known([[recall]]), np.random.default_rng(0), 20000)[:, 0]
    missed = stats.nbinom(found + 0.5, recall)
    assert there.min() == found
    for number in range(6):
        assert (there - found <= number).mean() == pytest.approx(missed.cdf(number), abs=0.012)


def test_a_class_that_is_taken_for_another_may_be_there_though_none_was_found():
    """Two classes, the second found as the first at 3 in 10: brute force over both true numbers."""
    there = drawn_fields(one_field(12, 0), known([[1.0, 0.0], [0.3, 0.7]]), np.random.default_rng(0), 20000)[:, 1]
    # x1 ~ Poisson(n1 + 0.3 n2) was 12 and x2 ~ Poisson(0.7 n2) was 0, with Jeffreys' priors of both means
    n = (np.arange(800) + 0.5) / 20
    first, second = np.meshgrid(n, n[:300], indexing="ij")
    weight = stats.poisson.pmf(12, first + 0.3 * second) * np.exp(-0.7 * second) / np.sqrt(first * second)
    share = 0.3 * second / (first + 0.3 * second)  # of the 12 that were of the second class
    for number in range(4):
        expected = (weight * stats.binom.cdf(number, 12, share)).sum() / weight.sum()
        assert (there <= number).mean() == pytest.approx(expected, abs=0.015)


def test_cells_that_are_made_up_are_taken_away():
    found, made_up = Fields(np.array([[30], [34]]), np.array([1.0, 1.0])), known([[1.0]], made_up=10.0)
    assert point(found, made_up)[0] == pytest.approx(44)
    there = drawn_fields(found, made_up, np.random.default_rng(0))
    assert there.mean() == pytest.approx(44, abs=1)
    assert there.max() <= 64


def test_clustered_fields_widen_the_patients_interval_and_not_that_of_these_fields():
    found, model = one_field(60, 40), known([[0.9, 0.05], [0.05, 0.9]])
    told = Sampling(), Sampling(0.1, 0.03)
    alone, clustered = (drawn_patient(found, model, sampling, np.random.default_rng(0)) for sampling in told)
    width = [np.subtract(*interval(draws[0][:, 0], 0.95, share=True)) for draws in (clustered, alone)]
    assert width[0] / width[1] == pytest.approx(np.sqrt(1 + 0.03 * 99), rel=0.06)
    spread = [draws[1].sum(axis=1).std() for draws in (clustered, alone)]
    assert spread[0] / spread[1] == pytest.approx(np.sqrt(1 + 0.1 * 100), rel=0.06)


def test_rows_of_rates_add_to_one():
    rates = mean_rates(known([[0.7, 0.2], [0.1, 0.8]]))
    assert rates.found.sum(axis=2) + rates.missed == pytest.approx(1)


def test_the_interval_holds_its_part_of_the_draws_and_lies_between_equal_tails_and_the_shortest():
    rng = np.random.default_rng(0)
    inside = rng.normal(0.5, 0.02, 40001)
    assert interval(inside, 0.9, share=True) == pytest.approx(np.quantile(inside, [0.05, 0.95]), abs=2e-3)
    at_zero = np.maximum(rng.normal(0, 0.02, 40001), 0)  # half of them nothing
    low, high = interval(at_zero, 0.9, share=True)
    assert low == 0
    assert high == pytest.approx(np.quantile(at_zero, 0.925), rel=0.01)  # of 0.95 and 0.9
    mirrored = interval(1 - at_zero, 0.9, share=True)
    assert mirrored == pytest.approx((1 - high, 1), abs=1e-9)
    rare = rng.beta(3, 30, 4001)
    low, high = interval(rare, 0.9, share=True)
    assert interval(1 - rare, 0.9, share=True) == pytest.approx((1 - high, 1 - low), abs=2e-3)
    assert np.mean(rare < low) < 0.049
    numbers = rng.poisson(3.0, (999, 2, 2)).astype(float)
    numbers[:500, 1, 1] = np.nan
    low, high = interval(numbers, 0.8, share=False)
    held = ((low <= numbers) & (numbers <= high)).sum(axis=0) / (~np.isnan(numbers)).sum(axis=0)
    assert (held >= 0.8).all()
    assert np.isnan(interval(np.full((9, 1), np.nan), 0.9, share=True)).all()


def test_leverage_is_that_of_rogan_and_gladen_and_what_moving_a_cell_does():
    assert leverage(known([[0.9, 0.1], [0.3, 0.7]])) == pytest.approx([1 / 0.6] * 2, rel=1e-3)
    assert leverage(known(np.eye(3))) == pytest.approx([1, 1, 1], abs=1e-3)
    assert np.isinf(leverage(known([[0.5, 0.5], [0.5, 0.5]]))).all()
    model = known([[0.8, 0.1, 0.1], [0.05, 0.9, 0.05], [0.3, 0.1, 0.6]])
    numbers = [point(one_field(*(100 * np.ones(3, int) + move)), model) for move in np.eye(3, dtype=int)]
    moved = np.abs(np.subtract.outer(range(3), range(3))) > 0
    most = np.array([[np.abs(a - b) for b in numbers] for a in numbers])[moved].max(axis=0)
    assert leverage(model) == pytest.approx(most, rel=1e-3)
