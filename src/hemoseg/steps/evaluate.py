"""Count what a model got right and wrong, per image, class and cell; scores are made later.

Writes three files, each whole:

* ``pixels.csv``: a row per sample and class 0..K: the kind of its frame, pixels (not ignored), tp, fp, fn, tn, the
  facts of `metrics.surfaces.Surfaces` in pixels of the sample with the tolerance that they rest on, the case of the
  Hausdorff distance, the sample's diagonal, the summed cross-entropy of the pixels whose true class it is and the
  summed squared error of its probability (`metrics.calibration`; both blank for a method without probabilities), the
  counts of cells by `metrics.components.counts_of_classes` (blank for the background), the least area of a cell that
  they rest on in pixels, and the confusion of pixels: ``as_class_0`` to ``as_class_K``, the pixels whose true class it
  is by the class that they were given. Ignored pixels are in none of these.
* ``cells.csv``: a row per true cell (``side`` gt) and per predicted cell (``side`` pred) with the facts of
  `metrics.cells.cell_facts`; markers are the centres of the boxes that the model proposed, if it does. Where the truth
  has no instances it holds its header only: what needs cells is then blank in the tables, not guessed.
* ``histograms.npz``: ``counts`` ``(N, K + 1, 2, B)`` of the predicted probability (`metrics.pixels`), ``ids``, the
  B + 1 ``edges`` and ``reliability`` ``(N, K + 2, 3, M)`` (`metrics.calibration`); N is 0 for a method without
  probabilities.
"""

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
from hemoseg.metrics.cells import Truth, cell_facts
from hemoseg.metrics.components import counts_of_classes
from hemoseg.metrics.surfaces import Surfaces, case, diagonal, surfaces_of
from hemoseg.steps import arguments, files
from hemoseg.steps.labelled import median_cell_area, read_predictions, read_samples
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


def main(argv: list[str] | None = None) -> None:
    """Run the step."""
    parser = arguments.parser("evaluate", "Count pixels, cells and their errors of one split's predictions.")
    parser.add_argument("--settings", required=True, help=f"JSON: {', '.join(DEFAULTS)}")
    parser.add_argument("--samples", required=True, help="samples.npz")
    parser.add_argument("--autolabels", help="autolabels.npz, compared with where the samples have no truth")
    parser.add_argument("--splits", required=True, help="splits.csv")
    parser.add_argument("--predictions", required=True, help="predictions.npz of the split's test samples")
    parser.add_argument("--split", required=True, help="name of the split")
    for output in ("pixels", "cells", "histograms"):
        parser.add_argument(f"--{output}", required=True, help="output")
    args = parser.parse_args(argv)
    settings = read_settings(arguments.settings(args.settings))
    samples = read_samples(args.samples)
    if args.autolabels and not samples.has_labels:
        samples = read_samples(args.samples, args.autolabels)
    predictions = read_predictions(args.predictions)
    training, test = _roles(args.splits, args.split, samples)
    test_samples = _matched(samples, predictions, test, args.predictions)
    min_area = settings.min_area_share * median_cell_area(samples.take(samples.index(training)))
    try:
        pixel_rows, cell_rows, histograms = count(test_samples, predictions, settings, min_area)
    except ValueError as error:
        raise InputError(f"{args.predictions} on {args.samples}: {error}; run prepare and predict again") from None
    files.write_table(args.pixels, pixel_rows)
    files.write_table(args.cells, cell_rows)
    files.write_arrays(args.histograms, **histograms)


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


def _roles(path: str, split: str, samples: Samples) -> tuple[list[str], list[str]]:
    """Ids of the training (and validation) samples and of the test samples of a split."""
    splits = files.read_table(path, (), dtype=str)
    if missing := [name for name in ("split", "sample", "role") if name not in splits]:
        raise InputError(f"{path}: column {missing[0]!r} is missing; run split again")
    rows = splits[splits["split"] == split]
    if rows.empty:
        names = ", ".join(splits["split"].unique()[:8])
        raise InputError(f"{path}: there is no split {split!r}; the splits are {names}")
    if unknown := sorted(set(rows["sample"]) - set(samples.ids)):
        raise InputError(f"{path}: sample {unknown[0]!r} is none of the samples; run split again")
    return list(rows["sample"][rows["role"] != "test"]), list(rows["sample"][rows["role"] == "test"])


def _matched(samples: Samples, predictions: Predictions, test: list[str], path: str) -> Samples:
    """The samples that were predicted, in the order of the predictions."""
    if not samples.has_labels:
        raise InputError(f"{path}: the samples have no labels to compare with; add masks, classes or instances")
    if sorted(predictions.ids) != sorted(test):
        raise InputError(f"{path}: the predicted samples are not the test samples of the split; run predict again")
    matched = samples.take(samples.index(predictions.ids))
    n_classes = len(matched.class_names)
    for name, classes, pred in zip(matched.ids, matched.classes, predictions.classes, strict=True):
        if classes.shape != pred.shape:
            raise InputError(f"{path}: {name} has shape {pred.shape}, its labels {classes.shape}; run predict again")
    if predictions.probabilities and len(predictions.probabilities[0]) != n_classes:
        found = len(predictions.probabilities[0])
        raise InputError(f"{path}: {found} classes were predicted, the samples have {n_classes}; train again")
    return matched


def count(
    samples: Samples, predictions: Predictions, settings: Settings, min_area: float
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, np.ndarray]]:
    """Rows of ``pixels.csv`` and ``cells.csv`` and the arrays of ``histograms.npz`` of samples and their predictions.

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
    for position in range(len(samples)):
        probability = predictions.probabilities[position] if predictions.probabilities else None
        rows = _pixel_rows(samples, predictions, position, settings.tolerance(samples, position), min_area)
        # float16, as predictions are stored, is slow to calculate with.
        soft = None if probability is None else probability.astype(np.float32, copy=False)
        columns, arrays = _of_probability(probability, soft, samples.classes[position], settings)
        pixel_rows.append(rows | columns)
        if samples.has_instances:
            cell_rows += _cell_rows(samples, predictions, position, soft, settings, min_area)
        for name, array in arrays.items():
            binned[name].append(array[None])
    of_classes = [f"{name}_class_{c}" for name in ("as", "p") for c in range(1, n_classes)]
    cells = joined(cell_rows, [*SHARED_COLUMNS, *BOTH_SIDES, *GT_ONLY, *of_classes, *PRED_ONLY])
    histograms = {name: np.concatenate(parts) for name, parts in binned.items()}
    ids = np.array(samples.ids if len(histograms["counts"]) else [], dtype=np.str_)
    return joined(pixel_rows), cells, histograms | {"ids": ids, "edges": edges}


def _of_probability(
    probability: np.ndarray | None, soft: np.ndarray | None, gt: np.ndarray, settings: Settings
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Columns of ``pixels.csv``, blank without probabilities, and arrays of ``histograms.npz``, none without."""
    if probability is None or soft is None:
        return {"nll": np.nan, "squared_error": np.nan}, {}
    valid = gt != IGNORE
    nll = pixels.cross_entropy(soft, gt, valid)
    counts = pixels.probability_histograms(probability, gt, valid, settings.bins)
    squares, reliability = calibration(soft, gt, valid, settings.confidence_bins)
    return {"nll": nll, "squared_error": squares}, {"counts": counts, "reliability": reliability}


def _pixel_rows(
    samples: Samples, predictions: Predictions, position: int, tolerance: float, min_area: float
) -> dict[str, Any]:
    """Columns with a row per class of one sample."""
    gt, pred = samples.classes[position], predictions.classes[position]
    valid = gt != IGNORE
    names = samples.class_names
    matrix = pixels.confusion(gt, pred, valid, len(names))
    masks = [((gt == c) & valid, (pred == c) & valid) for c in range(len(names))]
    found = [counts_of_classes(side, valid, len(names), min_area) for side in (gt, pred)]
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
        "gt_count": [np.nan, *found[0]],
        "pred_count": [np.nan, *found[1]],
        "min_area": min_area,
        **{f"as_class_{c}": matrix[:, c] for c in range(len(names))},
    }


def _cell_rows(
    samples: Samples,
    predictions: Predictions,
    position: int,
    probability: np.ndarray | None,
    settings: Settings,
    min_area: float,
) -> list[dict[str, Any]]:
    """Columns with a row per true cell, and those with a row per predicted cell, of one sample."""
    classes = samples.classes[position]
    sides = cell_facts(
        Truth(samples.instances[position], classes, classes != IGNORE),
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
