"""Touching cells: how many of them a watershed parts, beside the published cut, and what goes wrong with the rest."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.metrics.cell_errors import unseparated

CAUSES = {
    "cut": "cut into several predicted cells",
    "merged, no marker": "merged with a neighbour and without a marker of its own",
    "merged, marked": "merged with a neighbour though a marker lies in it",
    "merged": "merged with a neighbour",
    "covered badly": "alone in a predicted cell that fits it badly (intersection over union 0.5 at most) or not found",
}


def causes(cells: pd.DataFrame, touching: float) -> pd.Series:
    """Why each touching cell that is not separated is not: a key of `CAUSES` by row of ``cells``.

    Args:
        cells: ``cells.csv`` of one run.
        touching: largest distance in pixels at which two cells touch.
    """
    counted = cells[cells["counted"].astype(bool)]
    found = []
    for _, rows in counted.groupby("sample", sort=False):
        gt, pred = rows[rows["side"] == "gt"], rows[rows["side"] == "pred"]
        facts = [{name: side[name].to_numpy() for name in names} for side, names in ((gt, GT), (pred, PRED))]
        bad = unseparated(*facts, touching)
        hosted = pred.set_index("cell")["hosted"]
        merged = gt["host"].map(hosted).fillna(0).to_numpy() >= 2
        own = np.where(
            gt["markers"].isna(), "merged", np.where(gt["markers"] > 0, "merged, marked", "merged, no marker")
        )
        other = np.where(gt["guests"] >= 2, "cut", "covered badly")
        found.append(pd.Series(np.where(merged, own, other), gt.index)[bad])
    return pd.concat(found) if found else pd.Series(dtype=str)


GT, PRED = ("gap", "iou", "host"), ("cell", "hosted")


def facts(cells: pd.DataFrame, touching: float) -> pd.DataFrame:
    """Numbers of touching cells of every run.

    Args:
        cells: ``cells.csv`` of all runs with ``model``, ``split``, ``seed``.
        touching: as in `causes`.

    Returns:
        A row per run: ``model``, ``split``, ``seed``, ``touching``, ``errors``, ``split_cells`` (true cells with two or
        more predicted ones), ``marked_twice`` (NaN without markers) and a column for each cause.
    """
    rows = []
    for run, own in cells.groupby(["model", "split", "seed"], sort=False):
        true = own[(own["side"] == "gt") & own["counted"].astype(bool)]
        why = causes(own, touching)
        marked = (true["markers"] >= 2).sum() if true["markers"].notna().any() else np.nan
        numbers = {"touching": int((true["gap"] <= touching).sum()), "errors": len(why)}
        numbers |= {"split_cells": int((true["guests"] >= 2).sum()), "marked_twice": marked}
        numbers |= {cause: int((why == cause).sum()) for cause in CAUSES}
        rows.append(dict(zip(("model", "split", "seed"), run, strict=True)) | numbers)
    return pd.DataFrame(rows)


def cut_sentences(
    found: pd.DataFrame, models: Mapping[str, Mapping[str, Any]], published: pd.DataFrame, labels: Mapping[str, str]
) -> list[str]:
    """For each row that cuts another row's cells: the instance errors of both, the cut, the published cut, the rest.

    Args:
        found: of `facts`.
        models: rows of the experiment.
        published: row, column, value of the papers' table.
        labels: label of each row.
    """
    printed = published[published["column"] == "instance_error"].set_index("row")["value"].astype(float)
    told = []
    for key, owner in ((key, row.get("weights_from")) for key, row in models.items()):
        if owner is None or models[key]["predict"]["cells"] == models[owner]["predict"]["cells"]:
            continue
        before, after = (found[found["model"] == one] for one in (owner, key))
        shares = [rows["errors"].sum() / max(rows["touching"].sum(), 1) for rows in (before, after)]
        said = f"{labels[key]}: the watershed takes the instance error of {labels[owner]} from {shares[0]:.4f} to "
        said += f"{shares[1]:.4f} ({before['errors'].sum()} to {after['errors'].sum()} of "
        said += f"{after['touching'].sum()} touching cells), {_change(*shares)}"
        if {key, owner} <= set(printed.index):
            said += f"; published {printed[owner]:.4f} to {printed[key]:.4f}, {_change(printed[owner], printed[key])}"
        told.append(f"{said}. {_rest(after)}")
    return told


def _change(before: float, after: float) -> str:
    if not before:
        return "where there was none to cut" if not after else "where there was none before"
    share = 1 - after / before
    return f"a cut of {100 * share:.0f} %" if share >= 0 else f"a rise of {-100 * share:.0f} %"


def _rest(rows: pd.DataFrame) -> str:
    left = {words: int(rows[cause].sum()) for cause, words in CAUSES.items()}
    parts = [f"{number} {words}" for words, number in left.items() if number]
    told = f"Of what is left, {', '.join(parts)}." if parts else "Nothing is left."
    told += f" It cuts {int(rows['split_cells'].sum())} cells in two or more, touching or not"
    twice = rows["marked_twice"].sum(min_count=1)
    return f"{told}; {int(twice)} cells hold two boxes or more." if twice == twice else f"{told}."
