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

from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.steps import arguments, files
from hemoseg.steps.counting import DEFAULTS, count, read_settings
from hemoseg.steps.labelled import median_cell_area, read_predictions, read_samples


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
