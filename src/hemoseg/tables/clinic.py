"""Counts, density, shape and shares of classes, per frame and per patient, from measured cells."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from hemoseg.metrics.counting import EVERY, SHAPES, Counted
from hemoseg.tables import intervals
from hemoseg.tables.intervals import Spread

COLUMNS = [
    *("group", "frame", "frames", "clusters", "measure", "class", "unit"),
    *("n", "value", "sd", "low", "high", "truth_n", "truth", "bias"),
]
NOT_KNOWN = {"n": np.nan, "value": np.nan}


def frame_table(found: Counted) -> pd.DataFrame:
    """A row per frame, measure and class; intervals as if the cells of the frame were drawn one by one."""
    alone = Spread(1.0, float(stats.norm.ppf((1 + found.level) / 2)))
    rows = []
    for _, frame in found.frames.iterrows():
        at = {"group": frame["group"], "frame": frame["frame"], "frames": 1, "clusters": ""}
        part = found.frames[found.frames["frame"] == frame["frame"]]
        rows += [at | row for row in _rows(found, part, lambda *_: alone)]
    return pd.DataFrame(rows, columns=COLUMNS)


def patient_table(found: Counted) -> pd.DataFrame:
    """A row per patient, measure and class, and one of all patients, whose clusters are the patients.

    Where the set names no patient, only the row of all frames, whose clusters are the frames.
    """
    rows = []
    groups = [name for name in dict.fromkeys(found.frames["group"]) if name]
    if groups:
        for name in dict.fromkeys(found.frames["group"]):
            part = found.frames[found.frames["group"] == name]
            at = {"group": name, "frame": "", "frames": len(part), "clusters": "frames"}
            rows += [at | row for row in _rows(found, part, _Spreads(found, "frame", "group"))]
    clusters = "patients" if len(groups) > 1 else "frames"
    at = {"group": EVERY, "frame": "", "frames": len(found.frames), "clusters": clusters}
    spreads = _Spreads(found, "group" if clusters == "patients" else "frame", None)
    rows += [at | row for row in _rows(found, found.frames, spreads)]
    return pd.DataFrame(rows, columns=COLUMNS)


class _Spreads:
    """Design effect of a measure of a class, of clusters within strata, learnt from the found cells of all frames."""

    def __init__(self, found: Counted, cluster: str, stratum: str | None):
        self.found, self.cluster, self.stratum = found, cluster, stratum
        self.known: dict[tuple[str, str], Spread] = {}

    def __call__(self, measure: str, name: str) -> Spread:
        if (measure, name) not in self.known:
            self.known[measure, name] = self._learnt(measure, name)
        return self.known[measure, name]

    def _learnt(self, measure: str, name: str) -> Spread:
        sums, sizes, squares = _sums(self.found, "pred", self.found.frames, measure, name)
        frames = self.found.frames
        stratum = frames[self.stratum] if self.stratum else pd.Series("", frames.index)
        table = pd.DataFrame({"y": sums.to_numpy(), "m": sizes.to_numpy(), "q": squares.to_numpy()})
        table = table.assign(cluster=frames[self.cluster].to_numpy(), stratum=stratum.to_numpy())
        table = table.groupby(["stratum", "cluster"], as_index=False)[["y", "m", "q"]].sum()
        total = table.groupby("stratum")[["y", "m", "q"]].transform("sum")
        rate = total["y"] / total["m"]
        if measure == "share":
            variance = table["m"] * rate * (1 - rate)
        elif measure in ("count", "density", "per_field"):
            variance = table["m"] * rate
        else:
            variance = table["m"] * (total["q"] / total["m"] - rate**2).clip(lower=0)
        return intervals.design_effect(table["y"], table["m"], variance, table["stratum"], self.found.level)


def _chosen(found: Counted, side: str, frames: pd.DataFrame, name: str, kept: str) -> pd.DataFrame:
    cells = found.cells
    cells = cells[(cells["side"] == side) & cells[kept].astype(bool) & cells["frame"].isin(frames["frame"])]
    return cells if name == EVERY else cells[cells["class_name"] == name]


def _sums(found: Counted, side: str, frames: pd.DataFrame, measure: str, name: str) -> tuple[pd.Series, ...]:
    """Of each frame: the sum that a rate is made of, what it is divided by, and the sum of squares."""
    if measure in SHAPES:
        cells = _chosen(found, side, frames, name, "whole")
        parts = (cells[measure], pd.Series(1.0, cells.index), cells[measure] ** 2)
    else:
        cells = _chosen(found, side, frames, name, "counts")
        parts = (pd.Series(1.0, cells.index),) * 3
    of_frame = [part.groupby(cells["frame"]).sum().reindex(frames["frame"], fill_value=0.0) for part in parts]
    if measure == "share":
        every = _chosen(found, side, frames, EVERY, "counts")
        of_frame[1] = every.groupby("frame").size().reindex(frames["frame"], fill_value=0).astype(float)
    elif measure not in SHAPES:
        of_frame[1] = frames.set_index("frame")["field"] if measure == "density" else of_frame[0] * 0 + 1
    return tuple(of_frame)


def _rows(found: Counted, frames: pd.DataFrame, spread_of: Any) -> Iterator[dict[str, Any]]:
    """Every measure of every class over some frames, found and true."""
    names = [EVERY, *found.classes] if len(found.classes) > 1 else [EVERY]
    units = _units(found.length)
    for measure in ("count", "per_field", "density", *SHAPES, "share"):
        for name in names if measure != "share" else names[1:]:
            ours = _value(found, "pred", frames, measure, name)
            true = _value(found, "gt", frames, measure, name) if found.has_truth else NOT_KNOWN
            low, high = _interval(measure, ours, spread_of(measure, name))
            yield {
                "measure": measure,
                "class": name,
                "unit": units[measure],
                **{key: ours[key] for key in ("n", "value", "sd")},
                "low": low,
                "high": high,
                "truth_n": true["n"],
                "truth": true["value"],
                "bias": ours["value"] - true["value"],
            }


def _units(length: str) -> dict[str, str]:
    field = "mm2" if length == "um" else "10^6 px"
    return {
        "count": "cells", "per_field": "cells per frame", "density": f"cells per {field}", "area": f"{length}2",
        "perimeter": length, "eccentricity": "", "form_factor": "", "share": "",
    }  # fmt: skip


def _value(found: Counted, side: str, frames: pd.DataFrame, measure: str, name: str) -> dict[str, float]:
    """One measure on one side: n cells that it is of, value, sd, and the sum and the size whose quotient it is."""
    total, size, squares = (part.sum() for part in _sums(found, side, frames, measure, name))
    value = total if measure == "count" else total / size if size > 0 else np.nan
    quotient = {"value": value, "sd": np.nan, "sum": total, "size": size}
    if measure not in SHAPES:
        return {"n": size if measure == "share" else total, **quotient}
    # Two passes would be safer than squares, but form and size of cells have few digits, and spread much.
    sd = np.sqrt(max(squares - size * value**2, 0.0) / (size - 1)) if size > 1 else np.nan
    return {"n": size, **quotient, "sd": sd}


def _interval(measure: str, ours: Mapping[str, float], spread: Spread) -> tuple[float, float]:
    if measure == "count":
        return np.nan, np.nan
    if measure in SHAPES:
        return intervals.of_mean(ours["value"], ours["sd"], ours["size"], spread)
    made = intervals.of_share if measure == "share" else intervals.of_rate
    return made(ours["sum"], ours["size"], spread)
