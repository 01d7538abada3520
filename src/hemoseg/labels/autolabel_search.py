"""Settings of the automatic labels, searched on the few images whose labels a user has: a grid and its best point.

The score of an image is the mean of the IoUs of background and cells; ignored pixels are left out. What is best on the
images that chose it flatters: beside it stands what is left when each image is scored with the settings that the other
images choose (leave one image out). autocsc names neither offset nor polarity and searches nothing: all this is ours.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hemoseg.errors import InputError
from hemoseg.labels.autolabel import (
    DEFAULTS,
    checked,
    contours_of,
    grey_bytes,
    large_enough,
    least_area,
    opened,
    threshold_of,
)

# Points are tried in this order, the last setting changing first; of several that score alike the first is taken.
GRID: dict[str, tuple[Any, ...]] = {
    "polarity": ("dark", "bright"),
    "gaussian": (True, False),
    "window": (0.4, 0.2, 0.8, 0.1),
    "offset": (0.08, 0.12, 0.05, 0.18, 0.02),
    "min_area": (0.001, 0.003, 0.0003),
    "morphology": (False, True),
}
OF_MASK = ("polarity", "gaussian", "window", "offset", "fill")  # settings on which the contours depend


class Found(NamedTuple):
    """The best point of the grid for some images.

    Attributes:
        point: the settings that were searched.
        score: mean IoU of background and cells, mean over the images that chose the point.
        left_out: the same with each image scored by the point that the others choose; none of one image.
        images: how many chose.
        tried: how many points there were.
        ends: numbers whose best value is the least or the most that was tried: beyond it may lie a better one.
    """

    point: dict[str, Any]
    score: float
    left_out: float | None
    images: int
    tried: int
    ends: tuple[str, ...] = ()


def grid(search: Any) -> list[dict[str, Any]]:
    """Every combination of the values to try, in the order of `GRID`.

    Args:
        search: true for `GRID`, or by setting the values that stand in place of its own; null takes a setting out.

    Raises:
        InputError: something else, a setting that the chain has not, or a value that it cannot have.
    """
    if search is not True and not isinstance(search, dict):
        raise InputError(f"autolabel settings: search {search!r}; give true, or values to try: {{offset: [0.1, 0.2]}}")
    values = GRID | (search if isinstance(search, dict) else {})
    values = {key: tried for key, tried in values.items() if tried is not None}
    for key, tried in values.items():
        if not isinstance(tried, list | tuple) or not tried:
            raise InputError(f"autolabel settings: search {key} {tried!r}; give a list of values, such as [0.1, 0.2]")
        for value in tried:
            checked({key: value})
    return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]


def scores(
    image: np.ndarray, cells: np.ndarray, known: np.ndarray, base: Mapping[str, Any], points: Sequence[Mapping]
) -> np.ndarray:
    """Mean IoU of background and cells of one image by each point of a grid, float64 ``(points,)``.

    Args:
        image: float32 ``(C, H, W)`` in [0, 1].
        cells: truth, bool ``(H, W)``.
        known: pixels that are not ignored, bool ``(H, W)``.
        base: settings of the chain that are not searched.
        points: settings laid over ``base``.
    """
    grey = grey_bytes(image)
    found: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}
    result = np.empty(len(points))
    for number, point in enumerate(points):
        settings = {**DEFAULTS, **base, **point}
        key = tuple(settings[name] for name in OF_MASK)
        if key not in found:
            found[key] = contours_of(threshold_of(grey, settings), settings["fill"])
        least = least_area(settings["min_area"], grey.size)
        labels = large_enough(*found[key], least)
        if settings["morphology"]:
            labels = opened(labels, least)
        result[number] = mean_iou(labels > 0, cells, known)
    return result


def mean_iou(found: np.ndarray, cells: np.ndarray, known: np.ndarray) -> float:
    """Mean of the IoUs of background and cells over known pixels, of those two that are there or found, in [0, 1]."""
    found, cells = found[known], cells[known]
    each = [((found == side) & (cells == side), (found == side) | (cells == side)) for side in (False, True)]
    ious = [both.sum() / either.sum() for both, either in each if either.any()]
    return float(np.mean(ious)) if ious else np.nan


def choose(points: Sequence[Mapping[str, Any]], scored: np.ndarray) -> Found:
    """The point with the best mean over images, and what leaving each image out makes of it.

    Args:
        points: of the grid.
        scored: float ``(images, points)``, one image or more.
    """
    mean = scored.mean(axis=0)
    best = int(mean.argmax())
    left_out = [
        one[np.delete(scored, number, axis=0).mean(axis=0).argmax()]
        for number, one in enumerate(scored)
        if len(scored) > 1
    ]
    estimate = float(np.mean(left_out)) if left_out else None
    return Found(dict(points[best]), float(mean[best]), estimate, len(scored), len(points), _ends(points, points[best]))


def _ends(points: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> tuple[str, ...]:
    found = []
    for key, value in best.items():
        tried = {point[key] for point in points}
        if len(tried) > 1 and not isinstance(value, bool | str) and value in (min(tried), max(tried)):
            found.append(key)
    return tuple(found)


def sentence(kind: str, found: Mapping[str, Any]) -> str:
    """What a search found, in words; ``found`` has the fields of `Found`."""
    of = f"of kind {kind} " if kind else ""
    chosen = ", ".join(f"{key} {str(value).lower()}" for key, value in found["point"].items())
    count = found["images"]
    images = f"{count} labelled image{'' if count == 1 else 's'} {of}".rstrip()
    if found["left_out"] is None:
        estimate = "one image cannot be left out, so nothing says how much that flatters"
    else:
        estimate = f"{found['left_out']:.3f} with each image scored by what the others choose"
    ends = f"; at the end of what was tried: {', '.join(found['ends'])}" if found["ends"] else ""
    score = f"mean IoU {found['score']:.3f} on the {images} that chose it among {found['tried']}"
    return f"{chosen}: {score}, {estimate}{ends}."
