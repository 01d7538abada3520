"""What spoils a field of view, at a strength: each takes an image uint8 ``(C, H, W)`` and gives another."""

import cv2
import numpy as np

from hemoseg.data.field_features import features_of


def blurred(image, sigma):
    """Out of focus by a Gaussian of ``sigma`` pixels; the sensor's grain comes after the optics and stays as it was."""
    light = image.astype(np.float32)
    grain = 255 * features_of(image)["noise"]
    smooth = np.stack([cv2.GaussianBlur(channel, (0, 0), sigma) for channel in light])
    return _eight_bits(smooth + grain * np.random.default_rng(0).standard_normal(smooth.shape))


def vignetted(image, fall):
    """The light falls by ``fall`` from the middle to the corners, with the square of the distance."""
    y, x = (np.linspace(-1, 1, side) for side in image.shape[1:])
    return _eight_bits(image * (1 - fall * (y[:, None] ** 2 + x[None, :] ** 2) / 2))


def exposed(image, factor):
    """Exposed ``factor`` times as long; what exceeds white is white."""
    return _eight_bits(image * np.float32(factor))


def coloured(image, factor):
    """The red channel times ``factor``, the blue one over it: a wrong white balance."""
    return _eight_bits(image * np.array([factor, 1, 1 / factor], np.float32)[: len(image), None, None])


def _eight_bits(light):
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


FAULTS = {
    "blur, sd in px": (blurred, (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)),
    "vignetting, fall in the corner": (vignetted, (0.1, 0.2, 0.3, 0.45, 0.6)),
    "exposure, factor": (exposed, (0.35, 0.5, 0.7, 0.85, 1.15, 1.3, 1.6)),
    "white balance, factor": (coloured, (1.03, 1.06, 1.12, 1.25)),
}
