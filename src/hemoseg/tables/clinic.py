"""Counts, density, shape and shares of classes, per frame and per patient, from measured cells.

Every number is a quotient of two sums over frames, so the sums of each frame are made once and added up.
"""

import numpy as np
import pandas as pd

from hemoseg.metrics.counting import EVERY, SHAPES, Counted
from hemoseg.tables import intervals
from hemoseg.tables.intervals import Spread

RATES = ("per_field", "density")
MEASURES = ("count", *RATES, *SHAPES, "share")
COLUMNS = [
    *("group", "frame", "frames", "clusters", "measure", "class", "unit"),
    *("n", "value", "sd", "low", "high", "truth_n", "truth", "bias"),
]
SUMS = ["sum", "size", "squares"]


def frame_table(found: Counted) -> pd.DataFrame:
    """A row per frame, measure and class; intervals as if the cells of the frame were drawn one by one."""
    table = _scored(frame_sums(found), "frame", found, None)
    group_of = found.frames.set_index("frame")["group"]
    return _finished(table.assign(group=table["frame"].map(group_of), clusters=""), found)


def patient_table(found: Counted) -> pd.DataFrame:
    """A row per patient, measure and class, and one of all patients, whose clusters are the patients.

    Where the set names no patient, only the row of all frames, whose clusters are the frames.
    """
    sums, parts = frame_sums(found), []
    named = found.frames["group"].replace("", np.nan).nunique()
    if named:
        parts.append(_scored(sums, "group", found, "frame").assign(clusters="frames"))
    every = sums.assign(group=EVERY, patient=sums["group"])
    cluster = "patient" if named > 1 else "frame"
    parts.append(_scored(every, "group", found, cluster).assign(clusters=f"{cluster}s"))
    return _finished(pd.concat(parts, ignore_index=True).assign(frame=""), found)


def frame_sums(found: Counted) -> pd.DataFrame:
    """Of each side, measure, class and frame: the sum that a rate is made of, what divides it, the sum of squares.

    The sum and the size of a share are cells of the class and all cells; of a density cells and field; of a mean the
    values and the cells.
    """
    names = [EVERY, *found.classes] if len(found.classes) > 1 else [EVERY]
    tables = []
    for side in ("pred", "gt"):
        cells = found.cells[found.cells["side"] == side].drop(columns="class")
        of_every = cells.assign(class_name=EVERY)
        cells = pd.concat([of_every, cells] if len(names) > 1 else [of_every])
        keys = pd.MultiIndex.from_product([names, found.frames["frame"]], names=["class", "frame"])
        tables += [
            part.assign(side=side) for part in _of_side(cells.rename(columns={"class_name": "class"}), keys, found)
        ]
    sums = pd.concat(tables, ignore_index=True)
    sums = sums[(sums["measure"] != "share") | (sums["class"] != EVERY)]
    return sums.merge(found.frames[["frame", "group"]], on="frame")


def _of_side(cells: pd.DataFrame, keys: pd.MultiIndex, found: Counted) -> list[pd.DataFrame]:
    counts = cells[cells["counts"].astype(bool)].groupby(["class", "frame"]).size().reindex(keys, fill_value=0)
    frame = keys.get_level_values("frame")
    sizes = {
        "count": np.ones(len(keys)),
        "per_field": np.ones(len(keys)),
        "density": found.frames.set_index("frame")["field"].reindex(frame).to_numpy(),
        "share": counts[EVERY].reindex(frame).to_numpy(),
    }
    tables = {m: pd.DataFrame({"sum": counts, "size": size, "squares": np.nan}) for m, size in sizes.items()}
    whole = cells[cells["whole"].astype(bool)].assign(one=1.0)
    for measure in SHAPES:
        parts = whole.assign(sum=whole[measure], squares=whole[measure] ** 2, size=whole["one"])
        tables[measure] = parts.groupby(["class", "frame"])[SUMS].sum().reindex(keys, fill_value=0.0)
    return [table.reset_index().assign(measure=measure) for measure, table in tables.items()]


def _scored(sums: pd.DataFrame, key: str, found: Counted, cluster: str | None) -> pd.DataFrame:
    """A row per ``key``, measure and class: value, sd, interval, and the same of the truth."""
    keys = [key, "measure", "class"]
    added = sums.groupby([*keys, "side"], sort=False)[SUMS].sum(min_count=1).unstack("side")
    ours, true = (added.xs(side, axis=1, level="side") for side in ("pred", "gt"))
    frames = sums.groupby(key)["frame"].nunique()
    rows = _valued(ours).reset_index()
    rows = rows.assign(frames=rows[key].map(frames))
    truth = _valued(true).reset_index(drop=True) * (1.0 if found.has_truth else np.nan)
    rows = rows.assign(truth_n=truth["n"], truth=truth["value"], bias=rows["value"] - truth["value"])
    return _bounded(rows, sums[sums["side"] == "pred"], key, found.level, cluster)


def _valued(sums: pd.DataFrame) -> pd.DataFrame:
    """N cells that a number is of, the number, and its sd over cells."""
    measure = sums.index.get_level_values("measure")
    size = sums["size"].where(sums["size"] > 0)
    value = (sums["sum"] / size).where(measure != "count", sums["sum"])
    is_mean = measure.isin(SHAPES)
    variance = (sums["squares"] - size * value**2).clip(lower=0) / (size - 1).where(size > 1)
    n = sums["size"].where(is_mean | (measure == "share"), sums["sum"])
    return sums.assign(n=n, value=value, sd=np.sqrt(variance.where(is_mean)))


def _bounded(rows: pd.DataFrame, sums: pd.DataFrame, key: str, level: float, cluster: str | None) -> pd.DataFrame:
    """Rows with their intervals; the design effects are learnt from clusters within each ``key``."""
    parts = []
    for (measure, name), part in rows.groupby(["measure", "class"], sort=False):
        spread = intervals.alone(level)
        if cluster:
            known = sums[(sums["measure"] == measure) & (sums["class"] == name)]
            spread = _spread(known.groupby([key, cluster], as_index=False)[SUMS].sum(), key, measure, level)
        if measure in SHAPES:
            low, high = intervals.of_mean(part["value"], part["sd"], part["size"], spread)
            high = np.minimum(high, 1) if measure == "eccentricity" else high  # which is below 1 of every cell
        else:
            made = intervals.of_share if measure == "share" else intervals.of_rate
            low, high = made(part["sum"], part["size"], spread)
        blank = np.nan if measure == "count" else 1.0
        parts.append(part.assign(low=low * blank, high=high * blank))
    return pd.concat(parts)


def _spread(sums: pd.DataFrame, key: str, measure: str, level: float) -> Spread:
    total = sums.groupby(key)[SUMS].transform("sum")
    rate = total["sum"] / total["size"]
    variance = {"share": rate * (1 - rate)}.get(measure, rate)
    if measure in SHAPES:
        variance = (total["squares"] / total["size"] - rate**2).clip(lower=0)
    return intervals.design_effect(sums["sum"], sums["size"], sums["size"] * variance, sums[key], level)


def _finished(table: pd.DataFrame, found: Counted) -> pd.DataFrame:
    """The columns, and the order: of frames or patients, then of measures, then of classes."""
    frames, groups = list(found.frames["frame"]), [*dict.fromkeys(found.frames["group"]), EVERY]
    order = table.assign(
        first=table["frame"].map(frames.index) if table["frame"].all() else table["group"].map(groups.index),
        second=table["measure"].map(MEASURES.index),
        third=table["class"].map([EVERY, *found.classes].index),
        unit=table["measure"].map(_units(found.length)),
    )
    return order.sort_values(["first", "second", "third"])[COLUMNS].reset_index(drop=True)


def _units(length: str) -> dict[str, str]:
    field = "mm2" if length == "um" else "10^6 px"
    return {
        "count": "cells", "per_field": "cells per frame", "density": f"cells per {field}", "area": f"{length}2",
        "perimeter": length, "eccentricity": "", "form_factor": "", "share": "",
    }  # fmt: skip
