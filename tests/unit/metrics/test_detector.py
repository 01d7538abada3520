"""Rates of a detector and how they vary: counted right, and learnt from drawn patients of known variation."""

import numpy as np
import pytest
from scipy import special

from hemoseg.metrics.detector import MADE_UP, MISSED, detector, drawn_rates, kinds, mean_rates
from hemoseg.metrics.rate_variation import SPREADS

TRUTH = np.array([300, 100])


def errors(frames, grouped=True):
    return {"classes": ["a", "b"], "grouped": grouped, "frames": frames}


def frame(group, number, truth, found, pieces=(0, 0), made_up=(0, 0), pixels=100):
    told = {"group": group, "frame": number, "pixels": pixels, "truth": truth, "found": found}
    return told | {"pieces": pieces, "made_up": made_up}


def drawn(rng, patients, frames, between, within, common=False):
    """Evidence whose rates of missed cells vary by gamma factors of these squared coefficients of variation."""
    told = []
    for group in range(patients):
        own = rng.gamma(1 / between, between, 2) if between else np.ones(2)
        own = own[[0, 0]] if common else own
        for number in range(frames):
            more = rng.gamma(1 / within, within, 2) if within else np.ones(2)
            missed = np.minimum(rng.poisson(TRUTH * 0.1 * own * more), TRUTH)
            told.append(frame(group, group * frames + number, TRUTH.tolist(), np.diag(TRUTH - missed).tolist()))
    return errors(told)


def test_mean_rates_are_events_over_what_they_could_happen_to():
    told = [frame(0, 0, [10, 4], [[6, 2], [1, 2]], (1, 0), (3, 1)), frame(1, 1, [10, 16], [[8, 0], [3, 13]], (0, 2))]
    rates = mean_rates(detector(errors(told)))
    assert rates.found[0].tolist() == pytest.approx(np.array([[14, 2], [4, 15]]) / [[20], [20]])
    assert rates.missed[0] == pytest.approx([4 / 20, 1 / 20])
    assert rates.pieces[0] == pytest.approx([1 / 40, 2 / 40])
    assert rates.made_up[0] == pytest.approx([3 / 200, 1 / 200])


@pytest.mark.parametrize(("between", "within"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.2), (0.3, 0.1)])
def test_variation_between_and_within_patients_is_told_apart(between, within):
    found = detector(drawn(np.random.default_rng(0), 400, 4, between, within))
    of_gamma = np.sqrt(special.polygamma(1, 1 / between)) if between else 0  # spread of its logarithm
    assert found.between[MISSED].chances @ SPREADS == pytest.approx(of_gamma / 0.9, abs=0.09)  # of the odds of 0.1
    assert found.within.total[MISSED] == pytest.approx(within * (1 + between) / 0.9**2, abs=0.04)
    assert found.common[MISSED] == pytest.approx(0, abs=0.15 if between else 1)  # of next to nothing


def test_pieces_and_made_up_cells_that_fall_at_random_do_not_vary_between_frames():
    rng = np.random.default_rng(6)
    told = [frame(n // 4, n, [30, 30], [[30, 0], [0, 30]], (0, 0), rng.poisson(0.8, 2), pixels=1) for n in range(800)]
    found = detector(errors(told))
    assert found.within.total[MADE_UP] < 0.1
    assert found.between[MADE_UP].chances @ SPREADS < 0.2


def test_what_all_classes_have_in_common_is_known_as_such():
    found = detector(drawn(np.random.default_rng(1), 400, 4, 0.2, 0.05, common=True))
    assert found.common[MISSED] > 0.9


def test_frames_stand_for_patients_where_no_two_are_named():
    told = drawn(np.random.default_rng(2), 10, 3, 0.2, 0.2)
    alone = detector(told | {"grouped": False})
    assert (alone.freedom, alone.grouped) == (29, False)
    assert alone.within.total.tolist() == [0] * 4
    one = [frame | {"group": 0} for frame in told["frames"]]
    assert not detector(told | {"frames": one}).grouped


def test_drawn_rates_spread_as_the_patients_that_they_were_learnt_from():
    known = detector(drawn(np.random.default_rng(3), 400, 4, 0.2, 0.1))
    for frames, variance in ((None, 0.2), (1, 0.2 + 0.1 * 1.2)):  # of gamma factors, whose tail is longer
        missed = drawn_rates(known, 20000, np.random.default_rng(0), frames).missed
        assert missed.mean(axis=0) == pytest.approx([0.1, 0.1], rel=0.05)
        assert missed.std(axis=0) / missed.mean(axis=0) == pytest.approx([variance**0.5] * 2, rel=0.15)


def test_variation_between_frames_averages_out_over_the_frames_of_a_patient():
    known = detector(drawn(np.random.default_rng(5), 100, 4, 0.2, 0.3))
    spread = [drawn_rates(known, 4000, np.random.default_rng(0), n).missed[:, 0].std() for n in (1, 4, 1000, None)]
    assert spread[0] > 1.1 * spread[1] > 1.1**2 * spread[2]
    assert spread[2] == pytest.approx(spread[3], rel=0.01)


@pytest.mark.parametrize("common", [True, False])
def test_what_classes_have_in_common_is_drawn_in_common_and_adds_nothing(common):
    known = detector(drawn(np.random.default_rng(6), 400, 1, 0.2, 0.0, common))
    missed = drawn_rates(known, 10000, np.random.default_rng(0)).missed
    assert missed.std(axis=0) / missed.mean(axis=0) == pytest.approx([0.2**0.5] * 2, rel=0.15)
    assert np.corrcoef(missed.T)[0, 1] == pytest.approx(0.9 if common else 0, abs=0.1)


def test_an_error_that_was_never_seen_is_possible_but_rare():
    rates = drawn_rates(detector(errors([frame(0, 0, [60, 60], [[60, 0], [0, 60]])])), 4000, np.random.default_rng(0))
    assert np.quantile(rates.found[:, 0, 1], 0.975) == pytest.approx(3 / 60, rel=0.15)


def test_a_class_with_too_few_cells_is_missed_as_the_others_are_and_never_confused():
    known = detector(errors([frame(0, 0, [100, 2], [[80, 10], [2, 0]])]))
    assert known.known.tolist() == [True, False]
    rates = mean_rates(known)
    assert rates.found[0].tolist() == pytest.approx(np.array([[0.8, 0.1], [0, 0.9]]))
    assert rates.missed[0] == pytest.approx([0.1, 0.1])


def test_every_draw_is_a_distribution_however_wild_the_variation():
    rng = np.random.default_rng(4)
    told = [frame(g, g, [20, 20], [[a, 20 - a], [0, 5]]) for g, a in enumerate(rng.integers(0, 21, 5).tolist())]
    rates = drawn_rates(detector(errors(told)), 2000, rng)
    assert (rates.found >= 0).all()
    assert rates.found.sum(axis=2) + rates.missed == pytest.approx(1)
    assert kinds(2).tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 3, 3]
