"""The same measure by hemoseg and by a library that others trust, on the same drawn masks."""

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import surface_distance
import torch
from monai import metrics as monai
from scipy import ndimage
from scipy.spatial.distance import directed_hausdorff
from stardist.matching import matching

from hemoseg.metrics import pixels
from hemoseg.metrics.cells import Truth, cell_facts
from hemoseg.metrics.surfaces import boundary, surfaces
from hemoseg.steps.rows import joined
from hemoseg.tables.column import Run
from hemoseg.tables.matching import THRESHOLDS, matches

Pair = tuple[str, str, str, Callable, Callable]
SIZES = {"512 x 512, 150 cells": ((512, 512), 150), "1920 x 1080, 1,200 cells": ((1080, 1920), 1200)}
TOLERANCE = 2.0
warnings.filterwarnings("ignore", category=FutureWarning, module="monai")


def pairs_of(drawn: Callable) -> Iterator[Pair]:
    """Size, measure, reference, ours, theirs."""
    for size, (shape, cells) in SIZES.items():
        gt, gt_classes, pred, pred_classes = drawn(1, shape, cells, soft=False)[2][0]
        yield from _of_boundaries(size, gt_classes > 0, pred_classes > 0)
        yield from _of_pixels(size, gt_classes, pred_classes)
        yield from _of_cells(size, gt, pred)


def _of_boundaries(size: str, gt: np.ndarray, pred: np.ndarray) -> Iterator[Pair]:
    """`surfaces` makes all of these at once; MONAI's boundary is an inner 4-connected one, which costs the same."""

    def ours() -> object:
        return surfaces(gt, pred, TOLERANCE)

    masks = [torch.tensor(mask)[None, None] for mask in (pred, gt)]
    told = {"include_background": True}
    yield size, "Hausdorff", "MONAI", ours, lambda: monai.compute_hausdorff_distance(*masks, **told)
    yield size, "HD95", "MONAI", ours, lambda: monai.compute_hausdorff_distance(*masks, **told, percentile=95)
    yield (
        size,
        "mean surface distance",
        "MONAI",
        ours,
        lambda: monai.compute_average_surface_distance(*masks, **told, symmetric=True),
    )
    yield size, "surface Dice", "MONAI", ours, lambda: monai.compute_surface_dice(*masks, [TOLERANCE], **told)
    yield size, "surface Dice", "surface-distance", ours, lambda: _surface_dice(gt, pred)
    edges = [np.argwhere(boundary(mask)) for mask in (gt, pred)]
    if len(edges[0]) < 20_000:  # quadratic at worst
        yield size, "Hausdorff", "scipy's directed_hausdorff", ours, lambda: _directed(*edges)
    yield size, "Hausdorff", "scipy's distance transform", ours, lambda: _by_transform(gt, pred)


def _surface_dice(gt: np.ndarray, pred: np.ndarray) -> float:
    distances = surface_distance.compute_surface_distances(gt, pred, (1, 1))
    return surface_distance.compute_surface_dice_at_tolerance(distances, TOLERANCE)


def _directed(gt: np.ndarray, pred: np.ndarray) -> float:
    return max(directed_hausdorff(gt, pred)[0], directed_hausdorff(pred, gt)[0])


def _by_transform(gt: np.ndarray, pred: np.ndarray) -> float:
    edges = boundary(gt), boundary(pred)
    sides = [ndimage.distance_transform_edt(~target)[source] for source, target in (edges, edges[::-1])]
    return max(distances.max() for distances in sides)


def _of_pixels(size: str, gt: np.ndarray, pred: np.ndarray) -> Iterator[Pair]:
    n = int(gt.max()) + 1
    valid = np.ones(gt.shape, bool)

    def ours() -> np.ndarray:
        counts = pixels.counts(pixels.confusion(gt, pred, valid, n))
        return 2 * counts["tp"] / (2 * counts["tp"] + counts["fp"] + counts["fn"])

    def planes() -> list[torch.Tensor]:
        return [torch.tensor(np.stack([image == c for c in range(n)]))[None] for image in (pred, gt)]

    yield size, "Dice of a class map", "MONAI", ours, lambda: monai.compute_dice(*planes())
    yield size, "IoU of a class map", "MONAI", ours, lambda: monai.compute_iou(*planes())


def _of_cells(size: str, gt: np.ndarray, pred: np.ndarray) -> Iterator[Pair]:
    """Ours counts every fact of `cells.csv` on the way, StarDist's the overlaps only."""
    classes = [(labels > 0).astype(np.uint8) for labels in (gt, pred)]
    valid = np.ones(gt.shape, bool)

    def ours() -> list:
        facts = cell_facts(Truth(gt, classes[0], valid), pred, classes[1], n_classes=2, min_area=1, gap_cap=10)
        sides = zip(("gt", "pred"), facts, strict=True)
        cells = joined([one | {"sample": "s", "side": side} for side, one in sides])  # as `evaluate` joins them
        run = Run("", "", 0, pd.DataFrame({"sample": ["s"]}), cells)
        return [matches(run, least).jaccard for least in THRESHOLDS]

    yield size, "tp / (tp + fp + fn) at ten IoUs", "StarDist", ours, lambda: matching(gt, pred, thresh=THRESHOLDS)
