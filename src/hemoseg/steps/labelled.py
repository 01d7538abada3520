"""Samples and splits as the later steps read them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hemoseg.data import predictions as predictions_format
from hemoseg.data import samples as samples_format
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import IGNORE, Samples
from hemoseg.errors import InputError
from hemoseg.labels.areas import median_area
from hemoseg.steps.files import read_arrays, read_table

SPLIT_TEXTS = dict.fromkeys(("split", "sample", "frame", "group", "role"), str)


def read_samples(path: str | Path, autolabels: str | Path | None = None) -> Samples:
    """Samples of an experiment; with ``autolabels`` their labels are the automatic ones.

    Raises:
        InputError: a file is absent, damaged or of another kind, or the automatic labels are those of other samples.
    """
    samples = _samples(path)
    if len(samples.images) != len(samples.ids):
        raise InputError(f"{path}: holds labels without images; pass the file that `prepare` wrote")
    if autolabels is None:
        return samples
    labels = _samples(autolabels)
    if labels.ids != samples.ids:
        raise InputError(f"{autolabels}: made for other samples than {path}; run `autolabel` again")
    return replace(samples, classes=labels.classes, instances=labels.instances, class_names=labels.class_names)


def read_predictions(path: str | Path) -> Predictions:
    """Predictions of one split.

    Raises:
        InputError: the file is absent, damaged or of another kind.
    """
    return _read(path, predictions_format.from_arrays, "predictions", "predict")


def _samples(path: str | Path) -> Samples:
    return _read(path, samples_format.from_arrays, "samples", "prepare")


def _read(path: str | Path, from_arrays: Callable[[dict[str, np.ndarray]], Any], what: str, step: str) -> Any:
    arrays = read_arrays(path)
    try:
        return from_arrays(arrays)
    except (KeyError, ValueError, TypeError) as error:
        cause = f"{error} is missing" if isinstance(error, KeyError) else error
        raise InputError(f"{path}: holds no {what} ({cause}); pass the file that `{step}` wrote") from None


def read_split(path: str | Path, split: str) -> dict[str, list[str]]:
    """Sample ids of one split by role (train, val, test).

    Raises:
        InputError: the file is absent, no table of splits or has no such split.
    """
    table = read_table(path, (), dtype=SPLIT_TEXTS)
    if missing := {"split", "sample", "role"} - set(table.columns):
        raise InputError(f"{path}: no column {min(missing)!r}; pass the file that `split` wrote")
    chosen = table[table["split"] == split]
    if chosen.empty:
        raise InputError(f"{path}: no split {split!r}; the splits are {', '.join(sorted(set(table['split'])))}")
    return {role: list(rows["sample"]) for role, rows in chosen.groupby("role")}


def role_samples(samples: Samples, roles: dict[str, list[str]], role: str) -> Samples:
    """The samples of one role of a split, in the order of the split file.

    Raises:
        InputError: the split names a sample that is not there.
    """
    wanted = roles.get(role, [])
    if strange := sorted(set(wanted) - set(samples.ids)):
        raise InputError(f"the split names {strange[0]}, which is none of the samples; run `split` again")
    return samples.take(samples.index(wanted))


def require_labels(samples: Samples, path: str | Path) -> Samples:
    """The samples themselves if they have labels.

    Raises:
        InputError: they have none.
    """
    if not samples.has_labels:
        raise InputError(f"{path}: the dataset has no labels; set `labels: auto` in the experiment")
    return samples


def median_cell_area(samples: Samples) -> float:
    """Median area of the true cells, in pixels; 0 where there is none.

    Without instances a cell is an 8-connected component of one class. Ignored pixels do not count.
    """
    labels: list[np.ndarray] = []
    for position, classes in enumerate(samples.classes):
        if samples.has_instances:
            labels.append(np.where(classes == IGNORE, 0, samples.instances[position]))
        else:
            labels += [classes == known for known in range(1, len(samples.class_names))]
    return median_area(labels)
