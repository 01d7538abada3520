"""Responses of a pixel's surroundings to filters at several scales: what a pixel classifier sees.

The families and the scales are those that ilastik offers (Berg et al., "ilastik: interactive machine learning for
(bio)image analysis", Nature Methods 16 (2019), 1226-1232, https://doi.org/10.1038/s41592-019-0582-9); its factors, 0.66
for the narrower Gaussian of a difference and 0.5 for the outer scale of a structure tensor, are kept.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

SCALES = (0.3, 0.7, 1.0, 1.6, 3.5, 5.0, 10.0)  # ilastik's, standard deviations in pixels
FAMILIES = (
    "gaussian",
    "laplacian",
    "gradient_magnitude",
    "difference_of_gaussians",
    "structure_tensor",
    "hessian",
)
PER_FAMILY = {family: 2 if family in ("structure_tensor", "hessian") else 1 for family in FAMILIES}
TRUNCATE = 4.0  # standard deviations at which a Gaussian ends, as in scipy.ndimage
NARROW = 0.66  # of the second Gaussian of a difference
OUTER = 0.5  # scale at which a structure tensor is averaged, as a share of that of its gradient


def count(channels: int, scales: Sequence[float], families: Sequence[str] = FAMILIES) -> int:
    """Number of features of a pixel."""
    return channels * len(scales) * sum(PER_FAMILY[family] for family in families)


def reach(scales: Sequence[float]) -> int:
    """How far from a pixel its features look, in pixels."""
    return max(_radius(scale) + _radius(scale * OUTER) for scale in scales)


def pixel_features(image: np.ndarray, scales: Sequence[float], families: Sequence[str] = FAMILIES) -> np.ndarray:
    """Features of every pixel; the image is mirrored at its borders (the last row is repeated).

    Args:
        image: float ``(C, H, W)``.
        scales: standard deviations in pixels.
        families: some of `FAMILIES`.

    Returns:
        float32 ``(H, W, F)`` in the order channel, scale, family; eigenvalues with the larger one first.
    """
    found = [
        response
        for channel in image
        for scale in scales
        for response in _responses(np.ascontiguousarray(channel, np.float32), scale, families)
    ]
    return np.stack(found, axis=-1)


def feature_strips(
    image: np.ndarray, scales: Sequence[float], families: Sequence[str] = FAMILIES, rows: int = 64
) -> Iterator[tuple[slice, np.ndarray]]:
    """`pixel_features` strip by strip, so that memory does not grow with the image's height.

    Yields:
        The rows of a strip and its features, float32 ``(rows, W, F)``.
    """
    height, margin = image.shape[1], reach(scales)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        first, last = max(0, top - margin), min(height, bottom + margin)
        features = pixel_features(image[:, first:last], scales, families)
        yield slice(top, bottom), features[top - first : bottom - first]


def _responses(channel: np.ndarray, scale: float, families: Sequence[str]) -> Iterator[np.ndarray]:
    made = {
        "gaussian": lambda: [_filtered(channel, scale, 0, 0)],
        "laplacian": lambda: [_filtered(channel, scale, 2, 0) + _filtered(channel, scale, 0, 2)],
        "gradient_magnitude": lambda: [np.hypot(_filtered(channel, scale, 1, 0), _filtered(channel, scale, 0, 1))],
        "difference_of_gaussians": lambda: [_filtered(channel, scale, 0, 0) - _filtered(channel, scale * NARROW, 0, 0)],
        "structure_tensor": lambda: _structure_tensor(channel, scale),
        "hessian": lambda: _eigenvalues(*(_filtered(channel, scale, r, 2 - r) for r in (2, 1, 0))),
    }
    for family in families:
        yield from made[family]()


def _structure_tensor(channel: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    down, right = _filtered(channel, scale, 1, 0), _filtered(channel, scale, 0, 1)
    products = (down * down, down * right, right * right)
    return _eigenvalues(*(_filtered(product, scale * OUTER, 0, 0) for product in products))


def _eigenvalues(rr: np.ndarray, rc: np.ndarray, cc: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the symmetric matrices ((rr, rc), (rc, cc)), the larger first."""
    middle, spread = (rr + cc) / 2, np.hypot((rr - cc) / 2, rc)
    return middle + spread, middle - spread


def _filtered(channel: np.ndarray, scale: float, down: int, right: int) -> np.ndarray:
    """Derivative of the given order along rows and columns of the channel under a Gaussian, ``(H, W)``."""
    return cv2.sepFilter2D(
        channel, cv2.CV_32F, _kernel(scale, right), _kernel(scale, down), borderType=cv2.BORDER_REFLECT
    )


def _kernel(scale: float, order: int) -> np.ndarray:
    """A sampled Gaussian of sum 1, or its derivative, ready to be correlated with.

    As in vigra, which ilastik uses, a derivative is made exact where sampling has bent it: a constant has none, and
    that of ``x**order / order!`` is 1. Without this the second derivative at 0.3 pixels would mostly see brightness.
    """
    x = np.arange(-_radius(scale), _radius(scale) + 1, dtype=float)
    gaussian = np.exp(-0.5 * (x / scale) ** 2)
    if order == 0:
        return gaussian / gaussian.sum()
    kernel = gaussian * (x if order == 1 else x**2 - scale**2)
    kernel -= kernel.mean()
    return kernel * order / (kernel * x**order).sum()


def _radius(scale: float) -> int:
    return max(1, int(TRUNCATE * scale + 0.5))
