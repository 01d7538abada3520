"""What the trust page says: sentences made from the agreement of model and automatic labels; no truth is in them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hemoseg.data.samples import Samples
from hemoseg.figures.clinic_tables import signed, whole
from hemoseg.figures.words import count_of, origin_badges

NO_TRUTH = (
    "Nothing on this page was compared with truth. It says how well the model repeats the labels that image processing "
    "made, not how right either is: what the thresholds get wrong in every frame the model has learned to get wrong "
    "too, and no number here shows it."
)
KEPT_ASIDE = (
    "This set has labels, which neither the training nor the masks, counts and order on this page have seen. Only the "
    "section on the order of the frames, below, was compared with truth; all else says how well the model repeats the "
    "labels that image processing made, not how right either is."
)
AFTERWARDS = (
    "Each frame: cells that the model got wrong by the set's labels (missed and made up at an IoU of 0.5, as 1 − F1 of "
    "cells) against the share of disputed cells, which no truth entered. n = {n} frames."
)
RULE = (
    "The order: by the share of disputed cells, the largest first, then by Dice, the lowest first. A cell is disputed "
    "if the other side has none that overlaps it by an IoU above 0.5 (and is of its class): it was missed, made up, or "
    "parted otherwise. In a disputed cell at least one of the two is wrong, so these are the frames where an hour with "
    "a label editor changes most."
)
FIRST = (
    "The {n} frames to correct first, by the rule above. Orange, thick: outlines of the automatic label; blue, thin: "
    "of the model; where only a blue line with an orange rim is seen both agree. Tinted: cells without a partner on "
    "the other side."
)
CHECK = (
    "{n} of the other frames, evenly from the next of the order to its last, drawn likewise. Here both agree more: "
    "look whether they agree on what is there, since no number on this page can tell."
)
EVERY = (
    "Every frame ({n}). Left: number of cells by the model against that of the automatic label; dashed: alike. Right: "
    "Dice of cell against background between label and model, against the share of disputed cells."
)


HEADS = (
    "Cells by the model and of the automatic label, their difference; disputed: share of both sides' cells; Dice "
    "between both; large: cells by the model above twice the median area; bound: the largest Dice that the worse of "
    "the two can have with the truth."
)


def badges(samples: Samples, settings: Mapping[str, Any], table: pd.DataFrame) -> list[tuple[str, str]]:
    """(text, kind) for the first screen."""
    row = settings["models"][settings["trust"]["model"]]
    return [
        *origin_badges(samples.info, settings),
        (f"model {row['label']}", ""),
        (f"scale {settings['scale']}", ""),
        (f"{len(table)} of {count_of(len(set(samples.frames)), 'frame')}", ""),
        ("automatic labels", ""),
        ("compared with no truth", "simulated") if settings["labels"] == "auto" else ("truth kept aside", ""),
    ]


def verdict(sums: Mapping[str, float], label: str) -> str:
    """How many cells were found, and how far model and label agree; ``sums`` of `tables.trust.totals`."""
    more = sums["label_cells"] - sums["cells"]
    than = f", {whole(abs(more))} {'more' if more > 0 else 'fewer'} than the model" if more else ""
    return (
        f"{label} counts {count_of(sums['cells'], 'cell')} in {count_of(sums['frames'], 'frame')}; the automatic "
        f"labels that it learned from count {count_of(sums['label_cells'], 'cell')}{than}. In the median frame the two "
        f"agree by a Dice of {sums['median_dice']:.3f} (lowest {sums['lowest_dice']:.3f}) and differ by "
        f"{count_of(round(sums['median_difference']), 'cell')}; {100 * sums['disputed']:.1f} % of the cells are "
        "disputed."
    )


def reading(table: pd.DataFrame, sums: Mapping[str, float]) -> list[str]:
    """How far to trust the numbers, in sentences that hold whatever the truth is."""
    worst = table.sort_values("dice", kind="stable").iloc[0]
    large, worth = whole(sums["large_cells"]), whole(sums["large_worth"])
    size = (
        "Touching cells that neither side parts are one cell on both, which no dispute shows and which makes counts "
        f"too low. Size hints at them: {large} of {count_of(sums['cells'], 'cell')} by the model are more than twice "
        f"as large as the median one, together as large as {worth} median cells."
    )
    limits = (
        f"A bound that needs no truth: where label and model agree by a Dice of D, the worse of them has a Dice of at "
        f"most 2 / (3 − D) with the truth, whatever it is. In the median frame that is "
        f"{table['best_of_worse'].median():.3f}, in {worst['frame']} {worst['best_of_worse']:.3f}. There is no such "
        "bound from below: both may be wrong alike."
    )
    where = (
        f"Half of the disputed cells are in {count_of(sums['hold_half'], 'frame')} of {sums['frames']}, nine tenths in "
        f"{count_of(sums['hold_most'], 'frame')}."
    )
    return [size, limits, *([where] if sums["hold_half"] else [])]


def worth_sentence(facts: Mapping[str, float], first: int) -> str:
    """Whether the order found the frames that are wrong; ``facts`` of `tables.trust.worth_of_order`."""
    if pd.isna(facts["share"]):
        return "By the set's labels the model got no cell wrong: no order could be better than another."
    told = (
        f"By the set's labels the model got {count_of(facts['wrong'], 'cell')} wrong. The first "
        f"{count_of(first, 'frame')} of the order hold {100 * facts['share']:.0f} % of them; as many frames drawn at "
        f"random would hold {100 * facts['by_chance']:.0f} % on average"
    )
    if pd.isna(facts["correlation"]):
        return f"{told}."
    return f"{told}. Rank correlation of disputed and wrong shares over the frames: {facts['correlation']:.2f}."


def places(
    masks: Path, table: Path, trainings: Sequence[tuple[Path, Mapping[str, Any]]], settings: Mapping[str, Any]
) -> list[str]:
    """Where masks, counts and models are."""
    name, (first, facts) = settings["experiment"], trainings[0]
    several = len(trainings) > 1
    seen = "by a model that did not train on it" if several else "by a model that did not train on them, test frames"
    models = ", ".join(f"`{folder.as_posix()}`" for folder, _ in trainings)
    return [
        f"Masks of {'every frame' if several else 'the frames'}, {seen}, in the frames' own size: "
        f"`{masks.as_posix()}/instances` (a number per cell) and `/classes` (255: no sample shows it).",
        f"Cells per frame: `{masks.as_posix()}/counts.csv`; all numbers of this page: `{table.as_posix()}`.",
        f"Trained on {facts['training_samples']} samples{' each' if several else ''}: {models}. For programs without "
        f"Python: `hemoseg export --model {first.as_posix()} --out {name}.onnx`.",
    ]


def next_steps(settings: Mapping[str, Any], masks: Path) -> list[str]:
    """What to do with the frames that were ranked."""
    folder = f"data/{settings['dataset']}_checked"
    return [
        f"Correct the first frames in any label editor, starting from `{masks.as_posix()}/instances`, and put images "
        f"and corrected masks into a folder of their own, `{folder}/images` and `{folder}/instances`, under the same "
        "names.",
        "For an estimate of how right the counts are, correct some frames that were drawn at random, too: the ranked "
        "ones are worse than the rest by choice.",
        f"With some ten corrected frames train on `dataset: {settings['dataset']}_checked` (README, Your own images): "
        "that table compares with truth.",
    ]


def how(
    settings: Mapping[str, Any], trainings: Sequence[tuple[Path, Mapping[str, Any]]], chosen: Mapping[str, Any]
) -> list[str]:
    """How the numbers were made; ``chosen``: settings of the automatic labels, and what a search for them found."""
    row = settings["models"][settings["trust"]["model"]]
    number, by = len(trainings), settings["split"]["by"]
    by = by[-1] if isinstance(by, list) else by
    said = [
        f"Automatic labels by `hemoseg autolabel`: {_chain(chosen['settings'])}. {_searched(chosen['search'])}",
        f"{row['label']} was trained on them in {count_of(number, 'split')}, divided by {by}; every frame is predicted "
        f"by a model that did not train on it, the first of {count_of(len(row['seeds']), 'seed')}, so that it cannot "
        "have learned that frame's label by heart.",
        "Both sides are put into the frame's own pixels; a cell that a cut divided counts once, one that the frame's "
        "border cuts counts. Components below "
        f"{row['predict']['min_area_share']:g} of the median training cell are no cells of the model.",
    ]
    if number == 1:
        said.append("One split: only its test frames have masks. `split: {protocol: folds, folds: 5}` gives all.")
    return said


def lines(table: pd.DataFrame) -> pd.DataFrame:
    """The table as people read it."""
    names = zip(table["rank"].astype(int), table["frame"], strict=True)
    return pd.DataFrame(
        {
            "frame": [f"{rank}. {frame}" for rank, frame in names],
            "cells": table["cells"].astype(int),
            "label": table["label_cells"].astype(int),
            "difference": [signed(value, 0) if value else "0" for value in table["difference"]],
            "disputed": [f"{100 * value:.0f} %" for value in table["disputed"]],
            "Dice": [f"{value:.3f}" for value in table["dice"]],
            "large": table["large_cells"].astype(int),
            "bound": [f"{value:.3f}" for value in table["best_of_worse"]],
        }
    )


def _chain(settings: Mapping[str, Any]) -> str:
    """The chain that made the labels, with its settings."""
    smooth = "Gaussian filter, " if settings["gaussian"] else ""
    filled = ", filled" if settings["fill"] else ""
    opened = ", opened by 3×3" if settings["morphology"] is True else ""
    kinds = f"; otherwise for {', '.join(settings['kinds'])}" if settings["kinds"] else ""
    return (
        f"{smooth}threshold against the mean of the surroundings (window {settings['window']:g}, offset "
        f"{settings['offset']:g}, cells {settings['polarity']}), outermost contours, those below "
        f"{settings['min_area']:g} dropped{filled}{opened}{kinds}"
    )


def _searched(search: Mapping[str, Any]) -> str:
    """Whether labels of people had a part in the settings."""
    if not search:
        return "No label made by people had a part in them."
    return (
        f"Settings were searched on {count_of(len(search['samples']), 'labelled image')} of the set, so that these "
        "labels are not made without people, and the model is not blind to those images."
    )
