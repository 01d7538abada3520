"""Otsu's threshold on the grey image: the least that a network has to beat."""

import numpy as np

from hemoseg.labels.otsu import otsu_mask
from hemoseg.models import Labelled


def fit(images: list[np.ndarray], classes: list[np.ndarray], instances: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Nothing is learnt."""
    return {}


def predict(image: np.ndarray, fitted: dict[str, np.ndarray]) -> Labelled:
    """Label one image float32 ``(C, H, W)``; every cell is of class 1."""
    return Labelled(otsu_mask(image.mean(axis=0)).astype(np.uint8))
