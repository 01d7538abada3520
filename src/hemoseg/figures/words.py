"""Sentences and facts of a page, made from tables: what the data are, who is best and by how much, what was run."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.data.samples import Samples

PREFERRED = ("dice", "jaccard", "fw_iou", "accuracy", "loss", "panoptic", "mean_iu")
# Errors of cells; spurious and artefacts are two names of one, and incomplete cells contain the missed ones.
ERRORS = ("missed", "spurious", "artefacts", "merged", "incomplete", "two_types", "wrong_type", "instance_error")
BETTER = {"high": ("highest", "above"), "low": ("lowest", "below")}
SAME_TEST = "All splits test the same images: a spread over the splits is that of the trainings, not of test sets."
HARDLY = 0.1  # share of the pixels of a class below which it is called hardly found; ours


def count_of(number: int, thing: str) -> str:
    """``1 frame``, ``2 frames``, with thousands set apart."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}".replace(",", "\u2009")


def of_class(name: str) -> str:
    """`` (rbc)`` behind the name of a measure; nothing for a measure that has no classes."""
    return "" if name == "all" else f" ({name})"


def data_badges(samples: Samples, settings: Mapping[str, Any], backends: Sequence[str], auto_labelled: bool) -> list:
    """(text, kind) for the first screen: origin, dataset, scale, labels, back end, sizes."""
    facts = [*origin_badges(samples.info, settings), (f"scale {settings['scale']}", "")]
    facts.append((f"labels: {_labels(settings, auto_labelled)}", ""))
    facts.append((f"deformable back end {', '.join(backends)}" if backends else "no deformable layer ran", ""))
    facts.append((count_of(len(set(samples.frames)), "frame"), ""))
    facts.append((f"{count_of(len(samples), 'sample')} {_sizes(samples)}", ""))
    if samples.has_instances:
        facts.append((count_of(cells_in(samples), "cell"), ""))
    groups = len(set(samples.groups) - {""})
    return [*facts, (count_of(groups, "group"), "")] if groups else facts


def origin_badges(info: Mapping[str, Any], settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(text, kind) of where the data come from, told in ``info`` of the samples, and of their name."""
    origin = {True: ("simulated data", "simulated"), False: ("real data", "real")}
    return [
        origin.get(info.get("simulated"), ("origin of the data not told", "simulated")),
        (f"dataset {info.get('dataset') or settings['dataset']}", ""),
    ]


def _labels(settings: Mapping[str, Any], auto_labelled: bool) -> str:
    """What the rows trained on, and what they are compared with where that is something else."""
    rows = settings.get("models", {}).values()
    trained = {row.get("labels", settings.get("labels")) for row in rows} or {settings.get("labels")}
    if "auto" not in trained:
        return "truth"
    on = "auto-labels" if trained == {"auto"} else "auto-labels in some rows, the truth in the others"
    return on if auto_labelled else f"{on}; all compared with the truth"


def cells_in(samples: Samples) -> int:
    """True cells of all samples; a cell that a cut divides counts in each part."""
    return sum(len(np.setdiff1d(np.unique(labels), [0])) for labels in samples.instances)


def _sizes(samples: Samples) -> str:
    shapes = {image.shape for image in samples.images}
    if len(shapes) > 1:
        return "of several sizes"
    channels, height, width = shapes.pop()
    return f"of {height}×{width}×{channels}"


def split_sentence(notes: Mapping[str, Any]) -> str:
    """How the samples were divided, and the sizes."""
    sizes = [f"{name}: {s['train']} train, {s['val']} val, {s['test']} test" for name, s in notes["sizes"].items()]
    shown = "; ".join(sizes[:6]) + ("; …" if len(sizes) > 6 else "")
    told = [f"Divided by {notes['units']} into {count_of(len(sizes), 'split')} ({shown})."]
    if notes.get("given"):
        told.append("The test set is the dataset's own.")
    if notes.get("same_test"):
        told.append(SAME_TEST)
    return " ".join(told)


def straddle_sentence(notes: Mapping[str, Any]) -> str:
    """A warning where a split has on both sides what is alike, and whether its worth is known; empty where none has."""
    leakage = notes.get("leakage", {})
    parts = []
    if notes.get("straddling_frames"):
        parts.append(f"parts of the same frame ({count_of(notes['straddling_frames'], 'frame')})")
    if notes.get("straddling_groups"):
        parts.append(f"frames of the same patient or slide ({count_of(notes['straddling_groups'], 'group')})")
    if leakage.get("overlapping_test_samples"):
        parts.append(f"tiles that overlap ({count_of(leakage['overlapping_test_samples'], 'test sample')})")
    if leakage.get("copied_test_samples"):
        parts.append(f"copies of images ({_copied(leakage)})")
    if not parts:
        return ""
    seen = (
        f"On both sides of a split stand {' and '.join(parts)}: the models have seen what is alike before they are "
        f"tested, so the scores may flatter them. {_worth(notes)}"
    )
    if notes.get("given"):
        return f"{seen} It is the dataset that divides them so."
    if not notes.get("straddling_frames") and not notes.get("straddling_groups"):
        return seen
    remedy = "`by: frame` or `by: group`" if notes.get("straddling_frames") else "`by: group`"
    return f"{seen} {remedy} in `split` keeps them apart."


def _copied(leakage: Mapping[str, Any]) -> str:
    """How many test samples are copies, and of which the first is one."""
    one = leakage["copies"][0]
    example = f"{one['test']} is {one['train']}, {one['how']}"
    return f"{leakage['copied_test_samples']} of {leakage['test_samples']} test samples; {example}"


def _worth(notes: Mapping[str, Any]) -> str:
    """Whether the page knows how much the scores flatter."""
    if " and by " in notes.get("units", ""):
        return "By how much those of random folds do is measured here, as optimism."
    units = ("sample", "frame") if notes.get("straddling_frames") else ("frame", "group")
    known = notes.get("straddling_frames") or notes.get("straddling_groups")
    told = f", as `by: [{', '.join(units)}]` would" if known and not notes.get("given") else ""
    return f"By how much is not measured here{told}."


def verdict(
    table: pd.DataFrame,
    columns: Mapping[str, Mapping[str, Any]],
    samples: Samples,
    label_makers: Sequence[str] = (),
) -> str:
    """Who is best by the table's leading column, by how much, and who makes the fewest errors; no claim beyond.

    ``label_makers`` are rows that made the labels which all are compared with: that they agree with themselves says
    nothing.
    """
    if samples.has_instances and cells_in(samples) == 0:
        return "No image holds a labelled cell: no number of the table tells one model from another."
    table = table[~table["row"].isin(label_makers)]
    parts = [part for part in (_leader(table, columns), _fewest(table, columns)) if part]
    if not parts:
        return "The table holds no number that could be compared."
    if table["row"].nunique() == 1:
        return f"One model was run: {'; '.join(parts)}."
    simulated = {True: "simulated frames", False: "these real frames"}.get(
        samples.info.get("simulated"), "these frames"
    )
    folds, seeds = int(table["folds"].max()), int(table["seeds"].max())
    runs = f"{count_of(folds, 'split')} and {count_of(seeds, 'seed')}"
    alone = " and without a spread" if folds == 1 else ""
    return f"{'; '.join(parts)}. This is from {runs} on {simulated}{alone}; nothing is claimed beyond them."


def other_rule_sentence(
    table: pd.DataFrame,
    other: pd.DataFrame,
    columns: Mapping[str, Mapping[str, Any]],
    label_makers: Sequence[str] = (),
) -> str:
    """A warning where another row leads under the second rule for images without a class; empty where none does."""
    both = [one[~one["row"].isin(label_makers)] for one in (table, other)]
    leads = [ranked(one, columns) for one in both]
    if any(rows.empty for rows in leads) or leads[0]["row"].iloc[0] == leads[1]["row"].iloc[0]:
        return ""
    return (
        "Who leads depends on what an image without a class scores, which no paper says: by the second table "
        f"{_leader(both[1], columns)}."
    )


def hardly_found_sentence(pixels: pd.DataFrame, labels: Mapping[str, str], *, absent_is_one: bool) -> str:
    """A warning of classes that models hardly find, pooled over all runs; empty where there is none.

    Args:
        pixels: ``pixels.csv`` of all runs with ``model``.
        labels: label of each model.
        absent_is_one: whether an image without the class, in which none was found, scores 1.
    """
    sums = pixels[pixels["class"] > 0].groupby(["model", "class_name"], sort=False)[["tp", "fn"]].sum()
    lost = sums[(sums["tp"] < HARDLY * (sums["tp"] + sums["fn"]))].reset_index()
    if lost.empty:
        return ""
    told = [f"{labels[model]}: {', '.join(rows['class_name'])}" for model, rows in lost.groupby("model", sort=False)]
    why = " What they score is mostly that of images that lack the class, which count 1." if absent_is_one else ""
    return f"Hardly found (less than {HARDLY:.0%} of the pixels of the class): {'; '.join(told)}.{why}"


def ranked(table: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The lines of the leading column, the best first; none where no column leads."""
    scored = table.dropna(subset=["mean"])
    leading = [c for c in PREFERRED if c in set(scored["column"]) and columns[c]["better"] in BETTER]
    if not leading:
        return scored.iloc[:0]
    # The last class of a column stands for it: the tables put the average last.
    rows = scored[scored["column"] == leading[0]].drop_duplicates(["row", "label"], keep="last")
    return rows.sort_values("mean", ascending=columns[leading[0]]["better"] == "low", kind="stable")


def _leader(table: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> str:
    """``dU-Net has the highest Dice, 0.990, 0.004 above U-Net``."""
    rows = ranked(table, columns)
    if rows.empty:
        return ""
    facts = columns[rows["column"].iloc[0]]
    name = facts["header"] if rows["class"].iloc[0] in ("all",) else f"{facts['header']} ({rows['class'].iloc[0]})"
    digits = facts["digits"]
    best = rows.iloc[0]
    most, beyond = BETTER[facts["better"]]
    if len(rows) == 1:
        return f"{best['label']} reaches {name} {best['mean']:.{digits}f}"
    second = rows.iloc[1]
    gap = round(abs(best["mean"] - second["mean"]), digits)
    if gap == 0:
        return f"{best['label']} and {second['label']} share the {most} {name}, {best['mean']:.{digits}f}"
    spread = ""
    if pd.notna(best["sd"]) and pd.notna(second["sd"]):
        sds = " and ".join(f"±\N{NO-BREAK SPACE}{row['sd']:.{digits}f}" for row in (best, second))
        spread = f" ({sds} over the splits)"
    lead = f"{best['label']} has the {most} {name}, {best['mean']:.{digits}f}"
    return f"{lead}, {gap:.{digits}f} {beyond} {second['label']}{spread}"


def _fewest(table: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> str:
    """``the fewest cell errors (FN + FP): dU-Net 0.0, then U-Net 1.0``."""
    chosen = [c for c in columns if c in ERRORS and columns[c]["unit"] == "cells"]
    within = {"artefacts": "spurious", "missed": "incomplete"}
    chosen = [c for c in chosen if within.get(c) not in chosen]
    rows = table[table["column"].isin(chosen)]
    sums = rows.groupby(["row", "label"], sort=False)["mean"].agg(lambda v: v.sum(skipna=False)).dropna()
    if sums.empty:
        return ""
    sums = sums.sort_values(kind="stable")
    what = " + ".join(columns[c]["header"] for c in chosen)
    told = [f"{label} {value:.1f}" for (_, label), value in sums.items()]
    if len(told) == 1:
        return f"cell errors per test fold ({what}): {told[0]}"
    if sums.iloc[0] == sums.iloc[1]:
        return f"the fewest cell errors per test fold ({what}) are shared by {told[0]} and {told[1]}"
    return f"the fewest cell errors per test fold ({what}): {told[0]}, then {told[1]}"
