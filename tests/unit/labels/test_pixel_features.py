import numpy as np
import pytest
from scipy import ndimage
from skimage.feature import hessian_matrix_eigvals, structure_tensor_eigenvalues

from hemoseg.labels.pixel_features import FAMILIES, SCALES, count, feature_strips, pixel_features


def image(channels=2, size=(33, 47), seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (channels, *size)).astype(np.float32)


def by_scipy(channel, scale, family):
    """The same in float64 with scipy's filters and scikit-image's eigenvalues, ``(n, H, W)``."""
    channel = channel.astype(float)

    def gaussian(scale, *order):
        return ndimage.gaussian_filter(channel, scale, order=order or 0, mode="reflect", truncate=4.0)

    down, right = gaussian(scale, 1, 0), gaussian(scale, 0, 1)
    smooth = [ndimage.gaussian_filter(p, scale / 2, mode="reflect") for p in (down * down, down * right, right * right)]
    return {
        "gaussian": lambda: gaussian(scale)[None],
        "laplacian": lambda: ndimage.gaussian_laplace(channel, scale, mode="reflect")[None],
        "gradient_magnitude": lambda: ndimage.gaussian_gradient_magnitude(channel, scale, mode="reflect")[None],
        "difference_of_gaussians": lambda: (gaussian(scale) - gaussian(0.66 * scale))[None],
        "structure_tensor": lambda: structure_tensor_eigenvalues(smooth),
        "hessian": lambda: hessian_matrix_eigvals(
            [gaussian(scale, 2, 0), gaussian(scale, 1, 1), gaussian(scale, 0, 2)]
        ),
    }[family]()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(33, 47), (5, 7), (1, 9)])
def test_features_are_those_of_scipy_and_scikit_image(family, size):
    x, scales = image(size=size), [1.6, 3.5, 5.0, 10.0]  # where sampling bends no derivative
    wanted = np.concatenate([by_scipy(channel, scale, family) for channel in x for scale in scales])
    found = pixel_features(x, scales, [family])
    assert found.dtype == np.float32
    assert found.shape == (*size, count(2, scales, [family]))
    for ours, theirs in zip(found.transpose(2, 0, 1), wanted, strict=True):
        assert np.allclose(ours, theirs, atol=1e-2 * abs(theirs).max() + 1e-6)  # ended at 4 deviations


@pytest.mark.parametrize("scale", SCALES)
def test_derivatives_of_a_polynomial_are_exact(scale):
    rows, columns = np.mgrid[-1:1:161j, -1:1:161j]
    step = rows[1, 0] - rows[0, 0]
    x = (3 + 2 * rows - columns + rows**2 / 2 + 2 * rows * columns - columns**2)[None].astype(np.float32)
    middle = (80, 80)  # of the mirrored borders even the widest filter sees nothing
    laplacian, gradient, high, low = pixel_features(x, [scale], ["laplacian", "gradient_magnitude", "hessian"])[middle]
    assert laplacian / step**2 == pytest.approx(1 - 2, abs=0.02)
    assert gradient / step == pytest.approx(np.hypot(2, 1), rel=1e-3)
    assert np.array([high, low]) / step**2 == pytest.approx(np.linalg.eigvalsh([[1, 2], [2, -2]])[::-1], abs=0.02)


def test_a_turned_image_has_turned_features():
    x = image(size=(31, 40))
    turned = pixel_features(np.rot90(x, axes=(1, 2)), SCALES)
    assert np.allclose(turned, np.rot90(pixel_features(x, SCALES)), atol=1e-4)


def test_a_constant_has_its_own_value_and_no_other_feature():
    found = pixel_features(np.full((1, 20, 30), 0.7, np.float32), SCALES)
    order = [family for _ in SCALES for family in FAMILIES for _ in range(1 + family.startswith(("struc", "hess")))]
    smooth = np.array(order) == "gaussian"
    assert np.allclose(found[..., smooth], 0.7, atol=1e-5)
    assert np.allclose(found[..., ~smooth], 0, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_strips_put_together_are_the_whole(rows):
    x = image(size=(90, 21))
    strips = list(feature_strips(x, [0.7, 5.0], rows=rows))
    assert [part.start for part, _ in strips] == list(range(0, 90, rows))
    assert np.array_equal(np.concatenate([features for _, features in strips]), pixel_features(x, [0.7, 5.0]))
