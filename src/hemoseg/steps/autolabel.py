"""Label samples without a human, and measure these labels where truth exists."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from hemoseg.data.samples import IGNORE, Samples, to_arrays
from hemoseg.errors import InputError
from hemoseg.labels.autolabel import DEFAULTS, autolabel
from hemoseg.labels.autolabel import checked as checked_labelling
from hemoseg.settings import with_defaults
from hemoseg.steps import arguments
from hemoseg.steps.files import write_arrays, write_table
from hemoseg.steps.labelled import read_samples

STEP_DEFAULTS: dict[str, Any] = DEFAULTS | {"class_of_kind": {}}
COLUMNS = ("sample", "kind", "cells", "true_cells", "tp", "fp", "fn", "dice", "jaccard")


def main(argv: Sequence[str] | None = None) -> None:
    """Read ``--samples``, write ``--out`` (autolabels.npz) and ``--quality`` (one row per sample with truth).

    autolabels.npz has the form of samples.npz, without its images.
    """
    parser = arguments.parser("autolabel", __doc__)
    parser.add_argument("--settings", type=arguments.settings, default={}, help="JSON, see labels/autolabel.py")
    parser.add_argument("--samples", required=True, help="samples.npz")
    parser.add_argument("--out", required=True, help="autolabels.npz to write: samples without images")
    parser.add_argument("--quality", help="quality.csv to write")
    given = parser.parse_args(argv)
    settings = checked(given.settings)
    samples = read_samples(given.samples)
    labels = label_samples(samples, settings)
    write_arrays(given.out, **to_arrays(labels))
    table = quality(samples, labels)
    if given.quality:
        write_table(given.quality, table)
    measured = f", Dice {table.dice.mean():.3f} against truth" if len(table) else ", no truth to measure against"
    print(f"{given.out}: {sum(int(one.max(initial=0)) for one in labels.instances)} cells{measured}")


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings with their defaults.

    Raises:
        InputError: an unknown key or value.
    """
    settings = with_defaults(settings, STEP_DEFAULTS, "autolabel settings")
    checked_labelling({key: settings[key] for key in DEFAULTS})
    if not isinstance(settings["class_of_kind"], dict):
        raise InputError("autolabel settings: class_of_kind needs a class for each kind, such as {rbc: cell}")
    return settings


def label_samples(samples: Samples, settings: dict[str, Any]) -> Samples:
    """The samples without their images, with auto-labels in place of their labels.

    Args:
        samples: with images.
        settings: ``morphology`` is true, false, or the list of kinds that go through it; ``class_of_kind`` gives the
            class (its name or number) of the cells of each kind, 1 where a kind is not named.
    """
    value_of = _values(samples, settings["class_of_kind"])
    classes, instances = [], []
    for position, kind in enumerate(tqdm(samples.kinds, desc="autolabel", unit="image")):
        morphology = settings["morphology"]
        chosen = {key: settings[key] for key in DEFAULTS}
        chosen["morphology"] = kind in morphology if isinstance(morphology, list) else bool(morphology)
        labels = autolabel(samples.image(position), chosen)
        instances.append(labels)
        classes.append(np.where(labels > 0, value_of.get(kind, 1), 0).astype(np.uint8))
    return replace(samples, images=[], classes=classes, instances=instances)


def _values(samples: Samples, class_of_kind: dict[str, Any]) -> dict[str, int]:
    """Class value of each kind."""
    known = samples.class_names
    values = {kind: known.index(one) if one in known else one for kind, one in class_of_kind.items()}
    for kind, value in values.items():
        if value not in range(1, len(known)):
            raise InputError(
                f"autolabel settings: class_of_kind {kind!r}: there is no class {value!r}; "
                f"the classes are {', '.join(known[1:])}: correct it"
            )
    return values


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
