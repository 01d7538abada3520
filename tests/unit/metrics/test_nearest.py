"""Squared distances to the nearest pixel against scipy's exact transform, whichever way they are found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt

from hemoseg.metrics import nearest
from hemoseg.metrics.surfaces import surfaces, surfaces_of

CASES = given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.02, 0.3, 1.0]), st.sampled_from([0.0, 0.02, 0.5]))


def masks(seed, of_sources, of_targets):
    """Up to five sources, which may be empty, and targets, which hold a pixel."""
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 25, 2)
    sources, targets = ([rng.random(shape) < share for _ in range(5)] for share in (of_sources, of_targets))
    for target in targets:
        target[tuple(rng.integers(0, shape))] = True
    return sources[: rng.integers(1, 6)], targets


@pytest.mark.parametrize(("affordable", "at_once"), [(2, 2**24), (0.01, 2**24), (2, 1)], ids=["looks", "late", "parts"])
def test_squares_are_those_of_an_exact_transform(monkeypatch, affordable, at_once):
    """Looked for along rows, by a transform of what is left after few looks, and image by image."""
    monkeypatch.setattr(nearest, "AFFORDABLE", affordable)
    monkeypatch.setattr(nearest, "AT_ONCE", at_once)

    @settings(deadline=None, max_examples=40)
    @CASES
    def holds(seed, of_sources, of_targets):
        sources, targets = masks(seed, of_sources, of_targets)
        found = nearest.squared_distances(sources, targets[: len(sources)])
        for source, target, squares in zip(sources, targets, found, strict=False):
            expected = np.rint(distance_transform_edt(~target)[source] ** 2)
            assert squares.dtype == np.int64
            np.testing.assert_array_equal(squares, expected)

    holds()


def test_a_tall_image_has_distances_past_sixteen_bits():
    source, target = np.zeros((2, 40_000, 2), bool)
    source[0, 0] = target[-1, 1] = True
    assert nearest.squared_distances([source], [target])[0].tolist() == [39_999**2 + 1]


@settings(deadline=None, max_examples=40)
@CASES
def test_classes_together_are_as_each_by_itself(seed, of_sources, of_targets):
    sources, targets = masks(seed, of_sources, of_targets)
    pairs = list(zip(sources, targets, strict=False))
    np.testing.assert_equal(surfaces_of(pairs, 2.0), [surfaces(*pair, 2.0) for pair in pairs])
