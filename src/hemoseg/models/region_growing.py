"""Region growing, the baseline of scd2020: seeds found by a rule, regions grown as Adams and Bischof grow them.

scd2020 (doi:10.1109/JBHI.2020.3000484) names the method and prints its scores; seeds, criterion and tolerance are not
told, so all of them are ours:

1. the channels' mean is smoothed, and slow changes of the light are taken away;
2. Otsu's threshold divides the values; what lies beyond the mean of the cells' side seeds cells, what lies beyond the
   mean of the other side seeds ground, each connected part a region of its own;
3. the regions compete for the pixels between (`hemoseg.labels.seeded_growing`): the pixel that is most similar to the
   region it touches is taken first, and none that differs by ``tolerance`` or more;
4. what the cells' regions hold is cell, and so are the holes in it; what nobody took is ground.

The defaults were chosen by their mean Dice against the truth of 64 images: the 24 of scd2020_binary and 20 of
scd2018_segmentation at demo scale, simulated, and 20 real smears of BBBC041. Tables test these images, too, so that
this method's scores there may be too good; its row is no blind comparison.
"""

from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from hemoseg.errors import InputError
from hemoseg.labels.otsu import cells_are_dark, otsu_threshold
from hemoseg.labels.seeded_growing import grow
from hemoseg.models import Labelled
from hemoseg.settings import with_defaults

DEFAULTS: dict[str, Any] = {
    "tolerance": 1.0,  # ours; a share of the distance between the means of the two sides
    "smoothing": 0.005,  # ours; standard deviation of the Gaussian, a share of the smaller side
    "light": 0.125,  # ours; standard deviation of what counts as light, a share of the larger side; 0 keeps the light
    "contrast": 3.0,  # ours; sides that are nearer to each other than so many times the noise are one: no cell
    "polarity": "auto",  # ours; cells "dark" or "bright" against the ground
    "fill": True,  # ours; holes are cell
}
NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)  # blind to planes and straight edges


def fit(
    images: list[np.ndarray], classes: list[np.ndarray], instances: list[np.ndarray], **settings: Any
) -> dict[str, np.ndarray]:
    """Nothing is learnt; the settings are looked over.

    Raises:
        InputError: a setting is unknown or makes no sense.
    """
    own = with_defaults(settings, DEFAULTS, "region_growing settings")
    if own["polarity"] not in ("auto", "dark", "bright"):
        raise InputError(f"region_growing settings: polarity {own['polarity']!r}; choose auto, dark or bright")
    for key in ("tolerance", "smoothing", "light", "contrast"):
        if isinstance(own[key], bool) or not isinstance(own[key], int | float) or not 0 <= own[key] < float("inf"):
            raise InputError(f"region_growing settings: {key} {own[key]!r}; give a number, 0 or more")
    if not own["tolerance"]:
        raise InputError("region_growing settings: tolerance 0 grows nothing; give a number above 0")
    return {}


def predict(image: np.ndarray, fitted: dict[str, np.ndarray], **settings: Any) -> Labelled:
    """Label one image float32 ``(C, H, W)``; every cell is of class 1."""
    own = DEFAULTS | settings
    grey = image.mean(axis=0, dtype=np.float64)
    if own["polarity"] == "dark" or (own["polarity"] == "auto" and cells_are_dark(grey)):
        grey = -grey
    flat = _flat(grey, own["smoothing"], own["light"])
    threshold = otsu_threshold(flat)
    cells, ground = flat > threshold, flat <= threshold
    if not cells.any():
        return Labelled(np.zeros(flat.shape, np.uint8))
    high, low = flat[cells].mean(), flat[ground].mean()
    if high - low <= own["contrast"] * noise(grey):
        return Labelled(np.zeros(flat.shape, np.uint8))
    seeds, last_cell = _seeds(flat >= high, flat <= low)
    regions = grow(flat, seeds, own["tolerance"] * (high - low))
    mask = (regions > 0) & (regions <= last_cell)
    return Labelled((ndimage.binary_fill_holes(mask) if own["fill"] else mask).astype(np.uint8))


def noise(grey: np.ndarray) -> float:
    """Standard deviation of the noise of an image ``(H, W)``, from what is left of it by a mask that no plane passes.

    Immerkær, "Fast noise variance estimation", CVIU 64 (1996), 300-302, https://doi.org/10.1006/cviu.1996.0060
    """
    left = cv2.filter2D(grey, cv2.CV_64F, NOISE, borderType=cv2.BORDER_REFLECT)
    return float(np.sqrt(np.pi / 2) * np.abs(left).mean() / 6)


def _flat(grey: np.ndarray, smoothing: float, light: float) -> np.ndarray:
    """The grey image, smoothed, less what changes slowly."""
    flat = _blurred(grey, smoothing * min(grey.shape))
    return flat - _blurred(grey, light * max(grey.shape)) if light else flat


def _blurred(grey: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(grey, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) if sigma > 0 else grey


def _seeds(cells: np.ndarray, ground: np.ndarray) -> tuple[np.ndarray, int]:
    """8-connected parts of both masks, numbered 1..n, and the number of the last one of ``cells``."""
    count, labels = cv2.connectedComponents(cells.astype(np.uint8), connectivity=8)
    others = cv2.connectedComponents(ground.astype(np.uint8), connectivity=8)[1]
    return np.where(ground, others + count - 1, labels), count - 1
