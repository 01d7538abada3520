"""The measure of a seam against loops, and on maps whose seam is known."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from hemoseg.metrics.seams import Profile, pooled, profile, seam


def random_map(*shape, seed=0):
    values = np.random.default_rng(seed).random(shape)
    return (values / values.sum(axis=0)).astype(np.float32)


def in_loops(probability, rows, columns):
    """Sum of jumps and number of pairs by the distance from the nearest line, the lower of two as near."""
    classes, height, width = probability.shape
    sums, pairs = defaultdict(float), defaultdict(int)
    for lines, (dr, dc) in ((rows, (1, 0)), (columns, (0, 1))):
        for r in range(dr, height if lines else 0):
            for c in range(dc, width):
                place = r if dr else c
                offset = min((place - line for line in lines), key=lambda d: (abs(d), -d))
                here, before = probability[:, r, c].astype(float), probability[:, r - dr, c - dc].astype(float)
                sums[offset] += sum(abs(here[k] - before[k]) for k in range(classes)) / 2
                pairs[offset] += 1
    return {offset: (sums[offset], pairs[offset]) for offset in sorted(sums)}


@limits(deadline=None, max_examples=40)
@given(
    st.integers(1, 4), st.integers(1, 9), st.integers(1, 9), st.sets(st.integers(1, 8)), st.sets(st.integers(1, 8)),
)  # fmt: skip
def test_a_profile_is_what_loops_over_all_pairs_of_pixels_find(classes, height, width, rows, columns):
    probability = random_map(classes, height, width)
    lines = sorted(r for r in rows if r < height), sorted(c for c in columns if c < width)
    found = profile(probability, *map(np.array, lines))
    wanted = in_loops(probability, *lines)
    assert found.offsets.tolist() == list(wanted)
    assert found.sums == pytest.approx([sums for sums, _ in wanted.values()])
    assert found.pairs.tolist() == [pairs for _, pairs in wanted.values()]


def test_a_step_at_a_border_is_a_jump_and_a_seam_of_its_size():
    background = np.linspace(0.2, 0.3, 40)[None].repeat(40, axis=0)  # 0.1 / 39 between two columns
    background[:, 20:] += 0.5
    found = seam(profile(np.stack([background, 1 - background]), np.zeros(0, int), np.array([20])))
    assert found.across == pytest.approx(0.5 + 0.1 / 39)
    assert found.elsewhere == pytest.approx(0.1 / 39)
    assert found.ratio == pytest.approx(1 + 0.5 * 390)
    assert found.highest == pytest.approx(1)


def test_sure_of_another_class_is_a_jump_of_1_whatever_the_number_of_classes():
    for classes in (2, 3, 5):
        probability = np.zeros((classes, 1, 2))
        probability[0, 0, 0] = probability[1, 0, 1] = 1
        assert profile(probability, np.zeros(0, int), np.array([1])).sums.tolist() == [1]


def test_images_are_pooled_by_their_pixels():
    maps = [random_map(2, 8, 8, seed=1), random_map(2, 12, 20, seed=2)]
    single = [profile(one, np.array([4]), np.array([4])) for one in maps]
    both = pooled(single)
    assert seam(both).across == pytest.approx(
        sum(one.sums[one.offsets == 0].sum() for one in single) / (8 + 8 + 12 + 20)
    )
    assert both.pairs.sum() == sum(2 * n * m - n - m for n, m in ((8, 8), (12, 20)))


def test_without_borders_or_without_lines_between_them_there_is_no_seam_to_tell():
    assert np.isnan(seam(profile(random_map(2, 5, 5), np.zeros(0, int), np.zeros(0, int))).ratio)
    every = np.arange(1, 5)
    assert np.isnan(seam(profile(random_map(2, 5, 5), every, every)).ratio)
    assert np.isnan(seam(pooled([])).ratio)


def test_the_highest_elsewhere_is_of_distances_with_as_many_pixels():
    """The line at 9 is far from every border and is one of its kind: its jump is no measure of chance."""
    found = seam(Profile(np.array([0, 1, 9]), np.array([30.0, 20.0, 9.0]), np.array([100, 100, 10])))
    assert found.highest == pytest.approx(0.2 / (29 / 110))
    assert found.ratio == pytest.approx(0.3 / (29 / 110))
