"""Random folds beside folds of whole patients: what the random ones flatter, and who the patients are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hemoseg.data.samples import IGNORE, Samples
from hemoseg.figures.style import GROUP_MARKERS, SOFT, figure, group_colours, plain, shortened
from hemoseg.figures.words import cells_in, count_of

SEEDS = "sd over seeds"


def optimism_table(optimism: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Scores of both families and their difference, as a reader wants them, a row per line of ``optimism``."""
    rows = []
    for line in optimism.to_dict("records"):
        digits = columns[line["column"]]["digits"]
        name = line["header"] if line["class"] == "all" else f"{line['header']}, {line['class']}"
        unit = columns[line["column"]]["unit"]
        row = {"row": line["label"], "column": f"{name} ({unit})" if unit else name}
        row |= {line["family"].replace("_", " "): f"{line['mean']:.{digits}f}"}
        row |= {line["other_family"]: f"{line['other_mean']:.{digits}f}"}
        row |= {"optimism": _signed(line["optimism"], digits)}
        row |= {"95 % interval": _between(line["low"], line["high"], digits)}
        row |= {"lowest to highest patient": _between(line["lowest_group"], line["highest_group"], digits)}
        rows.append(row | {SEEDS: _signed(line["seed_sd"], digits).lstrip("+")})
    table = pd.DataFrame(rows)
    return table if optimism["seed_sd"].notna().any() else table.drop(columns=SEEDS)


def _signed(value: float, digits: int) -> str:
    return "–" if pd.isna(value) else f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _between(low: float, high: float, digits: int) -> str:
    return "–" if pd.isna(low) or pd.isna(high) else f"{_signed(low, digits)} to {_signed(high, digits)}"


def verdict(optimism: pd.DataFrame, columns: Mapping[str, Mapping[str, Any]]) -> str:
    """By how much random folds flatter each row in Dice, or in the first column there is."""
    lead = optimism[optimism["column"] == ("dice" if "dice" in set(optimism["column"]) else optimism["column"].iloc[0])]
    lead = lead.drop_duplicates(["row", "family"], keep="last")
    digits = columns[lead["column"].iloc[0]]["digits"]
    told = [
        f"{line['label']} {_signed(line['optimism'], digits)} ({line['family']} {line['mean']:.{digits}f}, "
        f"{line['other_family']} {line['other_mean']:.{digits}f}; patient by patient "
        f"{_between(line['lowest_group'], line['highest_group'], digits)})"
        for line in lead.to_dict("records")
    ]
    few = f"This is from {count_of(int(lead['groups'].max()), 'patient')}: little to go by."
    return f"Optimism of random folds in {lead['header'].iloc[0]}: {'; '.join(told)}. {few}"


def simulated_sentence(samples: Samples) -> str:
    """What simulated patients can tell; empty where they are not."""
    if not samples.info.get("simulated"):
        return ""
    return (
        "The patients are simulated and differ by as much as the simulator was told (`patient_spread`): the size of "
        "the optimism tells nothing of real patients."
    )


def patients_sentence(optimism: pd.DataFrame) -> str:
    """What the intervals rest on, and how little that is."""
    groups, images = int(optimism["groups"].max()), int(optimism["images"].max())
    ways = count_of(_resamples(groups), "different way")
    return (
        f"Optimism is the score of random folds minus that of folds of whole patients; each tests all "
        f"{count_of(images, 'image')} once. The interval is a bootstrap of {count_of(groups, 'patient')} over the "
        f"paired differences of their images: there are only {ways} to draw {groups} of {groups}, so read it as the "
        "spread between these patients, not as what other patients would show. Folds of whole patients also train on "
        "fewer patients, which is part of the difference. Where a column does not follow from its images one by one "
        "the interval is blank."
    )


def _resamples(groups: int) -> int:
    """Number of multisets of ``groups`` out of as many."""
    numerator = np.prod(np.arange(groups, 2 * groups, dtype=float)) if groups else 0.0
    return round(numerator / np.prod(np.arange(1, groups + 1, dtype=float)))


def differences(images: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Dice under random folds minus Dice under grouped ones, a dot per test image by patient, a panel per row.

    Args:
        images: the lines of one column and class of ``<experiment>.optimism.images.csv``.
        labels: label of each model.
    """
    rows = [row for row in labels if row in set(images["row"])]
    drawn = figure(10.4, 4.0)
    panels = drawn.subplots(1, max(len(rows), 1), squeeze=False, sharey=True).ravel()
    groups = group_colours(images["group"].fillna(""))
    noise = np.random.default_rng(0)
    for axes, row in zip(panels, rows, strict=False):
        lines = images[images["row"] == row]
        for place, (group, colour) in enumerate(groups.items()):
            values = lines.loc[lines["group"].fillna("") == group, "difference"]
            at = place + noise.uniform(-0.18, 0.18, len(values))
            marker = GROUP_MARKERS[place % len(GROUP_MARKERS)]
            axes.scatter(at, values, s=26, color=[colour], marker=marker, edgecolor="white", linewidth=0.5)
            axes.plot([place - 0.3, place + 0.3], [values.mean()] * 2, color="black", linewidth=2)
        axes.axhline(0, color=SOFT, linewidth=1)
        axes.axhline(lines["difference"].mean(), color=SOFT, linewidth=1.2, linestyle="--")
        axes.set_xticks(range(len(groups)), [shortened(group or "no group", 12) for group in groups])
        axes.set(title=plain(labels[row]), xlabel="patient (group)")
    panels[0].set_ylabel("Dice, random minus grouped folds")
    return drawn


def caption(images: pd.DataFrame) -> str:
    """Under the figure of `differences`."""
    tested, groups = images["sample"].nunique(), images["group"].nunique()
    return (
        f"Dice of each of {count_of(tested, 'test image')} of {count_of(groups, 'patient')} when random folds trained "
        "the network (other frames of the patient among them) minus when folds of whole patients did (none of his): "
        "a dot per image, mean of the seeds; bar: mean of a patient; dashed: mean of all images. Above 0 the random "
        "folds flatter."
    )


def facts(samples: Samples) -> pd.DataFrame:
    """What tells the patients apart: frames, cells, their median area, colour of field and of cells."""
    rows = []
    for group in sorted(set(samples.groups)):
        part = samples.take([i for i, name in enumerate(samples.groups) if name == group])
        row = {"patient": group or "no group", "frames": len(set(part.frames))}
        if part.has_instances:
            row |= {"cells": cells_in(part), "median area": f"{np.median(_areas(part)):.0f} px"}
        row |= {f"{name} (share of cell pixels)": share for name, share in _shares(part).items()}
        row |= {"background, by channel": _colour(part, lambda classes: classes == 0)}
        rows.append(row | {"cells, by channel": _colour(part, lambda classes: (classes > 0) & (classes != IGNORE))})
    return pd.DataFrame(rows)


def _areas(samples: Samples) -> Sequence[int]:
    areas = np.concatenate([np.bincount(labels.ravel())[1:] for labels in samples.instances])
    return areas[areas > 0] if (areas > 0).any() else np.zeros(1, int)


def _shares(samples: Samples) -> dict[str, str]:
    """Share of each class in the pixels of cells, where there are several."""
    if len(samples.class_names) < 3:
        return {}
    counts = sum(
        np.bincount(classes.ravel(), minlength=256)[1 : len(samples.class_names)] for classes in samples.classes
    )
    return {name: f"{n / max(counts.sum(), 1):.2f}" for name, n in zip(samples.class_names[1:], counts, strict=True)}


def _colour(samples: Samples, chosen) -> str:
    """Mean of the chosen pixels of each channel, as a share of white."""
    values = [image[:, chosen(classes)] for image, classes in zip(samples.images, samples.classes, strict=True)]
    mean = np.concatenate(values, axis=1).mean(axis=1) / samples.white
    return " ".join(f"{value:.2f}" for value in mean)
