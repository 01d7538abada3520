"""Label samples without a human, and measure these labels where truth exists."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from hemoseg.data.samples import IGNORE, Samples, to_arrays
from hemoseg.errors import InputError
from hemoseg.labels.autolabel import autolabel
from hemoseg.labels.autolabel_kinds import LabelledImage, checked, class_values, of_kind, searched
from hemoseg.labels.autolabel_search import sentence
from hemoseg.steps import arguments
from hemoseg.steps.files import write_arrays, write_json, write_table
from hemoseg.steps.labelled import read_samples

COLUMNS = ("sample", "kind", "cells", "true_cells", "tp", "fp", "fn", "dice", "jaccard")


def main(argv: Sequence[str] | None = None) -> None:
    """Read ``--samples``, write ``--out`` (autolabels.npz), ``--quality`` and ``--chosen``.

    autolabels.npz has the form of samples.npz, without its images; the table of ``--quality`` has a row per sample with
    truth; the JSON of ``--chosen`` holds the settings that made the labels, and what a search for them found.
    """
    parser = arguments.parser("autolabel", __doc__)
    parser.add_argument("--settings", type=arguments.settings, default={}, help="JSON, see labels/autolabel_kinds.py")
    parser.add_argument("--samples", required=True, help="samples.npz")
    parser.add_argument("--out", required=True, help="autolabels.npz to write: samples without images")
    parser.add_argument("--quality", help="quality.csv to write")
    parser.add_argument("--chosen", help="JSON to write: the settings that made the labels")
    given = parser.parse_args(argv)
    samples = read_samples(given.samples)
    settings, found = searched_settings(samples, checked(given.settings), given.samples)
    labels = label_samples(samples, settings)
    write_arrays(given.out, **to_arrays(labels))
    table = quality(samples, labels)
    if given.quality:
        write_table(given.quality, table)
    if given.chosen:
        write_json(given.chosen, {"settings": settings, "search": found})
    for kind, one in found.get("kinds", {}).items():
        print(f"{given.samples}: {sentence(kind, one)}")
    measured = f", Dice {table.dice.mean():.3f} against truth" if len(table) else ", no truth to measure against"
    print(f"{given.out}: {sum(int(one.max(initial=0)) for one in labels.instances)} cells{measured}")


def searched_settings(samples: Samples, settings: dict[str, Any], path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings, those that are to be searched in place, and what the search found; nothing without one.

    The samples with labels choose, but none that the dataset keeps for testing (column ``part`` of manifest.csv).

    Args:
        samples: with images.
        settings: complete.
        path: of the samples, for the sentence.

    Raises:
        InputError: settings are to be searched and no sample has labels.
    """
    if settings["search"] is False:
        return settings, {}
    known = [position for position in range(len(samples)) if samples.has_labels and _is_known(samples, position)]
    if not known:
        raise InputError(
            f"{path}: autolabel.search needs labels of a few images and none has any; put some into masks/, classes/ "
            "or instances/ of the dataset, or take search out"
        )
    images = (_labelled_image(samples, position) for position in tqdm(known, desc="search", unit="image"))
    settings, found = searched(settings, images)
    return settings, {
        "samples": [samples.ids[position] for position in known],
        "kinds": {kind: one._asdict() for kind, one in found.items()},
    }


def _is_known(samples: Samples, position: int) -> bool:
    kept = samples.parts and samples.parts[position] == "test"
    return not kept and bool((samples.classes[position] != IGNORE).any())


def _labelled_image(samples: Samples, position: int) -> LabelledImage:
    classes = samples.classes[position]
    cells, known = (classes > 0) & (classes != IGNORE), classes != IGNORE
    return LabelledImage(samples.kinds[position], samples.image(position), cells, known)


def label_samples(samples: Samples, settings: dict[str, Any]) -> Samples:
    """The samples without their images, with auto-labels in place of their labels; settings complete, none searched."""
    value_of = class_values(settings, samples.class_names)
    classes, instances = [], []
    for position, kind in enumerate(tqdm(samples.kinds, desc="autolabel", unit="image")):
        labels = autolabel(samples.image(position), of_kind(settings, kind))
        instances.append(labels)
        classes.append(np.where(labels > 0, value_of.get(kind, 1), 0).astype(np.uint8))
    return replace(samples, images=[], classes=classes, instances=instances)


def quality(samples: Samples, labels: Samples) -> pd.DataFrame:
    """Pixels and cell numbers of auto-labels against truth, one row per sample with truth.

    Dice and Jaccard of cell against background are 1 where both are empty; ignored pixels do not count.
    """
    rows = []
    for position in range(len(samples)) if samples.has_labels else ():
        truth = samples.classes[position]
        known = truth != IGNORE
        if not known.any():
            continue
        found, cell = labels.instances[position] > 0, truth > 0
        tp, fp, fn = (int((part & known).sum()) for part in (found & cell, found & ~cell, ~found & cell))
        true_cells = int(samples.instances[position].max(initial=0)) if samples.has_instances else None
        rows.append(
            {
                "sample": samples.ids[position],
                "kind": samples.kinds[position],
                "cells": int(labels.instances[position].max(initial=0)),
                "true_cells": true_cells,
                "tp": tp,
                "fp": fp,
                "fn": fn,
                "dice": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0,
                "jaccard": tp / (tp + fp + fn) if tp + fp + fn else 1.0,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))
