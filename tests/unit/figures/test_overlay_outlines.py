"""Outlines of an overlay lie inside their cells, in the colours of their classes, thick enough for the picture."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, generate_binary_structure

from hemoseg.figures.outlines import COLOURS, FINE, outlined


def of(labels, kinds, longest=2000):
    grey = np.full((3, *labels.shape), 128, np.uint8)
    return outlined(lambda a, b: grey[:, a:b], lambda a, b: labels[a:b], labels.shape, np.array(kinds), longest)


@pytest.mark.parametrize(("side", "wide"), [(60, 1), (FINE, 1), (FINE + 1, 2)])
def test_an_outline_is_what_an_erosion_takes_off(side, wide):
    labels = np.zeros((40, side), np.int32)
    labels[5:20, 3:20], labels[20:33, 10:30] = 1, 2  # they touch
    picture, structure = of(labels, [1, 2]), generate_binary_structure(2, 1)
    expected = np.full((*labels.shape, 3), 128, np.uint8)
    for cell in (1, 2):
        rim = (labels == cell) & ~binary_erosion(labels == cell, structure, wide)
        expected[rim] = [int(COLOURS[cell - 1][place : place + 2], 16) for place in (1, 3, 5)]
    assert np.array_equal(picture, expected)


def test_a_large_picture_is_shrunk():
    labels = np.zeros((30, 300), np.int32)
    labels[5:25, 50:250] = 1
    assert of(labels, [1], longest=100).shape == (10, 100, 3)
