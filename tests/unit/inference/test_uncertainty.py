import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from hemoseg.inference.uncertainty import appearance, entropy, mirrored


@given(classes=st.integers(2, 5), seed=st.integers(0, 1000))
def test_entropy_is_that_of_scipy(classes, seed):
    probability = np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), (5, 7)).transpose(2, 0, 1)
    wanted = scipy.stats.entropy(probability, base=classes, axis=0)
    np.testing.assert_allclose(entropy(probability), wanted, atol=1e-9)


def test_entropy_spans_nought_to_one():
    sure = np.zeros((3, 2, 2))
    sure[1] = 1
    assert entropy(sure).max() < 1e-9
    assert entropy(np.full((3, 2, 2), 1 / 3)).min() == pytest.approx(1)


def uneven(images):
    """Says what depends on the place: brightness times a ramp to the right and down."""
    ramp = torch.linspace(0, 1, images.shape[-1]) * torch.linspace(0.2, 1, images.shape[-2])[:, None]
    first = images.mean(1) * ramp
    return torch.stack([first, 1 - first], 1)


def test_the_mean_over_mirror_images_does_not_depend_on_how_the_image_lies():
    images = torch.rand(2, 3, 6, 9, generator=torch.Generator().manual_seed(0))
    said = mirrored(uneven)(images)
    for axes in ((-1,), (-2,), (-2, -1)):
        torch.testing.assert_close(mirrored(uneven)(images.flip(axes)).flip(axes), said)
        assert not torch.allclose(uneven(images.flip(axes)).flip(axes), uneven(images))
    torch.testing.assert_close(said.sum(1), torch.ones(2, 6, 9))


def test_appearance_tells_brighter_blurred_and_fuller_images_apart():
    rng = np.random.default_rng(0)
    image, cells = rng.random((3, 40, 48)).astype(np.float32) * 0.5, np.zeros((2, 40, 48))
    cells[0] = 1
    plain = appearance(image, cells)
    assert plain.shape == (3 * 3 + 2 + 2,)
    assert (appearance(image + 0.2, cells)[:9] > plain[:9]).all()
    smooth = (image + np.roll(image, 1, -1)) / 2
    assert appearance(smooth, cells)[9] < plain[9] - 0.3
    assert appearance(image, cells[::-1])[-1] == 1
    np.testing.assert_allclose(appearance(image[..., ::-1], cells), plain, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2)])
def test_tiny_images_have_an_appearance(size):
    said = appearance(np.ones((1, *size), np.float32), np.ones((2, *size)) / 2)
    assert np.isfinite(said).all()
