"""How fields differ: learnt from drawn fields of known variation."""

import numpy as np
import pytest

from hemoseg.metrics.field_sampling import BORROWED, Sampling, borrowed, sampling_of


def fields(rng, patients, number, dense, mix, cells=30):
    found, area = [], []
    for _ in range(patients):
        share = rng.dirichlet([8, 3, 1])
        for _ in range(number):
            size = rng.uniform(0.3, 2)
            n = rng.poisson(cells * size * (rng.gamma(1 / dense, dense) if dense else 1))
            found.append(rng.multinomial(n, rng.dirichlet(share * (1 / mix - 1)) if mix else share))
            area.append(size)
    return np.array(found), np.array(area), np.repeat(np.arange(patients), number)


@pytest.mark.parametrize(("dense", "mix"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.05), (0.1, 0.1)])
def test_density_and_mix_are_learnt_from_fields_of_any_size(dense, mix):
    told = sampling_of(*fields(np.random.default_rng(0), 300, 5, dense, mix))
    assert told.density == pytest.approx(dense, abs=0.02)
    assert told.mix == pytest.approx(mix, abs=0.01)
    assert told.freedom == 300 * 4


def test_the_design_effect_is_the_variance_over_that_of_single_cells():
    rng, number = np.random.default_rng(1), 6
    totals = rng.poisson(30 * rng.gamma(10, 0.1, (4000, number))).sum(axis=1)
    effect, _ = Sampling(0.1, 0.1, 1).effects(np.full(number, 30))
    assert totals.var() / totals.mean() == pytest.approx(effect, rel=0.1)
    mixed = [rng.multinomial(40, p)[0] for p in rng.dirichlet(np.array([0.6, 0.4]) * 9, 4000)]
    assert np.var(mixed) / (40 * 0.24) == pytest.approx(Sampling(0, 0.1, 1).effects(np.array([40]))[1], rel=0.1)


def test_single_and_empty_fields_say_nothing():
    assert sampling_of(np.array([[5, 1], [9, 3]]), np.ones(2), np.array([0, 1])) == Sampling()
    assert sampling_of(np.zeros((4, 2), int), np.ones(4), np.zeros(4)) == Sampling()
    assert Sampling().effects(np.array([10, 20])) == (1, 1)


def test_what_own_fields_leave_open_is_borrowed_and_no_more():
    other = Sampling(0.3, 0.1, 100)
    assert borrowed(Sampling(), other) == Sampling(0.3, 0.1, BORROWED)
    assert borrowed(Sampling(0.1, 0.0, BORROWED / 2), other) == pytest.approx(Sampling(0.2, 0.05, BORROWED))
    enough = Sampling(0.1, 0.0, BORROWED + 2)
    assert borrowed(enough, other) is enough
    assert borrowed(Sampling(), Sampling()) == Sampling()
