"""Counts of pixels and cells of samples and their predictions, whoever predicted them: the columns of `evaluate`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import IGNORE, Samples
from hemoseg.errors import InputError
from hemoseg.labels.points import centres_of
from hemoseg.metrics import pixels
from hemoseg.metrics.calibration import calibration
from hemoseg.metrics.cells import cell_facts
from hemoseg.metrics.components import counts_of_classes
from hemoseg.metrics.surfaces import Surfaces, case, diagonal, surfaces_of
from hemoseg.metrics.truth import Truth
from hemoseg.steps.rows import joined

DEFAULTS = {"min_area_share": 0.1, "bins": 256, "gap_cap": 10, "tolerance_px": 2, "tolerance_um": None}
DEFAULTS |= {"confidence_bins": 15}
SHARED_COLUMNS = ["sample", "frame", "group"]
BOTH_SIDES = ["side", "cell", "class", "area", "counted", "min_area", "gap_cap", "touches_border", "best_match", "iou"]
GT_ONLY = ["covered", "host", "host_shared", "gap", "partner", "shared", "guests", "markers"]
PRED_ONLY = ["on_truth", "hosted", "on_small", "on_ignored"]


@dataclass(frozen=True)
class Settings:
    """What is counted.

    Attributes:
        min_area_share: A_min as a share of the median true cell.
        bins: of the histograms.
        gap_cap: largest gap between cells in pixels.
        tolerance_px: how far apart boundaries still agree, in pixels of the sample.
        tolerance_um: the same in micrometres, in place of ``tolerance_px`` where the size of a pixel is known.
        confidence_bins: bins in which probabilities are compared with how often they are right.
    """

    min_area_share: float
    bins: int
    gap_cap: float
    tolerance_px: float
    tolerance_um: float | None
    confidence_bins: int

    def tolerance(self, samples: Samples, position: int) -> float:
        """Tolerance of one sample in its pixels; along rows and columns of two sizes their geometric mean counts."""
        if self.tolerance_um is None or np.isnan(samples.pixel_size):
            return self.tolerance_px
        sides = (samples.boxes[position, 2:] - samples.boxes[position, :2]) / samples.classes[position].shape
        return self.tolerance_um / (samples.pixel_size * float(np.sqrt(np.prod(sides))))


def read_settings(content: dict) -> Settings:
    """Settings with their defaults.

    Raises:
        InputError: a key is unknown or a value out of range.
    """
    if unknown := sorted(set(content) - set(DEFAULTS)):
        raise InputError(f"--settings: unknown key {unknown[0]!r}; the keys are {', '.join(DEFAULTS)}")
    settings = Settings(**(DEFAULTS | content))
    if settings.min_area_share < 0 or settings.bins < 1 or settings.gap_cap < 1 or settings.confidence_bins < 1:
        raise InputError("--settings: min_area_share must be >= 0; bins, gap_cap and confidence_bins >= 1")
    if min(settings.tolerance_px, settings.tolerance_um or 0) < 0:
        raise InputError("--settings: tolerance_px and tolerance_um must be >= 0")
    return settings


def truths_of(samples: Samples) -> list[Truth]:
    """The truth of each sample."""
    cells = samples.instances if samples.has_instances else [None] * len(samples)
    return [Truth(*labels, labels[1] != IGNORE) for labels in zip(cells, samples.classes, strict=True)]


def count(
    samples: Samples,
    predictions: Predictions,
    settings: Settings,
    min_area: float,
    truths: Sequence[Truth] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, np.ndarray]]:
    """Rows of ``pixels.csv`` and ``cells.csv`` and the arrays of ``histograms.npz`` of samples and their predictions.

    ``truths`` are those of `truths_of`, for whoever counts several predictions: what they share is counted once.

    Raises:
        ValueError: truth and prediction differ in size or classes.
    """
    n_classes = len(samples.class_names)
    edges = pixels.probability_edges(settings.bins)
    binned = {
        "counts": [np.zeros((0, n_classes, 2, len(edges) - 1), np.int32)],
        "reliability": [np.zeros((0, n_classes + 1, 3, settings.confidence_bins))],
    }
    pixel_rows, cell_rows = [], []
    for position, truth in enumerate(truths or truths_of(samples)):
        probability = predictions.probabilities[position] if predictions.probabilities else None
        rows = _pixel_rows(samples, predictions, position, truth, settings.tolerance(samples, position), min_area)
        # float16, as predictions are stored, is slow to calculate with.
        soft = None if probability is None else probability.astype(np.float32, copy=False)
        columns, arrays = _of_probability(probability, soft, truth, settings)
        pixel_rows.append(rows | columns)
        if samples.has_instances:
            cell_rows += _cell_rows(samples, predictions, position, truth, soft, settings, min_area)
        for name, array in arrays.items():
            binned[name].append(array[None])
    of_classes = [f"{name}_class_{c}" for name in ("as", "p") for c in range(1, n_classes)]
    cells = joined(cell_rows, [*SHARED_COLUMNS, *BOTH_SIDES, *GT_ONLY, *of_classes, *PRED_ONLY])
    histograms = {name: np.concatenate(parts) for name, parts in binned.items()}
    ids = np.array(samples.ids if len(histograms["counts"]) else [], dtype=np.str_)
    return joined(pixel_rows), cells, histograms | {"ids": ids, "edges": edges}


def _of_probability(
    probability: np.ndarray | None, soft: np.ndarray | None, truth: Truth, settings: Settings
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Columns of ``pixels.csv``, blank without probabilities, and arrays of ``histograms.npz``, none without."""
    if probability is None or soft is None:
        return {"nll": np.nan, "squared_error": np.nan}, {}
    said = truth.classes, truth.valid
    nll = pixels.cross_entropy(soft, *said)
    counts = pixels.probability_histograms(probability, *said, settings.bins)
    squares, reliability = calibration(soft, *said, settings.confidence_bins)
    return {"nll": nll, "squared_error": squares}, {"counts": counts, "reliability": reliability}


def _pixel_rows(
    samples: Samples, predictions: Predictions, position: int, truth: Truth, tolerance: float, min_area: float
) -> dict[str, Any]:
    """Columns with a row per class of one sample."""
    gt, pred, valid = truth.classes, predictions.classes[position], truth.valid
    names = samples.class_names
    matrix = pixels.confusion(gt, pred, valid, len(names))
    masks = [((gt == c) & valid, (pred == c) & valid) for c in range(len(names))]
    of_gt = truth.once(("counts", min_area), lambda: counts_of_classes(gt, valid, len(names), min_area))
    return {
        "sample": [samples.ids[position]] * len(names),
        "frame": samples.frames[position],
        "group": samples.groups[position],
        "kind": samples.kinds[position],
        "class": range(len(names)),
        "class_name": names,
        "pixels": matrix.sum(),
        **pixels.counts(matrix),
        **dict(zip(Surfaces._fields, zip(*surfaces_of(masks, tolerance), strict=True), strict=True)),
        "tolerance": tolerance,
        "hausdorff_case": [case(*pair) for pair in masks],
        "diagonal": diagonal(gt.shape),
        "gt_count": [np.nan, *of_gt],
        "pred_count": [np.nan, *counts_of_classes(pred, valid, len(names), min_area)],
        "min_area": min_area,
        **{f"as_class_{c}": matrix[:, c] for c in range(len(names))},
    }


def _cell_rows(
    samples: Samples,
    predictions: Predictions,
    position: int,
    truth: Truth,
    probability: np.ndarray | None,
    settings: Settings,
    min_area: float,
) -> list[dict[str, Any]]:
    """Columns with a row per true cell, and those with a row per predicted cell, of one sample."""
    sides = cell_facts(
        truth,
        predictions.instances[position],
        predictions.classes[position],
        n_classes=len(samples.class_names),
        min_area=min_area,
        gap_cap=settings.gap_cap,
        markers=centres_of(predictions.boxes[position]) if predictions.boxes else None,
        probability=probability,
    )
    shared = {"sample": samples.ids[position], "frame": samples.frames[position], "group": samples.groups[position]}
    shared |= {"min_area": min_area, "gap_cap": settings.gap_cap}
    return [facts | shared | {"side": side} for side, facts in zip(("gt", "pred"), sides, strict=True)]
