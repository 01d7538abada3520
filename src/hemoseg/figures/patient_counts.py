"""The corrected counts of one patient as text: what `count` wrote, beside what the model found."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.figures.clinic_tables import NOTHING, decimals, unit, whole
from hemoseg.metrics.counting import EVERY

# Measure and target of the columns: what is in these fields, and what in the blood that they are a sample of.
SHOWN = (("count", "these fields"), ("share", "patient"), ("density", "patient"))
WITHOUT = (
    "Not corrected for the model's errors: run `hemoseg count` on the same folder (`--unflagged` leaves out the fields "
    "with flags) and pass its folder as `--counts`."
)


def table(counted: pd.DataFrame) -> pd.DataFrame:
    """A row for all cells and one per class: cells as found and corrected, share, density, fields that a share needs.

    Args:
        counted: rows of one patient of ``patients.csv``, which `tables.count_intervals` describes.
    """
    rows = []
    names = [name for name in dict.fromkeys(counted["class"]) if name != EVERY]
    for name in [EVERY, *names]:
        of = {(row["measure"], row["target"]): row for row in counted[counted["class"] == name].to_dict("records")}
        count, share, density = (of.get(key) for key in SHOWN)
        unit_of = f"density, {unit(str(density['unit']))}" if density else "density"
        rows.append({
            "": "all cells" if name == EVERY else name,
            "cells found": whole(count["found"]) if count else NOTHING,
            "corrected": _interval(count), "share in the patient": _interval(share), unit_of: _interval(density),
            "fields for the width asked": _fields(share["fields_needed"]) if share else NOTHING,
        })  # fmt: skip
    return pd.DataFrame(rows).fillna(NOTHING)


def _fields(needed: float) -> str:
    return "out of reach" if np.isinf(needed) else whole(needed)


def sickling(counted: pd.DataFrame) -> str:
    """The sickling index by shape; empty where it was not made."""
    rows = counted[counted["measure"] == "sickling_index"].to_dict("records")
    return f"Sickling index by shape (cells at least twice as long as wide): {_interval(rows[0])}." if rows else ""


def _interval(row: Mapping[str, Any] | None) -> str:
    """``12.3 % [10.1, 14.8]``; shares in per cent."""
    if row is None or pd.isna(row["value"]):
        return NOTHING
    factor, sign = (100, " %") if row["measure"] in ("share", "sickling_index") else (1, "")
    digits = 1 if sign else decimals(row["value"])
    value, low, high = (f"{factor * row[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value}{sign}" if pd.isna(row["low"]) else f"{value}{sign} [{low}, {high}]"


def notes(counted: pd.DataFrame, facts: Mapping[str, Any], fields: int) -> list[str]:
    """What must be known of these numbers: how they were made, and the notes that rows bear.

    Args:
        counted: as in `table`.
        facts: facts.json beside it.
        fields: how many fields of the patient the report counts.
    """
    left_out = f", {facts['left_out']} left out" if facts.get("left_out") else ""
    evidence = facts.get("evidence")
    known = (
        f"Errors are known from {evidence['frames']} frames of the model's cross-validation."
        if evidence
        else "The model's errors are not known: nothing is corrected."
    )
    said = [f"From {facts['images']} images of all patients{left_out}; {100 * facts['level']:g} % intervals. {known}"]
    if (here := int(counted["fields"].max())) != fields:
        said.append(f"These numbers are of {here} fields of this patient, the others of {fields}.")
    words = dict.fromkeys(word for text in counted["notes"].dropna() for word in str(text).split(";") if word)
    return said + [str(facts.get("notes", {}).get(word, word)) for word in words]
