"""Counts of a folder of images that a model labelled: corrected for its errors, with intervals, per image and patient.

Every row is one number. Its *target* says whose number it is and so what its interval holds: ``these fields``, the
cells that are in the frames at hand, where only the model errs; or ``patient``, the blood that the frames are a sample
of, where sampling adds to it (`metrics.prevalence`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.metrics.counting import EVERY
from hemoseg.metrics.detector import Detector, detector
from hemoseg.metrics.field_sampling import Sampling, borrowed, sampling_of
from hemoseg.metrics.prevalence import Fields, drawn_fields, drawn_patient, interval, leverage, point
from hemoseg.metrics.sample_size import fields_for
from hemoseg.tables.sickling import sickling_rows

FIELDS, PATIENT = "these fields", "patient"
LEVERAGE = 2.0  # of a cell that is typed as another class, above which classes are hardly told apart; ours
FEW_FIELDS = 2  # with which coverage is above its level by more than two points (benchmarks/counts)
FEW_PATIENTS = 4  # in the evidence, below which how they differ is mostly assumed; not stated, ours
COLUMNS = [
    *("group", "image", "fields", "measure", "target", "class", "unit", "found", "value", "low", "high"),
    *("floor", "fields_needed", "cells_needed", "notes"),
]
NOTES = {
    "no_evidence": "The model's errors are not known: numbers are as found, and intervals hold sampling alone.",
    "few_in_evidence": "The evidence has too few labelled cells of the class to know its errors: they are taken to be "
    "missed as cells of the other classes are and never confused, and no interval is given.",
    "hardly_told_apart": "The model confuses this class with another so much that each cell that is typed wrongly "
    "changes the corrected number by more than two: the interval may hold less often than it says. Merge the classes.",
    "no_patients_in_evidence": "The evidence names no patients: what differs between them is not in the intervals, "
    "only what differs between frames.",
    "few_patients_in_evidence": "The evidence has fewer than four patients: how much they differ is mostly assumed.",
    "one_field": "The patient has one field: how fields differ is taken from other patients or the evidence.",
    "few_fields": "The patient has one or two fields: intervals of shares hold more often than they say.",
    "fields_alike": "No patient has two fields, and neither has the evidence: cells are taken to fall at random.",
    "shape_only": "Of the outlines as found: the model's errors are not in the interval.",
    "out_of_reach": "No number of fields makes the interval as narrow as asked: the model's errors leave `floor`.",
    "against_auto": "The model's errors are known against automatic labels only, which err themselves.",
    "no_group": "No patients are named: all images are taken to be of one.",
}


@dataclass(frozen=True)
class Found:
    """Cells that count, of every image.

    Attributes:
        classes: names of classes 1..K.
        images: a row per image: ``image``, ``group``, ``area`` in pixels of the network, ``field``, the same in the
            unit of the density.
        cells: a row per cell that counts: ``image``, ``class``, ``whole`` (no border cuts it), ``area_px``,
            ``eccentricity``.
        unit: of the density, such as "cells per mm2".
        level: of the intervals.
        within: half width of a share that is asked for.
        seed: of the draws.
        notes: words that every row bears.
    """

    classes: list[str]
    images: pd.DataFrame
    cells: pd.DataFrame
    unit: str
    level: float = 0.95
    within: float = 0.05
    seed: int = 0
    notes: tuple[str, ...] = ()

    def fields(self, rows: pd.DataFrame) -> Fields:
        """Predicted cells of some of the images."""
        table = np.zeros((len(rows), len(self.classes)), np.int64)
        place = pd.Index(rows["image"]).get_indexer(self.cells["image"])
        kind = self.cells["class"].to_numpy(np.int64)
        of = (place >= 0) & (kind > 0)
        np.add.at(table, (place[of], kind[of] - 1), 1)
        return Fields(table, rows["area"].to_numpy(float))


def image_counts(found: Found, detector: Detector | None) -> pd.DataFrame:
    """A row per image, measure (count, share) and class; the target is the image itself."""
    rows = []
    for number, (_, image) in enumerate(found.images.iterrows()):
        fields = found.fields(found.images.iloc[[number]])
        told = {"group": image["group"], "image": image["image"], "fields": 1}
        rows += [told | row for row in _of_fields(found, fields, detector, [found.seed, 1, number])]
    return pd.DataFrame(rows, columns=COLUMNS)


def patient_counts(found: Found, detector: Detector | None, elsewhere: Sampling | None = None) -> pd.DataFrame:
    """A row per patient, measure, target and class.

    Args:
        found: cells that count.
        detector: of the model's evidence; none where it has none.
        elsewhere: how fields of the evidence differ, used where the patients here have few.
    """
    whole = found.fields(found.images)
    own = sampling_of(whole.found, whole.area, found.images["group"].to_numpy(str))
    sampling = borrowed(own, elsewhere or Sampling())
    rows = []
    for number, (group, images) in enumerate(found.images.groupby("group", sort=False)):
        fields = found.fields(images)
        told = {"group": group, "image": "", "fields": len(images)}
        notes = [] if group else ["no_group"]
        of = [*_of_fields(found, fields, detector, [found.seed, 2, number])]
        of += _of_patient(found, fields, images, detector, sampling, [found.seed, 3, number])
        of += sickling_rows(found.cells, images, found.images, found.level)
        rows += [told | row | {"notes": _joined(*notes, row["notes"])} for row in of]
    return pd.DataFrame(rows, columns=COLUMNS)


def evidence_fields(errors: Mapping[str, Any]) -> Sampling:
    """How the true cells of the evidence's frames differ within its patients; nothing where it names none."""
    frames = errors["frames"]
    if not errors["grouped"]:
        return Sampling()
    truth, area, group = (np.array([frame[name] for frame in frames]) for name in ("truth", "pixels", "group"))
    return sampling_of(truth, area.astype(float), group)


def perfect(classes: list[str]) -> Detector:
    """A detector that never errs: what is assumed where nothing is known of the errors."""
    n = len(classes)
    frame = {"group": 0, "frame": 0, "pixels": 1e100, "truth": [1e100] * n, "pieces": [0] * n, "made_up": [0] * n}
    return detector({"classes": classes, "grouped": False, "frames": [frame | {"found": 1e100 * np.eye(n)}]})


def _of_fields(found: Found, fields: Fields, detector: Detector | None, seed: list[int]) -> Iterator[dict[str, Any]]:
    """Counts and shares in the fields at hand; without evidence as found, without intervals."""
    told = {"target": FIELDS, "notes": _notes(found, detector)}
    value = point(fields, detector) if detector else fields.total.astype(float)
    draws = drawn_fields(fields, detector, np.random.default_rng(seed)) if detector else None
    for measure, made in (("count", _with_sum), ("share", _shares)):
        ends = np.full((2, len(value) + 1), np.nan)
        if draws is not None:
            ends = np.array(interval(made(draws.astype(float)), found.level, share=measure == "share"))
        yield from _rows(found, detector, fields, told | {"measure": measure}, made(value), ends)


def _of_patient(
    found: Found, fields: Fields, images: pd.DataFrame, detector: Detector | None, sampling: Sampling, seed: list[int]
) -> Iterator[dict[str, Any]]:
    """Shares in the patient's blood with the fields that a share to within so much needs, and densities."""
    known = detector or perfect(found.classes)
    notes = [
        _notes(found, detector),
        "one_field" if len(images) == 1 else "",
        "few_fields" if len(images) <= FEW_FIELDS else "",
        "" if sampling.freedom else "fields_alike",
    ]
    told = {"target": PATIENT, "notes": ";".join(filter(None, notes))}
    shares, density = drawn_patient(fields, known, sampling, np.random.default_rng(seed))
    value, per_unit = point(fields, known), fields.area.sum() / images["field"].sum()
    padded = np.pad(shares, ((0, 0), (0, 1)), constant_values=np.nan)
    ends = np.array(interval(padded, found.level, share=True))
    rows = _rows(found, detector, fields, told | {"measure": "share"}, _shares(value), ends)
    for row, plan in zip(rows, _plans(found, fields, known, sampling), strict=False):  # one class has no shares
        more = {"notes": _joined(row["notes"], "out_of_reach")} if plan.get("fields_needed") == np.inf else {}
        yield row | plan | more | ({} if detector else {"floor": np.nan})
    ends = np.array(interval(_with_sum(density * per_unit), found.level, share=False))
    value = _with_sum(value / images["field"].sum())
    yield from _rows(found, detector, fields, told | {"measure": "density", "unit": found.unit}, value, ends)


def _plans(found: Found, fields: Fields, detector: Detector, sampling: Sampling) -> list[dict[str, float]]:
    """Of each class the fields and cells that its share needs, and what its interval would always keep."""
    cells = fields.total.sum() / len(fields.area)
    if not cells or len(found.classes) == 1:
        return [{} for _ in found.classes]
    plan = fields_for(found.within, fields, detector, sampling, found.level)
    return [
        {"fields_needed": number, "cells_needed": np.ceil(number * cells), "floor": floor}
        for number, floor in zip(plan.fields, plan.floor, strict=True)
    ]


def _rows(
    found: Found, detector: Detector | None, fields: Fields, told: dict[str, Any], value: np.ndarray, ends: np.ndarray
) -> Iterator[dict[str, Any]]:
    """A row per class and, but for shares, one of all; ``value`` ``(K + 1,)`` and ``ends`` ``(2, K + 1)``.

    A single class is all there is, and has no share.
    """
    is_share, single = told["measure"] == "share", len(found.classes) == 1
    names = [] if is_share and single else [*found.classes, *([] if is_share or single else [EVERY])]
    unknown = [*(~detector.known if detector else [False] * len(found.classes)), False]
    hard = [*(leverage(detector) > LEVERAGE if detector else [False] * len(found.classes)), False]
    number = _with_sum(fields.total)
    for k, name in enumerate(names):
        said = ["few_in_evidence" if unknown[k] else "", "hardly_told_apart" if hard[k] else ""]
        notes = _joined(told["notes"], *said)
        low, high = (np.nan, np.nan) if unknown[k] else ends[:, k]
        row = {"unit": "cells" if told["measure"] == "count" else ""} | told | {"class": name, "found": number[k]}
        yield row | {"value": value[k], "low": low, "high": high, "notes": notes}


def _with_sum(number: np.ndarray) -> np.ndarray:
    return np.concatenate([number, number.sum(axis=-1, keepdims=True)], axis=-1)


def _shares(number: np.ndarray) -> np.ndarray:
    """Shares ``(..., K)`` and their sum; NaN where there is no cell."""
    whole = number.sum(axis=-1, keepdims=True)
    return _with_sum(np.divide(number, whole, out=np.full(number.shape, np.nan), where=whole > 0))


def _notes(found: Found, detector: Detector | None) -> str:
    if detector is None:
        return _joined(*found.notes, "no_evidence")
    few = detector.grouped and detector.freedom + 1 < FEW_PATIENTS
    words = {"no_patients_in_evidence": not detector.grouped, "few_patients_in_evidence": few}
    return _joined(*found.notes, *(word for word, so in words.items() if so))


def _joined(*words: str) -> str:
    return ";".join(filter(None, words))
