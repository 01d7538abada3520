"""How many training images a row needs to equal another one, from curves of Dice against the number of images.

The rule: through the means over the seeds at the sizes that were run goes a line that is straight in the logarithm of
the size; needed is the smallest number of images at which it reaches the baseline's Dice, whether it rises everywhere
or not. Nothing is extrapolated: a row that is as good with the fewest images that were run needs *at most* so many, one
that is not as good with any number has *not reached* it.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from hemoseg.metrics.bootstrap import DRAWS, resampled
from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.ratios import claim
from hemoseg.tables.table import Plan, class_names, shown_classes, weighted_average

AT_MOST, NOT_REACHED = -np.inf, np.inf  # below and above all sizes that were run
QUANTITY = "training images"
HEADER = [
    *("row", "label", "baseline", "baseline_label", "class", "images", "baseline_dice", "dice"),
    *("needed", "low", "high", "ratio", "answer", "interval", "seeds", "test_images"),
    *("published_ratio", "published_words", "source"),
]


def equality(plan: Plan, runs: Sequence[Run], published: pd.DataFrame, draws: int = DRAWS) -> pd.DataFrame:
    """For each size of the baseline and each other row: with how many images the row is as good; columns are `HEADER`.

    ``needed``, ``low`` and ``high`` are numbers of images, -inf for at most the fewest, inf for not reached; ``low``
    and ``high`` are the 2.5th and 97.5th percentile (order statistics) of a bootstrap that draws test frames and seeds,
    the same ones for both rows and for all sizes. It knows of no other choice of the training images.

    Args:
        plan: with a baseline, and families named n10, n20, ...
        runs: of all rows.
        published: row, baseline, quantity, value, source of ratios that a paper claims.
        draws: of the bootstrap.
    """
    names = class_names(plan, runs)
    class_name = shown_classes(plan, COLUMNS["dice"], names)[-1]
    found = {row: curves(plan, [run for run in runs if run.model == row], class_name, draws) for row in plan.rows}
    lines = []
    for row in plan.rows if found.get(plan.baseline) else ():
        if row != plan.baseline and found[row]:
            shared = {"row": row, "label": plan.rows[row], "baseline": plan.baseline, "class": class_name}
            shared |= {"baseline_label": plan.rows[plan.baseline], "test_images": runs[0].pixels["sample"].nunique()}
            shared |= {"seeds": len({run.seed for run in runs if run.model == row})}
            shared |= claim(published, row, plan.baseline, QUANTITY)
            lines += [shared | line for line in _lines(found[plan.baseline], found[row])]
    return pd.DataFrame(lines, columns=HEADER)


def curves(plan: Plan, runs: Sequence[Run], class_name: str, draws: int) -> dict[int, np.ndarray]:
    """Dice of one row by size: first as measured, then of every draw of the bootstrap, float ``(1 + draws,)``."""
    by_size: dict[int, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (size_of(plan, run), run.seed)):
        by_size.setdefault(size_of(plan, run), []).append(run)
    return {size: _drawn(plan, of_seeds, class_name, draws) for size, of_seeds in by_size.items()}


def size_of(plan: Plan, run: Run) -> int:
    """Number of training images of a run's family, n10, n20, ..."""
    return int(plan.families[run.split].removeprefix("n"))


def _drawn(plan: Plan, of_seeds: Sequence[Run], class_name: str, draws: int) -> np.ndarray:
    """Mean over the seeds: as measured, then with frames and seeds drawn with replacement, always the same draws."""
    generator, images = np.random.default_rng(0), of_seeds[0].pixels.drop_duplicates("sample").sort_values("sample")
    drawn = (resampled(units, draws, generator) for units in (images["frame"].astype(str), np.arange(len(of_seeds))))
    times, seeds = (np.concatenate([np.ones((1, counts.shape[1])), counts]) for counts in drawn)
    place = {sample: number for number, sample in enumerate(images["sample"])}
    total = np.zeros(1 + draws)
    for number, run in enumerate(of_seeds):
        own = times[:, [place[sample] for sample in run.samples]]
        total += seeds[:, number] * weighted_average(COLUMNS["dice"], run, class_name, plan.conventions, own)
    return total / len(of_seeds)


def images_needed(sizes: Sequence[int], curve: Sequence[float], value: float) -> float:
    """Smallest number of images at which a curve reaches a value; `AT_MOST` or `NOT_REACHED` where none is known.

    Args:
        sizes: numbers of images, rising.
        curve: the score at each; NaN where there is none.
        value: to be reached.
    """
    points = [(size, score) for size, score in zip(sizes, curve, strict=True) if not np.isnan(score)]
    if np.isnan(value) or not points:
        return NOT_REACHED
    if points[0][1] >= value:
        return points[0][0] if points[0][1] == value else AT_MOST
    for (few, low), (many, high) in pairwise(points):
        if value <= high:  # all before it are below
            return float(few * (many / few) ** ((value - low) / (high - low)))
    return NOT_REACHED


def _lines(baseline: Mapping[int, np.ndarray], row: Mapping[int, np.ndarray]) -> list[dict]:
    """A line per size of the baseline."""
    sizes, columns = list(row), np.stack(list(row.values()), axis=1)
    lines = []
    for size, values in baseline.items():
        found = [images_needed(sizes, curve, value) for curve, value in zip(columns, values, strict=True)]
        low, high = np.quantile(found[1:], [0.025, 0.975], method="inverted_cdf")
        line = {"images": size, "baseline_dice": values[0], "dice": row[size][0] if size in row else np.nan}
        line |= {"needed": found[0], "low": low, "high": high, "ratio": found[0] / size}
        line |= {"answer": in_words(found[0], sizes), "interval": interval(low, high, sizes)}
        lines.append(line)
    return lines


def in_words(images: float, sizes: Sequence[int]) -> str:
    """``12``, ``at most 10``, ``not reached with 250``."""
    if images == AT_MOST:
        return f"at most {sizes[0]}"
    return f"not reached with {sizes[-1]}" if images == NOT_REACHED else f"{images:.3g}"


def interval(low: float, high: float, sizes: Sequence[int]) -> str:
    """Both ends of an interval in words, one where they are the same."""
    ends = dict.fromkeys((in_words(low, sizes), in_words(high, sizes)))
    return " to ".join(ends)
