"""The best one-to-one assignment against every permutation and against scipy's dense solver."""

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.optimize import linear_sum_assignment

from hemoseg.metrics.assignment import best_assignment

# Gains of every pair, 0 where two cells do not meet; few values, so that ties are common.
tables = npst.arrays(
    float,
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    elements=st.sampled_from([0, 0, 0.1, 0.25, 0.5, 1]) | st.floats(1e-6, 1),
)


def pairs_of(table):
    mine, theirs = np.nonzero(table)
    return mine, theirs, table[mine, theirs]


def best_of_all(table):
    """The largest sum over all ways to give the shorter side partners."""
    rows, columns = table.shape
    if rows > columns:
        return best_of_all(table.T)
    return max(sum(table[i, j] for i, j in enumerate(order)) for order in permutations(range(columns), rows))


@settings(deadline=None)
@given(tables)
def test_no_other_assignment_gains_more(table):
    mine, theirs, gain = pairs_of(table)
    chosen = best_assignment(mine, theirs, gain)
    assert chosen.dtype == bool
    assert len(np.unique(mine[chosen])) == len(np.unique(theirs[chosen])) == chosen.sum(), "each cell once"
    assert gain[chosen].sum() == pytest.approx(best_of_all(table), abs=1e-9)


@settings(deadline=None)
@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_and_the_numbers_of_cells_do_not_matter_to_the_gain(table, random):
    mine, theirs, gain = pairs_of(table)
    order = random.sample(range(len(gain)), len(gain))
    numbers = np.array(random.sample(range(50), 5))
    again = best_assignment(numbers[mine[order]], numbers[theirs[order]], gain[order])
    assert gain[order][again].sum() == pytest.approx(gain[best_assignment(mine, theirs, gain)].sum(), abs=1e-9)


def test_two_lesser_pairs_can_gain_more_than_the_best_one():
    mine, theirs, gain = np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([0.51, 0.3, 0.3])
    assert best_assignment(mine, theirs, gain).tolist() == [False, True, True]
    assert best_assignment(mine, theirs, np.array([0.61, 0.3, 0.3])).tolist() == [True, False, False]


@pytest.mark.parametrize("seed", range(4))
def test_a_large_group_is_assigned_as_the_dense_solver_does(seed):
    rng = np.random.default_rng(seed)
    table = np.where(rng.random((90, 70)) < 0.08, rng.random((90, 70)), 0)
    mine, theirs, gain = pairs_of(table)
    dense = table[linear_sum_assignment(table, maximize=True)].sum()
    assert gain[best_assignment(mine, theirs, gain)].sum() == pytest.approx(dense, rel=1e-9)


def test_no_pair_no_choice():
    nothing = np.zeros(0, int)
    assert best_assignment(nothing, nothing, np.zeros(0)).shape == (0,)


def test_a_chain_of_four_thousand_cells_takes_no_quadratic_memory():
    """Cells that each overlap two others, all in one group: a dense table of it would be 130 MB."""
    n = 4000
    mine, theirs = np.repeat(np.arange(n), 2), np.repeat(np.arange(n), 2) + np.tile([0, 1], n)
    gain = np.tile([0.3, 0.4], n)
    tracemalloc.start()
    chosen = best_assignment(mine, theirs, gain)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert gain[chosen].sum() == pytest.approx(0.4 * n)
    assert peak < 1000 * n
