import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.data.resize import resize_image, resize_labels

SIZES = st.tuples(st.integers(1, 17), st.integers(1, 17))


def nearest_by_loops(labels, size):
    """The value under the centre of each new pixel, one at a time."""
    result = np.zeros(size, labels.dtype)
    for row in range(size[0]):
        for column in range(size[1]):
            y = (row + 0.5) * labels.shape[0] / size[0]
            x = (column + 0.5) * labels.shape[1] / size[1]
            result[row, column] = labels[int(y), int(x)]
    return result


@settings(deadline=None)
@given(SIZES, SIZES, st.integers(0, 2**32 - 1))
def test_labels_take_the_value_under_the_centre(source, target, seed):
    labels = np.random.default_rng(seed).integers(0, 70000, source).astype(np.int32)
    resized = resize_labels(labels, target)
    assert resized.dtype == labels.dtype
    assert np.array_equal(resized, nearest_by_loops(labels, target))


def test_labels_of_the_same_size_stay_as_they_are():
    labels = np.arange(35).reshape(5, 7)
    assert np.array_equal(resize_labels(labels, (5, 7)), labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_an_image_that_shrinks_by_whole_numbers_is_the_mean_of_its_blocks(dtype):
    image = np.random.default_rng(0).integers(0, 255, (4, 12, 20)).astype(dtype)
    means = image.reshape(4, 4, 3, 5, 4).mean(axis=(2, 4))
    resized = resize_image(image, (4, 5))
    assert resized.dtype == dtype
    assert resized.shape == (4, 4, 5)
    assert np.abs(resized - means).max() <= 0.51


def test_one_axis_may_shrink_while_the_other_grows_without_aliasing():
    stripes = np.zeros((1, 8, 400), np.uint8)
    stripes[:, :, ::2] = 200
    resized = resize_image(stripes, (32, 50))
    assert resized.shape == (1, 32, 50)
    assert np.abs(resized.astype(int) - 100).max() <= 1, "stripes finer than a pixel average to grey"


def test_a_constant_image_stays_constant_at_any_size():
    image = np.full((2, 9, 13), 40000, np.uint16)
    for size in ((5, 5), (20, 4), (3, 40), (33, 44)):
        assert (resize_image(image, size) == 40000).all()
