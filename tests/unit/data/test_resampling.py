"""Rows at another size are those of the resized image, however many are asked for at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.data.resampling import Resampled, axis_weights
from hemoseg.data.resize import resize_image

sides = st.integers(1, 60)


def smooth(size, dtype=np.uint8):
    """Noise on slow waves, so that no rounding is told from another."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    wave = 0.5 + 0.3 * np.sin(rows / 9) * np.cos(columns / 7)
    noise = np.random.default_rng(0).normal(0, 0.05, (3, *size))
    return (np.clip(wave + noise, 0, 1) * np.iinfo(dtype).max).astype(dtype)


@settings(max_examples=30, deadline=None)
@given(source=st.tuples(sides, sides), target=st.tuples(sides, sides), step=st.integers(1, 13))
def test_strips_have_no_seams(source, target, step):
    image = smooth(source)
    whole = Resampled(lambda a, b: image[:, a:b], source, target)
    strips = [whole.rows(first, min(first + step, target[0])) for first in range(0, target[0], step)]
    assert np.array_equal(np.concatenate(strips, axis=1), whole.rows(0, target[0]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("target", [(30, 40), (61, 47), (25, 90), (200, 33), (77, 99)])
def test_it_is_the_image_that_training_saw(dtype, target):
    image = smooth((60, 80), dtype)
    ours = Resampled(lambda a, b: image[:, a:b], (60, 80), target).rows(0, target[0])
    assert ours.dtype == dtype
    difference = np.abs(ours.astype(int) - resize_image(image, target).astype(int))
    assert difference.max() <= (1 if dtype == np.uint8 else 40)  # OpenCV keeps 11 bits of a weight
    assert difference.mean() < (0.5 if dtype == np.uint8 else 10)


@given(source=st.integers(1, 300), target=st.integers(1, 300))
def test_weights_sum_to_one_and_keep_the_mean(source, target):
    weights = axis_weights(source, target)
    assert weights.shape == (target, source)
    assert np.allclose(weights.sum(axis=1), 1)
    assert weights.data.min() >= 0
    if target <= source:
        assert np.allclose(weights.sum(axis=0), target / source)
