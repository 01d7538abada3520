"""What a report on one patient says in numbers: counts and shares, and how its cells' shapes differ from a reference.

Cells of a field are alike, so every interval divides the number of cells by a design effect that the fields of all
patients tell (`tables.intervals`). It is that of sampling only: a model's own errors are no part of it.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hemoseg.metrics.counting import EVERY
from hemoseg.metrics.reference import CENTRAL, SHAPES
from hemoseg.tables import intervals

QUARTILES = {"q25": 0.25, "median": 0.5, "q75": 0.75}
UNIT_COLUMNS = {"area": ("area_px", "area_um2"), "perimeter": ("perimeter_px", "perimeter_um")}


def shapes_of(cells: pd.DataFrame, in_micrometres: bool) -> pd.DataFrame:
    """Rows of whole cells, those that no border cuts, with the columns of `SHAPES` in one unit.

    Args:
        cells: of a folder of `segment`.
        in_micrometres: take areas and lengths in micrometres, else in pixels.
    """
    whole = cells[~cells["touches_border"].astype(bool)]
    return whole.assign(**{name: whole[pair[in_micrometres]] for name, pair in UNIT_COLUMNS.items()})


def counts(images: pd.DataFrame, classes: Sequence[str], every: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """A row for all cells and one per class: cells, per_field, share, low, high.

    Args:
        images: rows of images.csv that are the patient's.
        classes: names, the background's left out.
        every: rows of all patients, by which fields of one patient are known to differ.
        level: of the interval of the share.
    """
    rows = [{"class": EVERY, "cells": int(images["cells"].sum()), "per_field": images["cells"].mean()}]
    for name in classes:
        found = images[f"n_{name}"]
        spread = _spread(every[f"n_{name}"], every["cells"], every["group"], level)
        low, high = intervals.of_share(found.sum(), images["cells"].sum(), spread)
        share = found.sum() / images["cells"].sum() if images["cells"].sum() else np.nan
        rows.append({"class": name, "cells": int(found.sum()), "per_field": found.mean(), "share": share} | {
            "low": float(low), "high": float(high)
        })  # fmt: skip
    return pd.DataFrame(rows, columns=["class", "cells", "per_field", "share", "low", "high"])


def _spread(part: pd.Series, whole: pd.Series, strata: pd.Series, level: float) -> intervals.Spread:
    """How much more shares of fields vary than those of independent cells, within patients."""
    of_stratum = part.groupby(strata).transform("sum") / whole.groupby(strata).transform("sum")
    return intervals.design_effect(part, whole, whole * of_stratum * (1 - of_stratum), strata, level)


def beside_reference(cells: pd.DataFrame, reference: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """A row per shape: quartiles of both, and the shares of the patient's cells below and above the usual range.

    Args:
        cells: of `shapes_of`, the patient's.
        reference: of `shapes_of`, the reference group's, at least `FEWEST`.
        level: of the intervals.

    Returns:
        shape, n and reference_n (cells), q25, median, q75, the same of the reference, ``low`` and ``high`` ends of the
        central `CENTRAL` of the reference's cells; ``below``, ``below_low``, ``below_high`` and ``above`` with its
        ends: shares of the patient's cells beyond them, where (1 - CENTRAL) / 2 is usual.
    """
    rows = []
    for name in SHAPES:
        ours, theirs = (table[["image", "group", name]].dropna() for table in (cells, reference))
        if len(ours) and len(theirs):
            rows.append({"shape": name, "n": len(ours), "reference_n": len(theirs)} | _compared(ours, theirs, level))
    return pd.DataFrame(rows)


def _compared(ours: pd.DataFrame, theirs: pd.DataFrame, level: float) -> dict[str, float]:
    name = ours.columns[-1]
    quarters = (0.25, 0.5, 0.75)
    found = dict(zip(("q25", "median", "q75"), ours[name].quantile(quarters), strict=True))
    found |= dict(
        zip(("reference_q25", "reference_median", "reference_q75"), theirs[name].quantile(quarters), strict=True)
    )
    tail = (1 - CENTRAL) / 2
    found["low"], found["high"] = theirs[name].quantile([tail, 1 - tail])
    both = pd.concat([ours.assign(side="ours"), theirs.assign(side="theirs")])
    for side, beyond in (("below", both[name] < found["low"]), ("above", both[name] > found["high"])):
        fields = both.assign(part=beyond).groupby(["side", "group", "image"])["part"].agg(["sum", "size"]).reset_index()
        spread = _spread(fields["sum"], fields["size"], fields["side"] + fields["group"], level)
        part, whole = fields.loc[fields["side"] == "ours", ["sum", "size"]].sum()
        low, high = intervals.of_share(part, whole, spread)
        found |= {side: part / whole, f"{side}_low": float(low), f"{side}_high": float(high)}
    return found
