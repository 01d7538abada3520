"""What a patient's report says: sentences, captions, and tables as text."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.data.field_quality import LOGARITHMIC, NOT_KNOWN
from hemoseg.figures.clinic_tables import NOTHING, decimals, whole
from hemoseg.figures.patient import SHAPE_NAMES
from hemoseg.figures.words import count_of
from hemoseg.metrics.counting import EVERY

NO_REFERENCE = (
    "There is no reference group: name one with `--reference` (a folder that `hemoseg segment` wrote, or other groups "
    "of this one) to see which shapes and cells are unusual."
)
TOO_SMALL = "The reference group has only {cells}: too few to say what is usual."
# What a flag means where the images are not at hand to tell by how much.
MEANINGS = {
    "empty": "no cell was found",
    "blurred": "out of focus against the training frames",
    "dark": "darker than the training frames",
    "bright": "brighter than the training frames",
    "saturated": "many pixels at full light",
    "uneven_light": "the light falls across the field more than in the training frames",
    "crowded": "cells cover more of the field than in the training frames",
    "large_cells": "cells are wider than in the training frames: joined, or another size of pixels",
    "small_cells": "cells are narrower than in the training frames: in pieces, or another size of pixels",
    "unlike_training": "far from the training frames in light, colour, grain or size of cells",
    "disputed": "network and thresholding disagree more than on the frames of its cross-validation",
}
LOOKED = {  # heading of a table: feature, factor, decimals
    "edge width, px": ("edge_width", 1, 1),
    "light, %": ("light", 100, 0),
    "light falls by, %": ("uneven", 100, 0),
    "saturated, %": ("saturated", 100, 1),
    "covered by cells, %": ("covered", 100, 0),
}
INTERVALS = (
    "Intervals are of sampling, with a design effect for cells of one field being alike, and know nothing of the "
    "model's own errors"
)
OF_CORRECTED = "; those of the corrected numbers hold both, as far as its cross-validation showed its errors."
SHARES = (
    "Share of each class among the cells of the fields that count, with its {level:.0%} interval; n counts cells. The "
    "interval is of sampling: which fields of the smear were seen."
)
DISTRIBUTIONS = (
    "Whole cells of the fields that count (no border cuts them). Blue: this patient{reference}. Each curve is scaled "
    "to its own maximum. The farthest 0.4 % of the cells lie outside."
)
OF_REFERENCE = (
    "; dashed orange: the reference, grey: the middle 95 % of its cells, beyond which lie 2.5 % of them on either side"
)
GALLERY = (
    "The cells that are farthest from the reference's of their class in size, elongation, dents, outline and darkness "
    "(times: the distance over the one that 99 % of the reference's cells keep, so that 1 and less is usual). Below "
    "each: class and number, what differs most, image. Every picture is {side} wide, but for larger cells."
)
FIELDS = "Fields with a flag, the whole field made small. Below each: its name, the flags."


def name_of(patient: str) -> str:
    """What a patient is called on the page."""
    return patient or "no patient named"


def verdict(images: pd.DataFrame, table: pd.DataFrame) -> str:
    """How many cells in how many fields, and how many fields should not be counted."""
    flagged = int((images["flags"] != "").sum())
    cells = int(images["cells"].sum())
    text = f"{count_of(cells, 'cell')} in {count_of(len(images), 'field')}"
    if flagged == 0:
        return f"{text}; no field has a flag."
    have = "has" if flagged == 1 else "have"
    left = int(table["cells"].iloc[0])
    if flagged == len(images):
        return f"{text}; every field has a flag that speaks against counting it. Nothing here should be relied on."
    return (
        f"{text}; {flagged} of them {have} a flag that speaks against counting. The numbers below are of the "
        f"other {count_of(len(images) - flagged, 'field')}, {count_of(left, 'cell')}."
    )


def share_table(table: pd.DataFrame, every: pd.DataFrame, reference: pd.DataFrame | None) -> pd.DataFrame:
    """Counts and shares as text: of the fields that count, of all fields, of the reference; one class has no share."""
    rows, several = [], len(table) > 2
    table = table if several else table.head(1)
    for place, row in enumerate(table.to_dict("records")):
        text = {"": "all cells" if row["class"] == EVERY else row["class"], "cells": whole(row["cells"])}
        text |= {"cells per field": _rounded(row["per_field"])} | ({"share": _share(row)} if several else {})
        text |= {"cells, flagged fields too": whole(every["cells"].iloc[place])}
        if several and reference is not None:
            text |= {"share in the reference": _share(reference.iloc[place].to_dict())}
        rows.append(text)
    return pd.DataFrame(rows)


def _share(row: Mapping[str, Any]) -> str:
    if pd.isna(row["share"]):
        return NOTHING
    return f"{100 * row['share']:.1f} % [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def _rounded(value: float) -> str:
    return NOTHING if pd.isna(value) else f"{value:.{decimals(value)}f}"


def shape_table(compared: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Medians and quartiles beside the reference's, and the shares of cells beyond its usual range."""
    rows = []
    for row in compared.to_dict("records"):
        head = SHAPE_NAMES[row["shape"]] + {"area": f", {unit}²", "perimeter": f", {unit}"}.get(row["shape"], "")
        rows.append({
            "": head, "median [quartiles]": _quartiles(row, ""), "reference": _quartiles(row, "reference_"),
            "below its 2.5 %": _tail(row, "below"), "above its 97.5 %": _tail(row, "above"),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _quartiles(row: Mapping[str, Any], before: str) -> str:
    values = [row[f"{before}{key}"] for key in ("median", "q25", "q75")]
    digits = 3 if abs(values[0]) < 1 else decimals(values[0])
    return "{0:.{3}f} [{1:.{3}f}, {2:.{3}f}]".format(*values, digits)


def _tail(row: Mapping[str, Any], side: str) -> str:
    text = f"{100 * row[side]:.1f} % [{100 * row[f'{side}_low']:.1f}, {100 * row[f'{side}_high']:.1f}]"
    return f"{text} more" if row[f"{side}_low"] > 0.025 else text


def unusual(compared: pd.DataFrame) -> str:
    """Which shapes have more cells beyond the usual range than the reference's; empty where none has."""
    told = []
    for row in compared.to_dict("records"):
        for side, word in (("below", "low"), ("above", "high")):
            if row[f"{side}_low"] > 0.025:
                told.append(f"{SHAPE_NAMES[row['shape']].split(',')[0]} {word} in {row[side]:.1%} of the cells")
    if not told:
        return "No shape has clearly more cells beyond the reference's usual range than the 2.5 % of the reference."
    return f"Beyond the reference's usual range, where 2.5 % are expected: {'; '.join(told)}."


def field_table(
    images: pd.DataFrame, features: Mapping[str, Mapping[str, float]], known: Mapping | None
) -> pd.DataFrame:
    """A row per field: cells, sharpness, light, how full, flags; and one of the training frames' medians."""
    rows = []
    for row in images.to_dict("records"):
        of = features.get(row["image"], {})
        rows.append({"": row["image"], "cells": whole(row["cells"])} | _looked(of) | {
            "flags": row["flags"].replace(";", ", ").replace("_", " ") or "none",
        })  # fmt: skip
    if known:
        usual = {name: _plain(name, of["median"]) for name, of in known["features"].items()}
        rows.append({"": "training frames, median", "cells": ""} | _looked(usual) | {"flags": ""})
    return pd.DataFrame(rows)


def _plain(name: str, value: float) -> float:
    return float(np.exp(value)) if name in LOGARITHMIC else value


def _looked(of: Mapping[str, float]) -> dict[str, str]:
    return {
        head: NOTHING if not np.isfinite(of.get(name, np.nan)) else f"{factor * of[name]:.{digits}f}"
        for head, (name, factor, digits) in LOOKED.items()
    }


def reasons(images: pd.DataFrame, told: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A sentence per flag of a field, with its reason where that is known."""
    said = []
    for row in images.to_dict("records"):
        known = told.get(row["image"], {})
        for word in filter(None, row["flags"].split(";")):
            reason = known.get(word) or MEANINGS.get(word, "flagged by `segment`")
            said.append(f"{row['image']}, {word.replace('_', ' ')}: {reason}.")
    return said


def limits(report: Any) -> list[str]:
    """What a reader must know before a number is used."""
    said = [
        f"Cells were found by {report.model}, not by a person. Touching cells that it does not part count as one.",
        INTERVALS + (OF_CORRECTED if report.corrected and report.corrected[1].get("evidence") else "."),
    ]
    if report.known is None:
        said.append(f"{NOT_KNOWN[0].upper()}{NOT_KNOWN[1:]}.")
    if report.missing:
        said.append(
            f"The files of {count_of(len(report.missing), 'image')} are not where they were: no pictures of them."
        )
    return said
