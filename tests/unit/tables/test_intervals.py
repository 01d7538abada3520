import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hemoseg.tables import intervals
from hemoseg.tables.intervals import Spread

PLAIN = Spread(1.0, float(stats.norm.ppf(0.975)))


def effect(part, size, group, share=None):
    table = pd.DataFrame({"part": part, "size": size, "group": group})
    total = table.groupby("group")[["part", "size"]].transform("sum")
    rate = total["part"] / total["size"]
    return intervals.design_effect(table["part"], table["size"], table["size"] * rate * (1 - rate), table["group"])


@pytest.mark.parametrize(("part", "whole"), [(0, 9), (3, 10), (50, 50), (1, 400)])
def test_a_share_of_independent_cells_has_wilsons_interval(part, whole):
    expected = stats.binomtest(part, whole).proportion_ci(method="wilson")
    assert intervals.of_share(part, whole, PLAIN) == pytest.approx(tuple(expected))


def test_a_design_effect_is_fewer_cells():
    assert intervals.of_share(30, 100, Spread(4.0, 2.0)) == pytest.approx(intervals.of_share(7.5, 25, Spread(1.0, 2.0)))
    assert intervals.of_rate(40, 10, Spread(4.0, 2.0)) == pytest.approx(intervals.of_rate(10, 2.5, Spread(1.0, 2.0)))


@pytest.mark.parametrize("events", [0, 1, 17, 400])
def test_a_rate_of_independent_cells_solves_the_score_equation(events):
    for bound in intervals.of_rate(events, 2.0, PLAIN):
        if bound:
            assert abs(events - 2 * bound) == pytest.approx(PLAIN.quantile * np.sqrt(2 * bound))


def test_a_mean_has_students_interval():
    values = np.array([3.0, 4, 6, 9])
    spread = Spread(1.0, float(stats.t.ppf(0.975, 3)))
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert intervals.of_mean(values.mean(), values.std(ddof=1), 4, spread) == pytest.approx(expected)


def test_without_cells_there_is_no_interval():
    assert np.isnan([*intervals.of_share(0, 0, PLAIN), *intervals.of_rate(0, 0, PLAIN)]).all()
    assert np.isnan(intervals.of_mean(1, np.nan, 1, PLAIN)).all()


def test_copies_of_cells_tell_no_more_than_one_of_each():
    """Each frame's cells are all of one class: a frame is worth a single cell."""
    random = np.random.default_rng(1)
    part = 8 * (random.random(2000) < 0.3)
    assert effect(part, np.full(2000, 8), 0).effect == pytest.approx(8, rel=0.01)
    assert effect([0, 8], [8, 8], 0).effect == pytest.approx(16)  # 2 * (4**2 + 4**2) over 16 / 4
    alone = random.binomial(8, 0.3, 2000)
    assert effect(alone, np.full(2000, 8), 0).effect == pytest.approx(1, abs=0.08)


def test_what_was_learnt_from_few_frames_widens_and_one_frame_teaches_nothing():
    assert effect([3, 4], [8, 8], 0).quantile == pytest.approx(stats.t.ppf(0.975, 1))
    assert effect([3, 4, 2, 6], [8, 8, 8, 8], [0, 0, 1, 1]).quantile == pytest.approx(stats.t.ppf(0.975, 2))
    assert effect([3, 4], [8, 8], [0, 1]) == pytest.approx(PLAIN)
    assert effect([0, 0, 0], [8, 8, 0], 0) == pytest.approx(PLAIN)


def test_patients_that_differ_are_not_taken_for_frames_that_differ():
    part, size, group = [1, 1, 1, 9, 9, 9], [10] * 6, [0, 0, 0, 1, 1, 1]
    assert effect(part, size, group).effect == 1
    assert effect(part, size, 0).effect > 3


@pytest.mark.parametrize(("share", "frames"), [(0.1, 5), (0.5, 20)])
def test_95_of_100_intervals_hold_the_truth_of_clustered_cells(share, frames):
    """Frames whose own share is beta with intraclass correlation 0.2; plain intervals hold it in about 70 of 100."""
    random, patients, hits, plain = np.random.default_rng(0), 5, [], []
    for _ in range(60):
        group = np.repeat(np.arange(patients), frames)
        size = random.poisson(10, group.size) + 1
        part = random.binomial(size, random.beta(share * 4, (1 - share) * 4, group.size))
        spread = effect(part, size, group)
        for patient in range(patients):
            sums = part[group == patient].sum(), size[group == patient].sum()
            for spread_of, held in ((spread, hits), (PLAIN, plain)):
                low, high = intervals.of_share(*sums, spread_of)
                held.append(low <= share <= high)
    assert 0.91 <= np.mean(hits) <= 0.99
    assert np.mean(plain) < 0.85
