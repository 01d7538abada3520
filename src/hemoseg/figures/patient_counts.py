"""The corrected counts of one patient as text: what `count` wrote, beside what the model found."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from hemoseg.figures.clinic_tables import NOTHING, decimals, unit, whole
from hemoseg.metrics.counting import EVERY

MEASURES = {
    "count": "cells", "share": "share", "density": "density", "per_field": "cells per field",
    "sickling_index": "sickling index, by shape",
}  # fmt: skip
WITHOUT = (
    "Not corrected for the model's errors: run `hemoseg count` on the same folder (`--unflagged` leaves out the fields "
    "with flags) and pass its folder as `--counts`."
)


def table(counted: pd.DataFrame) -> pd.DataFrame:
    """A row per number: as found, corrected with its interval, and the fields that the asked width needs.

    Args:
        counted: rows of one patient of ``patients.csv``, which `tables.count_intervals` describes.
    """
    rows = []
    for row in counted.to_dict("records"):
        name = MEASURES.get(row["measure"], str(row["measure"]).replace("_", " "))
        of = f"{name}, {row['class']}" if row["class"] != EVERY else name
        of += f" ({unit(str(row['unit']))})" if row["measure"] == "density" and not pd.isna(row["unit"]) else ""
        rows.append({
            "": of, "of": row["target"], "cells found": whole(row["found"]), "corrected": _interval(row),
            "fields for the width asked": whole(row["fields_needed"]),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _interval(row: Mapping[str, Any]) -> str:
    """``12.3 % [10.1, 14.8]``; shares in per cent."""
    if pd.isna(row["value"]):
        return NOTHING
    factor, sign = (100, " %") if row["measure"] in ("share", "sickling_index") else (1, "")
    digits = 1 if sign else decimals(row["value"])
    value, low, high = (f"{factor * row[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value}{sign}" if pd.isna(row["low"]) else f"{value}{sign} [{low}, {high}]"


def notes(counted: pd.DataFrame, facts: Mapping[str, Any]) -> list[str]:
    """What must be known of these numbers: how they were made, and the notes that rows bear."""
    left_out = f", {facts['left_out']} left out" if facts.get("left_out") else ""
    evidence = facts.get("evidence")
    known = (
        f"Errors are known from {evidence['frames']} frames of the model's cross-validation."
        if evidence
        else "The model's errors are not known: nothing is corrected."
    )
    said = [f"From {facts['images']} images of all patients{left_out}; {100 * facts['level']:g} % intervals. {known}"]
    words = dict.fromkeys(word for text in counted["notes"].dropna() for word in str(text).split(";") if word)
    return said + [str(facts.get("notes", {}).get(word, word)) for word in words]
