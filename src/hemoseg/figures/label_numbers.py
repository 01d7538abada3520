"""How many labelled images a row needs that starts from another row's weights, beside the same from random weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from hemoseg.data.samples import IGNORE, Samples
from hemoseg.figures.style import figure, plain
from hemoseg.figures.words import count_of
from hemoseg.metrics.bootstrap import resampled

DRAWS = 1000
RANDOM = ""  # series of rows that start from random weights
COLOURS = {True: "#b7791f", False: "#2b6cb0"}  # from random weights, from another row's
FEW_UNITS = 5  # below, a bootstrap of whole units says little; ours
CLOSE = 0.02  # within two points of mIoU, as autocsc's U-Transfer is of U-Base (79.73 and 80.47)


def scores(
    pixels: pd.DataFrame, trainings: pd.DataFrame, models: Mapping[str, Mapping[str, Any]], groups: Mapping[str, str]
) -> pd.DataFrame:
    """Mean Jaccard (mIoU, background included, pooled) of every row: a line per row, by series and number of labels.

    Args:
        pixels: ``pixels.csv`` of all runs with ``model``, ``split``, ``seed``.
        trainings: a row per run with ``model``, ``labels``, ``training_samples``.
        models: the experiment's rows by key.
        groups: unit by sample that a bootstrap draws whole (field, patient); a sample without one is its own.

    Returns:
        row, series (key of the row that it starts from, "" from random weights), labels (labelled images that it
        trained on, 0 where its labels were automatic), mean, seed_sd and seeds, low and high (95 % over the test
        images, of the mean of the seeds).
    """
    trained = trainings.groupby("model")[["labels", "training_samples"]].first()
    lines = []
    for row in (key for key in models if key in trained.index):
        auto = trained.at[row, "labels"] == "auto"
        series = row if auto else models[row].get("init_from") or RANDOM
        by_seed, drawn = _of_seeds(pixels[pixels["model"] == row], groups)
        low, high = np.percentile(drawn, [2.5, 97.5])
        number = 0 if auto else int(trained.at[row, "training_samples"])
        spread = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else np.nan
        lines.append((row, series, number, float(np.mean(by_seed)), spread, len(by_seed), low, high))
    columns = ["row", "series", "labels", "mean", "seed_sd", "seeds", "low", "high"]
    return pd.DataFrame(lines, columns=columns).sort_values(["series", "labels"], ignore_index=True)


def _of_seeds(pixels: pd.DataFrame, groups: Mapping[str, str]) -> tuple[list[float], np.ndarray]:
    """Mean Jaccard of each seed, and of the mean of the seeds in each bootstrap draw of whole groups."""
    samples = sorted(set(pixels["sample"]))
    units = [groups.get(name) or name for name in samples]
    times = resampled(units, DRAWS, np.random.default_rng(0))
    found, drawn = [], []
    for _, of_seed in pixels.groupby("seed"):
        counts = [_wide(of_seed, column, samples) for column in ("tp", "fp", "fn")]
        found.append(float(_mean_jaccard(*(one.sum(axis=0) for one in counts))))
        drawn.append(_mean_jaccard(*(times @ one for one in counts)))
    return found, np.mean(drawn, axis=0)


def _wide(pixels: pd.DataFrame, column: str, samples: Sequence[str]) -> np.ndarray:
    """Counts of each sample and class ``(N, K)``, of all splits together."""
    return pixels.pivot_table(index="sample", columns="class", values=column, aggfunc="sum").loc[samples].to_numpy()


def _mean_jaccard(tp: np.ndarray, fp: np.ndarray, fn: np.ndarray) -> np.ndarray:
    """Mean over the last axis (classes) of those that are there or found."""
    union = tp + fp + fn
    with np.errstate(invalid="ignore"):
        return np.nanmean(np.where(union > 0, tp / np.maximum(union, 1), np.nan), axis=-1)


def learning(table: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """Draw mIoU against the number of labelled images, a line per series, bars over the test images.

    Args:
        table: of `scores`.
        labels: label of each row.
    """
    drawn = figure(7.6, 4.4)
    axes = drawn.subplots()
    for series, lines in table.groupby("series", sort=False):
        colour, marker = COLOURS[series == RANDOM], "os"[series == RANDOM]
        name = "from random weights" if series == RANDOM else f"from the weights of {plain(labels[series])}"
        error = [lines["mean"] - lines["low"], lines["high"] - lines["mean"]]
        axes.errorbar(
            lines["labels"], lines["mean"], np.maximum(error, 0), color=colour, marker=marker, label=name,
            linewidth=2, markersize=7, capsize=4, linestyle="-" if series != RANDOM else "--",
        )  # fmt: skip
    axes.set_xscale("symlog", base=2, linthresh=1)
    axes.xaxis.set_major_locator(FixedLocator(sorted(set(table["labels"]))))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(xlabel="labelled images that train (logarithmic from 1)", ylabel="mIoU of the test images")
    axes.set_xlim(-0.25, table["labels"].max() * 1.3)
    axes.legend(loc="lower right")
    return drawn


def caption(table: pd.DataFrame, tested: int, units: int) -> str:
    """Under the figure of `learning`."""
    seeds = int(table["seeds"].max())
    drawn = "test images" if units == tested else f"their {count_of(units, 'group')}, drawn whole"
    drawn += ", too few for the bars to be trusted" if units < FEW_UNITS else ""
    spread = f"the mean of {seeds} seeds" if seeds > 1 else "one seed, whose luck the bars do not hold"
    return (
        f"mIoU (mean of the classes' pooled Jaccards, background included) of {count_of(tested, 'test image')} against "
        f"the number of labelled images; 0: automatic labels only. Of one seed the images of a point are among those "
        f"of the next. Bars: 95 % bootstrap over {drawn}; {spread}."
    )


def frame(table: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """The points of `learning` as a table for people."""
    starts = [_start(row, series, labels) for row, series in zip(table["row"], table["series"], strict=True)]
    spread = {"sd of seeds": table["seed_sd"].map("{:.4f}".format)} if table["seeds"].max() > 1 else {}
    return pd.DataFrame(
        {
            "row": table["row"].map(labels),
            "starts from": starts,
            "labelled images": table["labels"],
            "mIoU": table["mean"].map("{:.4f}".format),
            "95 % over test images": [
                f"{low:.4f} to {high:.4f}" for low, high in zip(table.low, table.high, strict=True)
            ],
            **spread,
        }
    )


def worst_class(pixels: pd.DataFrame, baseline: str, chosen: str, names: Sequence[str]) -> str:
    """Which class the chosen row falls behind in most, of pooled Jaccards over all runs; empty where in none.

    Args:
        pixels: ``pixels.csv`` of all runs with ``model``.
        baseline: row of all labels.
        chosen: row of few.
        names: of class 0, 1, ...
    """
    counts = pixels[pixels["model"].isin((baseline, chosen))].groupby(["model", "class"])[["tp", "fp", "fn"]].sum()
    jaccard = (counts["tp"] / counts.sum(axis=1).clip(lower=1)).unstack("model")
    if not {baseline, chosen} <= set(jaccard.columns) or (behind := jaccard[baseline] - jaccard[chosen]).max() <= 0:
        return ""
    number = int(behind.idxmax())
    few, full = jaccard.at[number, chosen], jaccard.at[number, baseline]
    return f"It falls behind most in {names[number]}: IoU {few:.3f} against {full:.3f}."


def labelled_cells(samples: Samples, ids: Sequence[str], labels: str) -> str:
    """How many cells of each class the images show that a row of few labels learned from; empty without instances."""
    if not samples.has_instances or not ids:
        return ""
    counts = np.zeros(len(samples.class_names), int)
    for position in samples.index(list(ids)):
        for cell in np.setdiff1d(np.unique(samples.instances[position]), [0]):
            own = samples.classes[position][samples.instances[position] == cell]
            known = own[own != IGNORE]
            counts[np.bincount(known).argmax() if len(known) else 0] += 1
    told = [f"{count} {name}" for count, name in zip(counts[1:], samples.class_names[1:], strict=True)]
    return f"{labels} learns from {count_of(len(ids), 'image')} with {' and '.join(told)}."


def _start(row: str, series: str, labels: Mapping[str, str]) -> str:
    if series == row:
        return "random weights, automatic labels"
    return f"weights of {labels[series]}" if series != RANDOM else "random weights"


def verdict(table: pd.DataFrame, baseline: str, chosen: str, labels: Mapping[str, str]) -> str:
    """Whether the chosen row, of few labels, comes as near to the baseline, of all of them, as the paper's does.

    Args:
        table: of `scores`.
        baseline: row that trained on all labelled images from random weights.
        chosen: row that trained on few, from another row's weights.
        labels: label of each row.
    """
    rows = table.set_index("row")
    if not {baseline, chosen} <= set(rows.index):
        return "The row of all labels or the row of few was not run: nothing is said of the claim."
    full, few = rows.loc[baseline], rows.loc[chosen]
    gap = full["mean"] - few["mean"]
    told = [
        f"{labels[chosen]} with {count_of(int(few['labels']), 'labelled image')} reaches mIoU {few['mean']:.3f}, "
        f"{labels[baseline]} with {int(full['labels'])} reaches {full['mean']:.3f}: {100 * abs(gap):.1f} points "
        f"{'below' if gap > 0 else 'above'}. The source's claim, within about a point with a ninth of the labels, "
        + ("holds here within two points." if gap <= CLOSE else "does not hold here.")
    ]
    scratch = table[(table["series"] == RANDOM) & (table["labels"] == few["labels"])]
    if len(scratch):
        same = scratch.iloc[0]
        more = few["mean"] - same["mean"]
        told.append(
            f"From random weights the same images give {same['mean']:.3f}: starting from automatic labels is worth "
            f"{100 * more:+.1f} points there."
        )
    near = table[(table["series"] == few["series"]) & (full["mean"] - table["mean"] <= CLOSE)]
    if gap > CLOSE:
        fewest = f"{int(near['labels'].min())} do" if len(near) else "none of the numbers that were run does"
        told.append(f"To come within two points, {fewest}.")
    return " ".join(told)
