"""The contract of a model that is fitted at once: what prediction and the tables take for granted."""

from functools import cache

import numpy as np
import pytest

CLASSES = 2  # background and cell


def smear(channels, size=(48, 60), seed=0):
    """An image of bright ground with dark discs, its classes and its cells."""
    random = np.random.default_rng(seed)
    rows, columns = np.indices(size)
    instances = np.zeros(size, np.int32)
    for number, (r, c) in enumerate([(0.25, 0.25), (0.3, 0.7), (0.7, 0.5)], start=1):
        disc = (rows - r * size[0]) ** 2 + (columns - c * size[1]) ** 2 < (min(size) / 7) ** 2
        instances[disc] = number
    image = np.where(instances > 0, 0.3, 0.8) + 0.02 * random.standard_normal((channels, *size))
    return np.clip(image, 0, 1).astype(np.float32), (instances > 0).astype(np.uint8), instances


@cache  # a forest takes a second
def fitted(module, channels):
    images, classes, instances = (list(each) for each in zip(*[smear(channels, seed=s) for s in range(3)], strict=True))
    return module.fit(images, classes, instances)


def check(said, size):
    assert said.classes.dtype == np.uint8
    assert said.classes.shape == size
    assert said.classes.max(initial=0) < CLASSES
    if said.probability is not None:
        assert said.probability.dtype == np.float32
        assert said.probability.shape == (CLASSES, *size)
        assert np.allclose(said.probability.sum(axis=0), 1, atol=1e-5)
        assert np.array_equal(said.probability.argmax(axis=0), said.classes)
    if said.instances is not None:
        assert said.instances.dtype == np.int32
        assert said.instances.shape == size
        assert said.instances.min(initial=0) >= 0
        assert (said.classes[said.instances > 0] > 0).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(48, 60), (33, 41), (5, 7)])
def test_labels_have_the_size_of_the_image(classical_file, channels, size):
    arrays = fitted(classical_file, channels)
    assert all(isinstance(name, str) and isinstance(value, np.ndarray) for name, value in arrays.items())
    check(classical_file.predict(smear(channels, size)[0], arrays), size)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_constant_image_has_no_cell(classical_file, level):
    said = classical_file.predict(np.full((3, 20, 30), level, np.float32), fitted(classical_file, 3))
    check(said, (20, 30))
    assert not said.classes.any()


def test_an_image_is_labelled_the_same_twice_and_left_alone(classical_file):
    image, arrays = smear(3)[0], fitted(classical_file, 3)
    kept = image.copy()
    a, b = classical_file.predict(image, arrays), classical_file.predict(image, arrays)
    assert np.array_equal(image, kept)
    for name in ("classes", "probability", "instances"):
        assert np.array_equal(getattr(a, name), getattr(b, name))


def test_clear_cells_are_found(classical_file):
    image, classes, _ = smear(3, (96, 120), seed=9)
    said = classical_file.predict(image, fitted(classical_file, 3))
    hit = int(((said.classes > 0) & (classes > 0)).sum())
    assert 2 * hit / int((said.classes > 0).sum() + (classes > 0).sum()) > 0.8
