"""Sickling index from shape alone: the share of the whole cells that are at least twice as long as wide.

Length and width are the axes of the ellipse with the cell's second moments; width over length is the elliptical shape
factor by which Delgado-Font et al. (2020, doi:10.1007/s11517-019-02085-9) tell elongated cells. The threshold is ours:
of the 501 labelled cells of erythrocytesIDB1 it takes 96 % of the elongated ones, 6 % of those of other shapes and none
of the circular ones for sickled. It does not depend on the model's classes, so it may stand beside them; it does depend
on outlines. Cells that a border cuts are left out, and so are those of more than `SEVERAL` times the median area, which
are probably several: two round cells that touch are as long as a sickled one.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from hemoseg.metrics.counting import EVERY
from hemoseg.metrics.field_sampling import sampling_of
from hemoseg.tables.intervals import Spread, of_share

WIDTH_OVER_LENGTH = 0.5  # not stated, ours: see above
SEVERAL = 1.6  # not stated, ours


def is_sickled(eccentricity: np.ndarray) -> np.ndarray:
    """Whether cells are at least twice as long as wide, bool ``(n,)``; NaN is not."""
    return 1 - np.asarray(eccentricity, float) ** 2 <= WIDTH_OVER_LENGTH**2 * (1 + 1e-9)


def sickling_rows(cells: pd.DataFrame, images: pd.DataFrame, every: pd.DataFrame, level: float) -> list[dict[str, Any]]:
    """The index of the patient of some images, with an interval for sampling; none where cells have no shape.

    Args:
        cells: of all patients: ``image``, ``whole``, ``area_px``, ``eccentricity``.
        images: of the patient: ``image``, ``area``.
        every: of all patients, with ``group``; they tell how fields differ.
        level: of the interval.
    """
    if "eccentricity" not in cells:
        return []
    whole = cells[cells["whole"].astype(bool) & cells["eccentricity"].notna()]
    single = whole[whole["area_px"] <= SEVERAL * whole.groupby("image")["area_px"].transform("median")]
    sickled = is_sickled(single["eccentricity"])
    place = pd.Index(every["image"]).get_indexer(single["image"])
    table = np.zeros((len(every), 2), np.int64)
    np.add.at(table, (place, np.where(sickled, 1, 0)), 1)
    sampling = sampling_of(table, every["area"].to_numpy(float), every["group"].to_numpy(str))
    of = table[every["image"].isin(images["image"]).to_numpy()]
    _, effect = sampling.effects(of.sum(axis=1))
    tail = (1 + level) / 2
    quantile = special.stdtrit(sampling.freedom, tail) if sampling.freedom and effect > 1 else special.ndtri(tail)
    part, number = of[:, 1].sum(), of.sum()
    low, high = of_share(part, number, Spread(effect, float(quantile)))
    value = part / number if number else np.nan
    told = {"measure": "sickling_index", "target": "patient", "class": EVERY, "unit": "", "found": int(part)}
    return [told | {"value": value, "low": float(low), "high": float(high), "notes": "shape_only"}]
