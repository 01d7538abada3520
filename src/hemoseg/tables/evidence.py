"""What is known of a model beside its weights, by section, from what it said of images that it did not learn from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.data import field_quality
from hemoseg.data.classes import classes_of_instances
from hemoseg.data.predictions import Predictions
from hemoseg.data.samples import Samples
from hemoseg.tables import agreement
from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.detector_errors import detector_errors
from hemoseg.tables.table import Plan
from hemoseg.tables.uncertainty import intervals

LEAST_FRAMES = 3  # below, no frame can be told from the others


def evidence(
    plan: Plan,
    runs: Sequence[Run],
    samples: Samples,
    predictions: Predictions,
    *,
    predict: Mapping[str, Any],
    against: str,
) -> dict[str, Any]:
    """Sections of ``evidence.json``, all but those on the training itself.

    Args:
        plan: of a table with the model's row alone.
        runs: counts of its runs, one per split of one family.
        samples: of the experiment.
        predictions: of these splits' test samples.
        predict: settings of the prediction.
        against: ``truth`` or ``auto``, what the counts compare with.
    """
    errors = detector_errors(*(pd.concat([getattr(run, of) for run in runs]) for of in ("cells", "pixels")))
    tested = samples.take(samples.index(predictions.ids))
    sections = {
        "predict": dict(predict), "scale": scale(samples), "data": data(samples),
        "evaluations": evaluations(plan, runs, against), "errors": errors | {"against": against},
        "frames": frames(tested, predictions), "agreement": agreed(tested, predictions),
    }  # fmt: skip
    return {name: section for name, section in sections.items() if section}


def scale(samples: Samples) -> dict[str, Any]:
    """Resize factor from a frame to a sample, the median over the samples, and the side of a frame's pixel."""
    own = np.array([image.shape[1:] for image in samples.images], float)
    of_frame = samples.boxes[:, 2:] - samples.boxes[:, :2]
    factor = float(np.median(np.sqrt((own / of_frame).prod(axis=1))))
    known = np.isfinite(samples.pixel_size)
    return {"factor": round(factor, 6), "pixel_size_um": float(samples.pixel_size) if known else None}


def data(samples: Samples) -> dict[str, Any]:
    """What the samples are and where they come from; names of frames and patients are left out."""
    cells = dict.fromkeys(samples.class_names[1:], 0)
    for classes, instances in zip(samples.classes, samples.instances, strict=bool(samples.has_instances)):
        for value in classes_of_instances(classes, instances)[1:]:
            if 0 < value < len(samples.class_names):
                cells[samples.class_names[value]] += 1
    info = samples.info
    return {
        "name": info.get("dataset", ""), "simulated": bool(info.get("simulated", False)),
        "licence": info.get("licence") or None, "citation": info.get("citation") or None,
        "white": float(samples.white), "channels": int(samples.images[0].shape[0]), "samples": len(samples),
        "frames": len(set(samples.frames)), "groups": len({group for group in samples.groups if group}),
        "classes": list(samples.class_names), "cells": cells if samples.has_instances else {},
    }  # fmt: skip


def evaluations(plan: Plan, runs: Sequence[Run], against: str) -> dict[str, Any]:
    """The numbers of the table's row with 95 % intervals over images or groups (`tables.uncertainty`)."""
    table = intervals(plan, runs)
    words = plan.conventions.words()
    told = ["column", "header", "class", "unit"]
    rows = []
    for line in table.to_dict("records"):
        row = {name: line[name] if isinstance(line[name], str) else "" for name in told}
        row |= {"value": _known(line["mean"]), "low": _known(line["low"]), "high": _known(line["high"])}
        rows.append(row | {"definition": COLUMNS[line["column"]].definition.format(**words)})
    return {
        "splits": [run.split for run in runs], "images": int(table["n_images"].max()), "against": against,
        "units": str(table["units"].iloc[0]), "n_units": int(table["n_units"].max()), "rows": rows,
    }  # fmt: skip


def frames(samples: Samples, predictions: Predictions) -> dict[str, Any] | None:
    """What the images are like (`data.field_quality`); none of too few."""
    if len(samples) < LEAST_FRAMES:
        return None
    white = samples.white if samples.images[0].dtype == np.uint16 else None
    pairs = zip(samples.images, predictions.instances, strict=True)
    rows = [field_quality.features(image, instances, white) for image, instances in pairs]
    groups = [group or frame for group, frame in zip(samples.groups, samples.frames, strict=True)]
    rows_of, columns_of = np.median([image.shape[1:] for image in samples.images], axis=0).round().astype(int)
    return field_quality.reference(rows, groups, field=(int(rows_of), int(columns_of)), white=white)


def agreed(samples: Samples, predictions: Predictions) -> dict[str, Any] | None:
    """How far the model and thresholding agree on these images (`tables.agreement`); none of too few."""
    if len(samples) < LEAST_FRAMES:
        return None
    rows = []
    for image, classes in zip(samples.images, predictions.classes, strict=True):
        part = tuple(slice(max(0, (side - agreement.MOST_SIDE) // 2), None) for side in classes.shape)
        part = tuple(slice(one.start, one.start + agreement.MOST_SIDE) for one in part)
        rows.append(agreement.agreement(classes[part] > 0, image[:, *part]))
    return agreement.reference(rows)


def training(description: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """How the weights were made, from ``model.json`` and ``run.json``."""
    told = {"seconds": run.get("training_seconds"), "device": run.get("device"), "versions": run.get("versions")}
    told |= {"steps": description.get("steps"), "parameters": description.get("parameters")}
    return {name: value for name, value in told.items() if value is not None}


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
