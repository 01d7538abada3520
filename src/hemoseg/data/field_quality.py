"""Which fields of view should not be counted, and why: each is held against the frames that a network was trained on.

A limit is calibrated on those frames: each is judged by the frames of the other patients (of the other frames, where
no patient is named), and the limit is what hardly any of them passes. So a frame of a new patient that was taken as
they were passes it as seldom as one of them would (Bates et al. 2023, DOI 10.1214/22-AOS2244, call this conformal).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hemoseg.data.field_features import NAMES, features_of
from hemoseg.data.likeness import Likeness, likeness, mahalanobis
from hemoseg.data.resize import resize_image, resize_labels

FALSE_ALARMS = 0.01  # share of the frames that may pass a limit, of each word
LEAST_LIMIT = 4.0  # robust standard deviations: no limit is nearer, however alike the frames are
# Likewise of the distance, 1 of usual frames: one frame in 50,000 of ten independent normal features passes it.
LEAST_DISTANCE = 2.0
MOST_TIMES = 3.0  # of the least limit: training frames beyond are broken themselves, and do not excuse others; ours
MOST_SATURATED = 0.05  # share of pixels at white above which a field is refused without any reference
MOST_FIELDS = 16  # parts of a large image that are looked at
BAD_PARTS = 0.25  # share of its parts above which a large image is flagged
# What the distance of a field from the training frames is made of. The number of cells is the patient's and not there.
LIKENESS = {
    "edge_width": "focus", "light": "brightness", "noise": "grain", "contrast": "contrast", "red": "stain of the cells",
    "blue": "stain of the cells", "ground_red": "colour of the ground", "ground_blue": "colour of the ground",
    "cell_area": "size of the cells", "outline": "outline of the cells",
}  # fmt: skip
# Differences below these are none that a network notices (not stated, ours): least robust sd, in the feature's unit.
FLOORS = {
    "edge_width": 0.08, "light": 0.02, "saturated": 0.005, "uneven": 0.03, "noise": 0.15, "contrast": 0.03,
    "red": 0.02, "blue": 0.02, "ground_red": 0.01, "ground_blue": 0.01, "covered": 0.03, "touching": 0.05,
    "cell_area": 0.05, "outline": 0.05,
}  # fmt: skip
LOGARITHMIC = {"edge_width": 0.3, "noise": 0.0003}  # and the least that is told apart from nothing
# Word: feature, side on which it is bad, and what it means.
WORDS = {
    "blurred": ("edge_width", 1, "edges are {value:.1f} px wide, {median:.1f} px in the training frames: out of focus"),
    "dark": ("light", -1, "the ground has {value:.0%} of full light, {median:.0%} in the training frames: too dark"),
    "bright": ("light", 1, "the ground has {value:.0%} of full light, {median:.0%} in the training frames: too bright"),
    "saturated": ("saturated", 1, "{value:.0%} of the pixels are at full light, where nothing can be told apart"),
    "uneven_light": ("uneven", 1, "the light falls by {value:.0%} across the field, {median:.0%} in training frames"),
    "crowded": ("covered", 1, "cells cover {value:.0%} of the field, {median:.0%} in training frames: they overlap"),
    "large_cells": ("cell_area", 1, "cells are {wide:.1f} times as wide as in training frames: joined, or {scale}"),
    "small_cells": ("cell_area", -1, "cells are {wide:.2f} times as wide as in training frames: in pieces, or {scale}"),
}
SCALE = "pixels of another size (then divide --scale by that)"
NOT_KNOWN = "the model tells nothing of its training frames: focus, light and crowding of a field are not judged"


def features(image: np.ndarray, instances: np.ndarray | None = None, white: float | None = None) -> dict[str, float]:
    """What can be told of a field: `data.field_features.features_of`."""
    return features_of(image, instances, white)


def reference(
    rows: Sequence[Mapping[str, float]],
    groups: Sequence[str] | None = None,
    *,
    field: tuple[int, int] | None = None,
    white: float | None = None,
) -> dict[str, Any]:
    """What training frames are like, and from where on a field is none of them; ready for JSON.

    Args:
        rows: `features` of each training frame, cells as found by a network that was not trained on it.
        groups: patient or slide of each; a frame is not judged by its own. Frame by frame without them.
        field: rows and columns of such a frame; a much larger image is judged in parts of this size.
        white: number of full light in the frames.

    Returns:
        ``features``: median, robust sd and limits of each; ``distance``: what `distance` needs.

    Raises:
        ValueError: fewer than three frames.
    """
    if len(rows) < 3:
        raise ValueError(f"{len(rows)} frames: a reference needs three or more")
    table = np.array([_scaled(row) for row in rows])
    names = [str(group) or f"frame {i}" for i, group in enumerate(groups or [""] * len(rows))]
    if len(set(names)) < 3:  # of two patients one would be judged by the other alone
        names = [f"frame {i}" for i in range(len(rows))]
    folds = [np.array([name == one for name in names]) for one in dict.fromkeys(names)]
    scores, distances = np.full(table.shape, np.nan), np.full(len(rows), np.nan)
    for held in folds:
        known = _likeness(table[~held])
        scores[held] = known.scores(table[held])
        distances[held] = _distances(scores[held], known)
    known = _likeness(table)
    told = {}
    for i, name in enumerate(NAMES):
        if name in FLOORS and np.isfinite(table[:, i]).any():
            limits = {"high": _limit(scores[:, i]), "low": -_limit(-scores[:, i])}
            told[name] = {"median": float(known.median[i]), "sd": float(known.sd[i])} | limits
    places = [NAMES.index(name) for name in LIKENESS]
    kept = {
        "correlation": known.correlation[np.ix_(places, places)].tolist(),
        "limit": _limit(distances, LEAST_DISTANCE),
    }
    return {
        "frames": len(rows),
        "groups": len(folds),
        "field": list(field) if field else None,
        "white": white,
        "features": told,
        "distance": {"names": list(LIKENESS)} | kept,
    }


def _scaled(row: Mapping[str, float]) -> list[float]:
    """The features in the order of `NAMES`, as logarithms where factors matter."""
    least = LOGARITHMIC
    return [np.log(np.maximum(row[name], least[name])) if name in least else row[name] for name in NAMES]


def _likeness(table: np.ndarray) -> Likeness:
    return likeness(table, np.array([FLOORS.get(name, 1e-6) for name in NAMES]))


def _distances(scores: np.ndarray, known: Likeness) -> np.ndarray:
    """Of the columns of `LIKENESS` among the scores of all, float ``(N,)``."""
    places = [NAMES.index(name) for name in LIKENESS]
    return mahalanobis(scores[:, places], known.correlation[np.ix_(places, places)])


def _limit(scores: np.ndarray, least: float = LEAST_LIMIT) -> float:
    """What a share of `FALSE_ALARMS` of the scores passes, none where they are few; `MOST_TIMES` ``least`` at most."""
    scores = np.sort(scores[np.isfinite(scores)])
    if not len(scores):
        return least
    place = min(int(np.ceil((len(scores) + 1) * (1 - FALSE_ALARMS))), len(scores))
    return float(np.clip(scores[place - 1], least, MOST_TIMES * least))


def distance(row: Mapping[str, float], known: Mapping[str, Any]) -> tuple[float, dict[str, float]]:
    """How far a field is from the training frames, 1 is usual; and by how many robust sd each feature differs.

    Args:
        row: `features` of the field.
        known: of `reference`.
    """
    scores = feature_scores(row, known)
    ordered = np.array([[scores.get(name, np.nan) for name in known["distance"]["names"]]])
    return float(mahalanobis(ordered, np.array(known["distance"]["correlation"]))[0]), scores


def feature_scores(row: Mapping[str, float], known: Mapping[str, Any]) -> dict[str, float]:
    """By how many robust sd each feature differs from the median training frame; what is not known is left out."""
    scaled = dict(zip(NAMES, _scaled(row), strict=True))
    scores = {name: (scaled[name] - of["median"]) / of["sd"] for name, of in known["features"].items()}
    return {name: float(score) for name, score in scores.items() if np.isfinite(score)}


def judged(row: Mapping[str, float], known: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The flags of one field by its features: word and reason."""
    flags = [("empty", "no cell was found")] if row["cells"] == 0 else []
    if known is None:
        return flags + ([("saturated", _said("saturated", row, 0.0))] if row["saturated"] > MOST_SATURATED else [])
    far, scores = distance(row, known)
    for word, (name, side, _) in WORDS.items():
        of = known["features"].get(name)
        if of and name in scores and side * scores[name] > side * of["high" if side > 0 else "low"]:
            median = np.exp(of["median"]) if name in LOGARITHMIC else of["median"]
            flags.append((word, _said(word, row, median)))
    if far > known["distance"]["limit"]:
        most = sorted((name for name in LIKENESS if name in scores), key=lambda name: -abs(scores[name]))
        causes = " and ".join(list(dict.fromkeys(LIKENESS[name] for name in most))[:2])
        times = far / known["distance"]["limit"]
        flags.append(("unlike_training", f"{times:.1f} times the distance that training frames keep, by {causes}"))
    return flags


def _said(word: str, row: Mapping[str, float], median: float) -> str:
    name, _, sentence = WORDS[word]
    wide = np.exp((row[name] - median) / 2) if name == "cell_area" else None  # of the logarithm of an area
    return sentence.format(value=row[name], median=median, wide=wide, scale=SCALE)


def field_flags(
    image: np.ndarray,
    instances: np.ndarray,
    evidence: Mapping[str, Any] | None,
    scale: float = 1.0,
    white: float | None = None,
) -> list[tuple[str, str]]:
    """Why an image should not be counted: pairs of a word and a reason in words; none where nothing speaks against it.

    Args:
        image: uint8 or uint16 ``(C, H, W)``; anything that is sliced like an array, such as a file on the disk.
        instances: cells that were found, ``(H, W)``.
        evidence: of the model; its ``frames`` are what `reference` made. Without them only `empty` and `saturated`.
        scale: factor from the image to the samples of the network.
        white: number of full light in the image; without it that of the training frames where both have 16 bits, else
            the largest of the type.
    """
    known = (evidence or {}).get("frames")
    return flags_of(looked_at(image, instances, known, scale, white), known)


def looked_at(
    image: np.ndarray,
    instances: np.ndarray,
    known: Mapping[str, Any] | None,
    scale: float = 1.0,
    white: float | None = None,
) -> list[dict[str, float]]:
    """`features` of an image, or of parts of it where it is more than twice a training frame; see `field_flags`."""
    found = []
    for rows, columns in _parts(image.shape[1:], known, scale):
        part, cells = np.asarray(image[:, rows, columns]), np.asarray(instances[rows, columns])
        size = tuple(max(1, round(side * scale)) for side in cells.shape)
        full = white or ((known or {}).get("white") if part.dtype == np.uint16 else None)
        found.append(features_of(resize_image(part, size), resize_labels(cells, size), full))
    return found


def flags_of(fields: Sequence[Mapping[str, float]], known: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The flags of an image by those of its parts: what more than `BAD_PARTS` of them have."""
    flagged = [dict(judged(row, known)) for row in fields]
    chosen = []
    for word in ("empty", *WORDS, "unlike_training"):
        reasons = [flags[word] for flags in flagged if word in flags]
        enough = len(reasons) == len(fields) if word == "empty" else len(reasons) > BAD_PARTS * len(fields)
        if reasons and enough:
            where = f" (in {len(reasons)} of {len(fields)} parts)" if len(fields) > 1 else ""
            chosen.append((word, reasons[0] + where))
    return chosen


def _parts(size: tuple[int, int], known: Mapping[str, Any] | None, scale: float) -> list[tuple[slice, slice]]:
    """The whole image, or parts of the size of a training frame, evenly placed, `MOST_FIELDS` at most."""
    field = (known or {}).get("field") or (2000 * scale, 2000 * scale)
    sides = [max(1.0, side / scale) for side in field]
    if size[0] * size[1] <= 2 * sides[0] * sides[1]:
        return [(slice(None), slice(None))]
    counts = [max(1, round(whole / side)) for whole, side in zip(size, sides, strict=True)]
    least = int(np.sqrt(MOST_FIELDS))
    if counts[0] * counts[1] > MOST_FIELDS:
        counts = [min(count, least) for count in counts]
    parts = []
    for whole, side, count in zip(size, sides, counts, strict=True):
        taken = min(whole, round(side))
        starts = np.linspace(0, whole - taken, count).round().astype(int)
        parts.append([slice(start, start + taken) for start in starts.tolist()])
    return [(rows, columns) for rows in parts[0] for columns in parts[1]]
