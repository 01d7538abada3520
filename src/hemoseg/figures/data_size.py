"""Dice against the number of training images, and how many images one row needs to equal another."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from hemoseg.figures import scores
from hemoseg.figures.style import SOFT, figure, plain
from hemoseg.figures.words import count_of

MARKERS = "os^DvP"
LEVEL = "95 % interval"


def size_of(family: str) -> int:
    """Number of training images of a family of splits: 20 of n20."""
    return int(family.removeprefix("n"))


def of_dice(table: pd.DataFrame) -> pd.DataFrame:
    """The table's lines of Dice, of one class or the average (which the tables put last), with ``images``."""
    lines = table[table["column"] == "dice"]
    lines = lines[lines["class"] == lines["class"].iloc[-1]]
    return lines.assign(images=lines["family"].map(size_of))


def differences(pixels: pd.DataFrame, baseline: str, row: str, **conventions: str) -> pd.DataFrame:
    """Dice of a row minus the baseline's, a line per training size and test image: images, sample, difference.

    Args:
        pixels: ``pixels.csv`` of all runs with ``model``, ``split``, ``seed``.
        baseline: key of the model that is subtracted.
        row: key of the other.
        conventions: of `scores.image_scores`.
    """
    parts = []
    for split, lines in pixels[pixels["model"].isin((baseline, row))].groupby("split", sort=False):
        wide = scores.of_images(scores.image_scores(lines, **conventions))
        wide = wide.pivot(index="sample", columns="model", values="dice")
        found = (wide[row] - wide[baseline]).rename("difference").reset_index()
        parts.append(found.assign(images=size_of(str(split))))
    return pd.concat(parts, ignore_index=True)


def learning(
    table: pd.DataFrame,
    equal: pd.DataFrame,
    apart: Mapping[str, pd.DataFrame],
    labels: Mapping[str, str],
    colours: Mapping[str, str],
) -> Figure:
    """Left: Dice of every row against the training images, logarithmic; right: the rows' distance from the baseline.

    Args:
        table: of `of_dice`.
        equal: ``<experiment>.equal.csv``; what is reached is drawn as a dotted line between the curves.
        apart: of `differences`, by row.
        labels: label of each model.
        colours: of each model.
    """
    drawn = figure(10.4, 4.2)
    left, right = drawn.subplots(1, 2)
    for i, (row, lines) in enumerate(table.groupby("row", sort=False)):
        shared = {"color": colours[row], "marker": MARKERS[i % len(MARKERS)], "label": plain(labels[row])}
        spread = lines["seed_sd"].where(lines["seeds"] > 1)
        left.errorbar(lines["images"], lines["mean"], spread, linewidth=2, markersize=6, capsize=4, **shared)
    reached = equal[_reached(equal)]
    for line in reached.to_dict("records"):
        ends = [line["needed"], line["images"]]
        left.plot(ends, [line["baseline_dice"]] * 2, ":|", color=SOFT, linewidth=1.6, markersize=9, zorder=1)
    left.set(title="Dice", ylabel="Dice (mean over the test images)")
    left.legend(loc="lower right")
    for i, (row, lines) in enumerate(apart.items()):
        _distances(right, lines, colours[row], (i - (len(apart) - 1) / 2) * 0.08)
    right.axhline(0, color=SOFT, linewidth=1)
    names = " and ".join(plain(labels[row]) for row in apart)
    right.set(title="Paired difference of every test image", ylabel=f"Dice, {names} minus baseline")
    for axes in (left, right):
        _size_axis(axes, sorted(set(table["images"])))
    return drawn


def _distances(axes: Axes, lines: pd.DataFrame, colour: str, shift: float) -> None:
    """Every test image as a dot beside its size, its quartiles as a line, the mean as a bar."""
    noise = np.random.default_rng(0)
    for size, of_size in lines.groupby("images"):
        known = of_size["difference"].dropna()
        at = np.exp2(shift + noise.uniform(-0.1, 0.1, len(known))) * size
        axes.scatter(at, known, s=14, color=colour, alpha=0.45, linewidth=0)
        centre = np.exp2(shift) * size
        axes.plot([centre * 0.86, centre / 0.86], [known.mean()] * 2, color=colour, linewidth=2.6)


def _reached(equal: pd.DataFrame) -> pd.Series:
    """Where the number of images is known: not below or above the sizes that were run."""
    return equal["needed"].astype(float).abs() < np.inf


def _size_axis(axes: Axes, sizes: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(sizes[0] / 1.3, sizes[-1] * 1.3)
    axes.set_xlabel("training images, validation images among them (logarithmic)")


def caption(table: pd.DataFrame, equal: pd.DataFrame, tested: int) -> str:
    """Under the figure of `learning`."""
    seeds = int(table["seeds"].max())
    spread = f"mean of {seeds} seeds, bars: their standard deviation (ddof = 1)" if seeds > 1 else "one seed: no spread"
    dotted = int(_reached(equal).sum())
    lines = f" Dotted ({dotted}): from the baseline's Dice to where the other curve reaches it." if dotted else ""
    return (
        f"Left: mean Dice of {count_of(tested, 'test image')}, the same at every size ({spread}), against the number "
        f"of training images; each training set holds the smaller ones.{lines} Right: "
        "Dice of each test image minus the baseline's at the same size (mean of the seeds), a dot per image, the bar "
        "their mean. Every training took the same number of optimiser steps, so a small set was seen more often."
    )


def equal_table(equal: pd.DataFrame) -> pd.DataFrame:
    """How many images each row needs to equal the baseline at each of its sizes, as a reader wants it."""
    return pd.DataFrame(
        {
            "row": equal["label"],
            "to equal": equal["baseline_label"] + " with " + equal["images"].astype(str),
            "Dice": [f"{dice:.3f}" for dice in equal["baseline_dice"]],
            "images needed": equal["answer"],
            LEVEL: equal["interval"],
            "share of the baseline's": [_share(line) for line in equal.to_dict("records")],
        }
    )


def _share(line: Mapping[str, float]) -> str:
    return f"{line['ratio']:.2f}" if np.isfinite(line["ratio"]) else "–"


def verdict(equal: pd.DataFrame) -> list[str]:
    """At how many sizes each row is as good with no more images, and with half of them, beside the paper's claim."""
    sentences = []
    for _, lines in equal.groupby("row", sort=False):
        # As good with the fewest images that were run: so many are enough, whether fewer were or not.
        enough = lines["needed"].replace(-np.inf, lines["images"].min())
        largest = lines.iloc[-1]
        label, other = lines["label"].iloc[0], lines["baseline_label"].iloc[0]
        half, same = (int((enough <= share * lines["images"]).sum()) for share in (0.5, 1.0))
        able = int((lines["images"].min() <= 0.5 * lines["images"]).sum())
        words = lines["published_words"].iloc[0]
        claim = "" if pd.isna(words) else f" Published: {label} equals {other} with {words}."
        rests = f"{count_of(int(largest['seeds']), 'seed')}, one choice of the training images and "
        rests += count_of(int(largest["test_images"]), "test image")
        sentences.append(
            f"Of {count_of(len(lines), 'size')} at which {other} was trained, {label} reaches its mean Dice with no "
            f"more images at {same}, and with half of them or fewer at {half} (no more than {able} can show it: half "
            "of the others was not trained). To equal "
            f"{other} with all {largest['images']} it needs: {largest['answer']} images "
            f"({LEVEL}: {largest['interval']}). This is from {rests}; nothing is claimed beyond them.{claim}"
        )
    return sentences


def interval_sentence(equal: pd.DataFrame) -> str:
    """What the numbers of `equal_table` rest on."""
    line = equal.iloc[0]
    return (
        "Images needed: the smallest number at which the curve reaches the baseline's Dice, read off straight lines in "
        "the logarithm of the size, rising or not, and never beyond the sizes that were run. The interval is a "
        f"bootstrap over {count_of(int(line['test_images']), 'test image')} (whole frames) and "
        f"{count_of(int(line['seeds']), 'seed')}, the same draws for both rows and all sizes; it knows of no other "
        "choice of the training images, of which there is one."
    )
