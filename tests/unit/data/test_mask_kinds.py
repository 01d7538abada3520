"""What label images hold, told from their numbers."""

import numpy as np
import pytest

from hemoseg.data.mask_kinds import CLASSES, INSTANCES, MASK, class_map, foreground, kind_of, seen

BLOBS = np.kron(np.arange(1, 31).reshape(5, 6), np.pad(np.ones((4, 4), int), 1))  # 30 cells, none of which touch


def few(*numbers):
    """One blob of each number."""
    return np.kron(np.array([numbers]), np.pad(np.ones((4, 4), int), 1))


SETS = {
    "0 and 255": ([np.where(BLOBS > 0, 255, 0)] * 2, MASK),
    "0 and 1, some images of one another way": ([np.minimum(BLOBS, 1), np.where(BLOBS > 0, 255, 0)], MASK),
    "nothing at all": ([np.zeros((3, 3), int)], MASK),
    "many cells": ([BLOBS, BLOBS[:12]], INSTANCES),
    "few cells, not as many everywhere": ([few(1, 2, 3, 4, 5, 6), few(1, 2), few(1, 2, 3)], INSTANCES),
    "one cell, and two": ([few(1), few(1, 2)], INSTANCES),
    "one huge number": ([few(2_000_000_000), few(7)], INSTANCES),
    "classes of many cells": ([np.where(BLOBS > 0, BLOBS % 3 + 1, 0)], CLASSES),
    "with ignored pixels": ([np.where(BLOBS > 20, 255, np.minimum(BLOBS, 1)), few(1)], CLASSES),
    "body and nucleus of one cell": ([few(1, 2)] * 3, CLASSES),
    "one cell each, of some class": ([few(2), few(1), few(3)], CLASSES),
}


@pytest.mark.parametrize("name", SETS)
def test_numbers_tell_what_they_are(name):
    images, kind = SETS[name]
    assert kind_of([seen(one) for one in images]) == kind


def test_ignored_pixels_are_no_number():
    assert list(seen(few(1, 2, 255), ignore=255).numbers) == [1, 2]
    assert list(seen(few(1, 2, 255)).numbers) == [1, 2, 255]
    np.testing.assert_array_equal(class_map(few(1, 7), ignore=7), np.where(few(1, 7) == 7, 255, few(1, 7)))
    np.testing.assert_array_equal(foreground(few(3, 7), ignore=7), np.where(few(3, 7) == 7, 255, few(3, 7) > 0))
