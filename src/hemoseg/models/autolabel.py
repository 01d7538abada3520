"""The automatic labels of autocsc as a method of their own, so that every table says how good they are.

With ``search`` the settings are those that fit the training images best: a table then tests them on images that had no
say. The class of a cell is that of its image's kind, as the automatic labels have it; no other class map is looked at.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from hemoseg.labels.autolabel import autolabel
from hemoseg.labels.autolabel_kinds import LabelledImage, checked, class_values, of_kind, searched
from hemoseg.models import Labelled

IGNORED = 255  # class of pixels of which nothing is known


def fit(
    images: list[np.ndarray],
    classes: list[np.ndarray],
    instances: list[np.ndarray],
    *,
    kinds: Sequence[str] = (),
    class_names: Sequence[str] = ("background", "cell"),
    **settings: Any,
) -> dict[str, np.ndarray]:
    """Settings with those that are to be searched in place, as the bytes of JSON; else nothing is learnt.

    Where no image has labels nothing is searched, which is said on standard error.

    Args:
        images: float32 ``(C, H, W)`` in [0, 1].
        classes: truth, uint8 ``(H, W)``, 255 ignored; read for a search alone.
        instances: not read.
        kinds: of each image; none is known where there are none.
        class_names: background first.
        settings: see `hemoseg.labels.autolabel_kinds.DEFAULTS`.

    Raises:
        InputError: a setting is unknown or makes no sense.
    """
    own, found = checked(settings), {}
    own["class_of_kind"] = class_values(own, class_names)
    if own["search"] is not False:
        shown = zip(kinds or [""] * len(images), images, classes, strict=True)
        labelled = [LabelledImage(k, i, (c > 0) & (c != IGNORED), c != IGNORED) for k, i, c in shown]
        labelled = [one for one in labelled if one.known.any()]
        if labelled:
            own, found = searched(own, labelled)
        else:  # of a few labelled frames a fold may test them all
            print("autolabel: no training image has labels; the settings are not searched", file=sys.stderr)
    told = {"settings": own, "search": {kind: one._asdict() for kind, one in found.items()}}
    return {"chosen": np.frombuffer(bytearray(json.dumps(told).encode()), np.uint8)}


def predict(image: np.ndarray, fitted: dict[str, np.ndarray], *, kind: str = "", **settings: Any) -> Labelled:
    """Label one image float32 ``(C, H, W)``; every cell has the class of the image's kind, 1 where it has none."""
    own = _chosen(fitted)["settings"]
    instances = autolabel(image, of_kind(own, kind))
    value = own["class_of_kind"].get(kind, 1)
    return Labelled(np.where(instances > 0, value, 0).astype(np.uint8), instances=instances)


def describe(fitted: dict[str, np.ndarray]) -> dict[str, Any]:
    """What the search found, by kind; nothing where nothing was searched."""
    found = _chosen(fitted)["search"]
    return {"autolabel_search": found} if found else {}


def _chosen(fitted: dict[str, np.ndarray]) -> dict[str, Any]:
    return json.loads(fitted["chosen"].tobytes())
