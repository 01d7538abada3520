"""How uncertain a network is of an image, from its probabilities."""

import cv2
import numpy as np
import torch
from torch import Tensor

from hemoseg.inference.windows import Predictor


def entropy(probability: np.ndarray) -> np.ndarray:
    """Entropy of each pixel by that of an even guess, float ``(H, W)`` in [0, 1].

    Args:
        probability: float ``(K, H, W)``, K at least 2, sums to 1.
    """
    probability = np.clip(probability, 1e-12, 1)  # 0 log 0 is 0
    return np.clip(-(probability * np.log(probability)).sum(axis=0) / np.log(len(probability)), 0, 1)


def mirrored(predictor: Predictor) -> Predictor:
    """A predictor that averages over an image and its mirror images in either and both directions.

    A cell has no upper side: what a network says of a frame should not depend on how it lies on the stage, and where
    it does the network guesses.
    """

    def predict(images: Tensor) -> Tensor:
        views = [predictor(images.flip(axes)).flip(axes) if axes else predictor(images) for axes in AXES]
        return torch.stack(views).mean(0)

    return predict


AXES: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


def appearance(image: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """What tells an image from others in few numbers, float ``(3 C + 2 + K,)``: colours, sharpness, what is in it.

    Three quantiles of each channel, the logarithm of the mean squared difference of neighbours at the image's own and
    at a quarter of its resolution, and the share of each class.

    Args:
        image: float ``(C, H, W)`` in [0, 1].
        probability: float ``(K, H, W)``.
    """
    colours = np.quantile(image, (0.05, 0.5, 0.95), axis=(1, 2)).ravel()
    grey = image.mean(axis=0).astype(np.float32)
    coarse = cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) if min(grey.shape) > 7 else grey
    energies = [np.log(_differences(one) + 1e-6) for one in (grey, coarse)]
    return np.concatenate([colours, energies, probability.mean(axis=(1, 2))])


def _differences(grey: np.ndarray) -> float:
    """Mean squared difference of neighbours in both directions, 0 for a single pixel."""
    return float(sum((np.diff(grey, axis=axis) ** 2).mean() for axis in (0, 1) if grey.shape[axis] > 1))
