import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label

from hemoseg.labels.seeded_growing import LEVELS, grow


def by_the_book(grey, seeds, tolerance):
    """The list of Adams and Bischof, searched from its beginning each time, with means summed anew."""
    regions, waiting = seeds.copy(), []
    height, width = grey.shape

    def meet(r, c):
        mean = np.mean([grey[p] for p in members[regions[r, c]]])
        for near in ((r - 1, c), (r, c - 1), (r, c + 1), (r + 1, c)):
            if 0 <= near[0] < height and 0 <= near[1] < width and not regions[near]:
                level = int(abs(grey[near] - mean) * LEVELS / tolerance + 1e-9)
                if level < LEVELS:
                    waiting.append((level, near, regions[r, c]))

    members = {n: list(zip(*np.nonzero(seeds == n), strict=True)) for n in range(1, seeds.max() + 1)}
    for r, c in zip(*np.nonzero(seeds), strict=True):
        meet(r, c)
    while waiting:
        first = min(range(len(waiting)), key=lambda i: waiting[i][0])
        _, pixel, region = waiting.pop(first)
        if not regions[pixel]:
            regions[pixel] = region
            members[region].append(pixel)
            meet(*pixel)
    return regions


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 4.0, 32.0]))
def test_regions_are_those_of_the_sorted_list(seed, tolerance):
    random = np.random.default_rng(seed)
    grey = random.integers(0, 8, (7, 9)).astype(float)
    seeds = np.where(random.random((7, 9)) < 0.06, random.integers(1, 4, (7, 9)), 0)
    assert np.array_equal(grow(grey, seeds, tolerance), by_the_book(grey, seeds, tolerance))


@pytest.mark.parametrize("seed", range(4))
def test_seeds_stay_and_every_region_hangs_together_with_them(seed):
    random = np.random.default_rng(seed)
    grey = random.random((30, 40))
    seeds = np.zeros((30, 40), int)
    seeds[5, 5], seeds[20, 30], seeds[12, 20] = 1, 2, 3
    regions = grow(grey, seeds, 0.4)
    assert regions.dtype == np.int32
    assert np.array_equal(regions[seeds > 0], seeds[seeds > 0])
    for number in (1, 2, 3):
        assert label(regions == number, connectivity=1).max() == 1


def test_a_wide_tolerance_takes_all_and_a_narrow_one_stays_on_its_own_value():
    grey = np.repeat([0.0, 1.0], [4, 6])[None].repeat(3, axis=0)
    seeds = np.zeros((3, 10), int)
    seeds[1, 0] = 1
    assert (grow(grey, seeds, 5.0) == 1).all()
    assert np.array_equal(grow(grey, seeds, 0.5) == 1, grey == 0)


def test_what_is_scaled_and_shifted_grows_the_same():
    grey = np.random.default_rng(3).integers(0, 32, (20, 20)).astype(float)
    seeds = np.zeros((20, 20), int)
    seeds[3, 3], seeds[15, 12] = 1, 2
    assert np.array_equal(grow(grey, seeds, 16.0), grow(grey * 64 + 1024, seeds, 1024.0))


def test_without_a_seed_nothing_grows():
    assert not grow(np.zeros((4, 5)), np.zeros((4, 5), int), 1.0).any()
