"""How far a network and thresholding disagree on a frame, and which disagreement is more than its own frames showed.

No truth is looked at. Where both agree both may be wrong; where they disagree more than they ever did out of fold, one
of them has lost hold of the frame, and thresholding never learnt what could have changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.data.placement import Placed
from hemoseg.data.resize import resize_image, resize_labels
from hemoseg.labels.otsu import otsu_mask
from hemoseg.labels.thresholded import touching_parted, typical_area
from hemoseg.tables.trust import COUNTS, counted, large, ranked

FALSE_ALARMS = 0.05  # share of frames like those of training that may be flagged; half of it by each measure. Ours
MOST_SIDE = 1024  # pixels on the network's grid; of a larger image the middle is looked at
WORD = "disputed"  # of the flag
SENTENCE = (
    "network and auto-label disagree more than in cross-validation: {measure} is {value:.2f}, "
    "{side} {limit:.2f} was seen in {frames} frames"
)
MEASURES = {"dice": ("their Dice", "at least"), "disputed": ("the share of disputed cells", "at most")}
NOT_KNOWN = "the model says nothing of how far it agrees with thresholding: frames that it loses are not told"


def agreement(mask: np.ndarray, image: np.ndarray) -> dict[str, float]:
    """How far a network's foreground agrees with Otsu's threshold on one frame.

    Touching cells are parted on both sides by one rule (`labels.thresholded.touching_parted`), so that what differs is
    what the network and the threshold hold for a cell.

    Args:
        mask: the network's foreground, bool ``(H, W)``.
        image: ``(C, H, W)``, on the same grid, which should be that of the network's training.

    Returns:
        ``dice`` of the pixels of the cells, ``disputed``, the share of the cells of both sides without a partner of an
        IoU above 0.5, ``cells`` of the network, ``label_cells`` of the threshold (`tables.trust.ranked`), and
        ``typical_area``, of a cell by the threshold, in pixels.
    """
    threshold = otsu_mask(image.astype(np.float32).mean(axis=0))
    typical = typical_area(threshold)
    found, label = (touching_parted(one, typical) for one in (mask, threshold))
    counts = pd.DataFrame([counted(_placed(label), _placed(found))])[list(COUNTS)]
    row = ranked(pd.concat([counts.assign(frame=""), large([np.zeros(0)])], axis=1)).iloc[0]
    said = {name: float(row[name]) for name in ("dice", "disputed", "cells", "label_cells")}
    return said | {"typical_area": typical}


def _placed(cells: np.ndarray) -> Placed:
    classes = (cells > 0).astype(np.uint8)
    return Placed(classes, cells, None, np.ones(cells.shape, bool))


def reference(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """What agreement was seen out of fold, and from where on it is less than that; ready for JSON.

    The limit of each measure is passed by at most half of `FALSE_ALARMS` of frames like these (the order statistic of
    conformal prediction, Vovk et al. 2005); with fewer than 39 frames it is the worst that was seen.

    Args:
        rows: of `agreement`, a row per frame that the network was not trained on.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError("agreement of no frame says nothing")
    table = {name: np.array([row[name] for row in rows], float) for name in (*MEASURES, "typical_area")}
    told = {
        "dice": {"median": float(np.median(table["dice"])), "least": -_limit(-table["dice"])},
        "disputed": {"median": float(np.median(table["disputed"])), "most": _limit(table["disputed"])},
    }
    areas = table["typical_area"][table["typical_area"] > 0]
    return {"frames": len(rows), **told, "typical_area": float(np.median(areas)) if len(areas) else 0.0}


def _limit(scores: np.ndarray) -> float:
    """What a share of half `FALSE_ALARMS` of the scores passes; none of them where they are too few for that."""
    place = min(int(np.ceil((len(scores) + 1) * (1 - FALSE_ALARMS / 2))), len(scores))
    return float(np.sort(scores)[place - 1])


def judged(row: Mapping[str, float], known: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The flag of a frame by its `agreement` and the model's `reference`: a word and a reason, or nothing."""
    limits = {"dice": known["dice"]["least"], "disputed": known["disputed"]["most"]}
    beyond = [
        SENTENCE.format(measure=words, value=row[name], side=side, limit=limits[name], frames=known["frames"])
        for name, (words, side) in MEASURES.items()
        if (row[name] < limits[name] if name == "dice" else row[name] > limits[name])
    ]
    return [(WORD, beyond[0])] if beyond else []


def agreement_flags(
    image: np.ndarray, instances: np.ndarray, evidence: Mapping[str, Any] | None, scale: float = 1.0
) -> list[tuple[str, str]]:
    """Whether network and thresholding disagree on an image more than out of fold; nothing where that is not known.

    Args:
        image: ``(C, H, W)``; anything that is sliced like an array, such as a file on the disk.
        instances: cells that the network found, ``(H, W)``, sliced likewise.
        evidence: of the model; its ``agreement`` is what `reference` made.
        scale: factor from the image to the grid of the network's training.
    """
    known = (evidence or {}).get("agreement")
    if not known:
        return []
    rows, columns = (_middle(side, MOST_SIDE / scale) for side in image.shape[-2:])
    part, cells = np.asarray(image[:, rows, columns]), np.asarray(instances[rows, columns])
    size = tuple(max(1, round(side * scale)) for side in cells.shape)
    return judged(agreement(resize_labels(cells, size) > 0, resize_image(part, size)), known)


def _middle(side: int, most: float) -> slice:
    start = max(0, round((side - most) / 2))
    return slice(start, side - start)
