"""Distances to what is outside a mask are right to the last bit, whatever OpenCV does in its threads."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import distance_transform_edt

from hemoseg.labels.distance import FARTHEST, distance_to_outside
from hemoseg.labels.watershed import distance_markers, split_at_markers


@pytest.fixture
def threads():
    before = cv2.getNumThreads()
    yield cv2.setNumThreads
    cv2.setNumThreads(before)


def blobs(size=(301, 407), seed=0):
    return cv2.GaussianBlur(np.random.default_rng(seed).random(size), (0, 0), 4) > 0.5


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_the_distance_is_the_root_of_a_whole_number_rounded_once(mask):
    framed = np.pad(mask, 1)
    assert np.array_equal(distance_to_outside(framed), distance_transform_edt(framed).astype(np.float32))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_bit_depends_on_the_number_of_threads(threads, number):
    threads(number)
    mask = blobs()
    wanted = distance_transform_edt(mask).astype(np.float32)
    for _ in range(5):
        assert np.array_equal(distance_to_outside(mask), wanted)
    assert np.array_equal(distance_to_outside(mask.T), wanted.T)


def test_far_pixels_are_exact_too():
    mask = np.ones((3, 5000), bool)
    mask[1, 0] = False
    found = distance_to_outside(mask)
    assert found.max() > 4 * FARTHEST
    assert np.array_equal(found, np.sqrt((np.arange(3)[:, None] - 1) ** 2 + np.arange(5000.0) ** 2).astype(np.float32))


def test_cells_are_cut_alike_with_one_thread_and_with_two(threads):
    masks, cuts = [blobs((90, 120), seed) for seed in range(20)], []
    for number in (1, 2):
        threads(number)
        cuts.append([split_at_markers(mask, distance_markers(mask)) for mask in masks])
    for one, other in zip(*cuts, strict=True):
        assert np.array_equal(one, other)
