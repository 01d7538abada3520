"""The automatic labels of autocsc as a method of their own, so that every table says how good they are."""

from typing import Any

import numpy as np

from hemoseg.labels.autolabel import DEFAULTS, autolabel, checked
from hemoseg.models import Labelled
from hemoseg.settings import with_defaults

OF_THE_STEP = {"class_of_kind": {}}  # of the params section `autolabel`, no matter here: every cell is of class 1


def fit(
    images: list[np.ndarray], classes: list[np.ndarray], instances: list[np.ndarray], **settings: Any
) -> dict[str, np.ndarray]:
    """Nothing is learnt; the settings are looked over.

    Raises:
        InputError: a setting is unknown or makes no sense.
    """
    own = with_defaults(settings, DEFAULTS | OF_THE_STEP, "autolabel settings")
    checked({key: own[key] for key in DEFAULTS})
    return {}


def predict(image: np.ndarray, fitted: dict[str, np.ndarray], **settings: Any) -> Labelled:
    """Label one image float32 ``(C, H, W)``; every cell is of class 1."""
    instances = autolabel(image, settings)
    return Labelled((instances > 0).astype(np.uint8), instances=instances)
