"""Which images and which part of them a page shows: rules, so that nobody's eye chose."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter

from hemoseg.data.samples import IGNORE

CROP_SHARE = 0.4  # side of a zoomed crop, as a share of the shorter side of the sample
LEAST_CROP = 24  # pixels


def panel_samples(scores: pd.DataFrame, models: Sequence[str], touching: Mapping[str, int]) -> dict[str, str]:
    """Up to three sample ids with the reason why each is shown.

    Args:
        scores: Dice per model and image (`scores.of_images`).
        models: keys of the models to compare; the spread is taken over them.
        touching: number of true cells that touch another one, by sample.
    """
    wide = scores.pivot(index="sample", columns="model", values="dice")
    wide = wide[[key for key in models if key in wide]].dropna(how="all")
    if wide.empty:
        return {}
    mean = wide.mean(axis=1)
    spread = wide.max(axis=1) - wide.min(axis=1)
    chosen = {}
    if wide.shape[1] > 1:
        chosen[str(spread.idxmax())] = "the models differ most"
    crowded = pd.Series(touching, dtype=float).reindex(mean.index.drop(list(chosen))).dropna()
    if crowded.max() > 0:
        chosen[str(crowded.idxmax())] = "most touching cells"
    rest = mean.drop(list(chosen))
    if len(rest):
        chosen[str((rest - rest.median()).abs().idxmin())] = "a median image"
    return chosen


def pairs(models: Sequence[str], baseline: str | None) -> list[tuple[str, str]]:
    """Whom to compare image by image: the baseline with each other model; neighbours where it is not among them."""
    if baseline not in models:
        return list(pairwise(models))
    return [(baseline, key) for key in models if key != baseline]


def crop(gt: np.ndarray, predictions: Sequence[np.ndarray], instances: np.ndarray | None) -> tuple[slice, slice]:
    """The square where predictions err or differ most; where they nowhere do, where cells are closest.

    Args:
        gt: true class map ``(H, W)``.
        predictions: class maps ``(H, W)`` of the models shown.
        instances: true cells ``(H, W)``, where they are known.

    Returns:
        Rows and columns.
    """
    side = int(min(max(round(CROP_SHARE * min(gt.shape)), LEAST_CROP), min(gt.shape)))
    weight = np.zeros(gt.shape, np.float64)
    for pred in predictions:
        weight += (pred != gt) & (gt != IGNORE)
    if len(predictions) > 1:
        weight += 2.0 * np.any([(pred != predictions[0]) & (gt != IGNORE) for pred in predictions[1:]], axis=0)
    if instances is not None:
        weight += 1.0 * between_cells(instances)
    # A faint pull to the middle decides where nothing else does.
    distance = sum((np.indices(gt.shape)[axis] / max(gt.shape[axis] - 1, 1) - 0.5) ** 2 for axis in (0, 1))
    summed = uniform_filter(weight - 1e-6 * distance, side, mode="constant")
    half = side // 2
    inner = summed[half : gt.shape[0] - side + half + 1, half : gt.shape[1] - side + half + 1]
    row, column = np.unravel_index(int(np.argmax(inner)), inner.shape)
    return slice(int(row), int(row) + side), slice(int(column), int(column) + side)


def between_cells(instances: np.ndarray, reach: int = 3) -> np.ndarray:
    """Pixels that have two cells within reach, bool ``(H, W)``."""
    size = 2 * reach + 1
    highest = maximum_filter(instances, size)
    lowest = minimum_filter(np.where(instances > 0, instances, np.iinfo(np.int32).max), size)
    return (highest > 0) & (lowest < highest)


def touching_cells(cells: pd.DataFrame, distance: float) -> dict[str, int]:
    """Number of true cells at most ``distance`` px from another one, by sample; empty where cells are not known."""
    if cells.empty:
        return {}
    true = cells[(cells["side"] == "gt") & cells["counted"].astype(bool)]
    true = true.drop_duplicates(["sample", "cell"])
    return (true["gap"] <= distance).groupby(true["sample"]).sum().to_dict()


def one_family(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of the one family of splits that a figure shows: the random folds, as published, else the last one."""
    families = list(dict.fromkeys(lines["family"]))
    return lines[lines["family"] == ("random" if "random" in families else families[-1])] if families else lines


def worst(scores: pd.DataFrame, model: str, k: int) -> list[tuple[str, float]]:
    """The k images with the lowest Dice of a model, worst first, with it."""
    rows = scores[(scores["model"] == model) & scores["dice"].notna()].nsmallest(k, "dice")
    return list(zip(rows["sample"], rows["dice"], strict=True))


def sheet_samples(ids: Sequence[str], groups: Sequence[str], number: int) -> list[int]:
    """Positions of ``number`` samples: every group in turn, spread over the set."""
    by_group: dict[str, list[int]] = {}
    for position, group in enumerate(groups):
        by_group.setdefault(group, []).append(position)
    number = min(number, len(ids))
    share = -(-number // max(len(by_group), 1))
    queues = [
        [positions[i] for i in dict.fromkeys(np.linspace(0, len(positions) - 1, share).round().astype(int))]
        for _, positions in sorted(by_group.items())
    ]
    turn = [queue[i] for i in range(share) for queue in queues if i < len(queue)]
    rest = [position for position in range(len(ids)) if position not in set(turn)]
    return [*turn, *rest][:number]
