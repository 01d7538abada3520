"""How many training images a row needs to equal another one, from curves of Dice against the number of images.

The rule: through the means over the seeds at the sizes that were run goes a line that is straight in the logarithm of
the size; needed is the smallest number of images at which it reaches the baseline's Dice, whether it rises everywhere
or not. Nothing is extrapolated: a row that is as good with the fewest images that were run needs *at most* so many, one
that is not as good with any number has *not reached* it.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from hemoseg.metrics.bootstrap import DRAWS, resampled
from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.pixel_columns import EMPTY, of_class
from hemoseg.tables.ratios import claim
from hemoseg.tables.table import AVERAGE, Plan, class_names, shown_classes

AT_MOST, NOT_REACHED = -np.inf, np.inf  # below and above all sizes that were run
QUANTITY = "training images"
HEADER = [
    *("row", "label", "baseline", "baseline_label", "class", "images", "baseline_dice", "dice"),
    *("needed", "low", "high", "ratio", "answer", "interval", "seeds", "test_images"),
    *("published_ratio", "published_words", "source"),
]


class Terms(NamedTuple):
    """What the Dice of one run is made from: its mean over images is the ratio of two weighted sums.

    Attributes:
        over: numerator of each class and image, float ``(C, N)``.
        under: denominator.
        frames: frame of each image.
    """

    over: np.ndarray
    under: np.ndarray
    frames: list[str]

    def dice(self, weights: np.ndarray) -> np.ndarray:
        """Dice for weights ``(B, N)`` of the images, mean over the classes with a value, float ``(B,)``."""
        under = weights @ self.under.T
        ratio = np.divide(weights @ self.over.T, under, out=np.full(under.shape, np.nan), where=under > 0)
        known = ~np.isnan(ratio)
        number = known.sum(axis=1)
        sums = np.where(known, ratio, 0).sum(axis=1)
        return np.divide(sums, number, out=np.full(len(ratio), np.nan), where=number > 0)


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
    by_size: dict[int, list[Terms]] = {}
    for run in sorted(runs, key=lambda run: (size_of(plan, run), run.seed)):
        by_size.setdefault(size_of(plan, run), []).append(terms(plan, run, class_name))
    return {size: _drawn(of_seeds, draws) for size, of_seeds in by_size.items()}


def size_of(plan: Plan, run: Run) -> int:
    """Number of training images of a run's family, n10, n20, ..."""
    return int(plan.families[run.split].removeprefix("n"))


def terms(plan: Plan, run: Run, class_name: str) -> Terms:
    """Numerators and denominators of the Dice that the table shows for a class or the average."""
    conventions = plan.conventions
    if class_name == AVERAGE:
        ids = [c for c in run.class_names if c > 0 or conventions.background == "in"]
    else:
        ids = [c for c, name in run.class_names.items() if name == class_name]
    over, under = [], []
    for class_id in ids:
        rows = of_class(run, class_id).sort_values("sample")
        twice, size = 2.0 * rows["tp"].to_numpy(), (2.0 * rows["tp"] + rows["fp"] + rows["fn"]).to_numpy()
        if conventions.average == "per_image":
            score = np.where(size > 0, twice / np.maximum(size, 1), EMPTY[conventions.empty])
            twice, size = np.nan_to_num(score), (~np.isnan(score)).astype(float)
        over.append(twice)
        under.append(size)
    return Terms(np.stack(over), np.stack(under), rows["frame"].astype(str).to_list())


def _drawn(of_seeds: Sequence[Terms], draws: int) -> np.ndarray:
    """Mean over the seeds: as measured, then with frames and seeds drawn with replacement, always the same draws."""
    generator = np.random.default_rng(0)
    drawn = (resampled(units, draws, generator) for units in (of_seeds[0].frames, np.arange(len(of_seeds))))
    images, seeds = (np.concatenate([np.ones((1, times.shape[1])), times]) for times in drawn)
    weights = seeds / len(of_seeds)
    return sum(weights[:, i] * one.dice(images) for i, one in enumerate(of_seeds))


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
