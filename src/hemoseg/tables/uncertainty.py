"""How far the numbers of a table depend on which images were tested, and apart from that on seeds and folds.

The test images are drawn anew, whole units at a time, and every run is scored with what was drawn: the same draws for
all rows, so that rows can be compared draw by draw. A draw of the table's number is made as the number itself: mean
over the seeds, then over the folds. It knows nothing of other training images.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from hemoseg.metrics.bootstrap import DRAWS, percentile_interval, resampled, resampled_within
from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.table import Plan, class_names, families_of, shown_classes, tabulate, weighted_average
from hemoseg.tables.units import Units, units_of

Key = tuple[str, str, str]  # row, column, class
HEADER = [
    *("row", "label", "column", "header", "class", "mean", "low", "high", "units", "n_units", "n_images"),
    *("seed_sd", "fold_sd", "seeds", "folds", "unit"),
]


class Drawn(NamedTuple):
    """Numbers of a table under a bootstrap of its test images.

    Attributes:
        units: what was drawn.
        numbers: of each row, column and class as measured and then in every draw, float ``(1 + draws,)``.
        images: of each row how many images were tested.
    """

    units: Units
    numbers: Mapping[Key, np.ndarray]
    images: Mapping[str, int]

    def interval(self, values: np.ndarray) -> tuple[float, float]:
        """95 % interval of a number from its draws, ``(draws,)``."""
        return percentile_interval(values, self.units.number)


def drawn(plan: Plan, runs: Sequence[Run], draws: int = DRAWS, seed: int = 0) -> Drawn:
    """Draw the test images of all runs anew; pass the result on where several tables are made of the same runs.

    Raises:
        ValueError: the runs are of several families of splits, which are never joined.
    """
    if len(families_of(plan, runs)) > 1:
        raise ValueError(f"{plan.name}: draw the runs of one family of splits at a time")
    names, units = class_names(plan, runs), units_of(runs)
    weights = _weights(units, draws, np.random.default_rng(seed))
    place = {sample: number for number, sample in enumerate(units.samples)}
    folds: dict[Key, dict[str, list[np.ndarray]]] = {}
    tested: dict[str, set[str]] = {}
    for run in runs:
        own = weights[:, [place[sample] for sample in run.samples]]
        tested.setdefault(run.model, set()).update(run.samples)
        for key in plan.columns:
            for class_name in shown_classes(plan, COLUMNS[key], names):
                values = weighted_average(COLUMNS[key], run, class_name, plan.conventions, own)
                folds.setdefault((run.model, key, class_name), {}).setdefault(run.split, []).append(values)
    numbers = {key: _mean([_mean(seeds) for seeds in of_key.values()]) for key, of_key in folds.items()}
    return Drawn(units, numbers, {row: len(samples) for row, samples in tested.items()})


def intervals(plan: Plan, runs: Sequence[Run], draws: Drawn | None = None) -> pd.DataFrame:
    """A line per row, column and class of the runs of one family of splits, as in the table; columns are `HEADER`.

    ``low`` and ``high`` are the 95 % interval of ``mean`` over the test images that were drawn (`drawn`, which is done
    here where ``draws`` is None). ``seed_sd`` and ``fold_sd`` are the spreads over seeds and over folds that the table
    prints: they hold other doubts, and are not in the interval.
    """
    draws = drawn(plan, runs) if draws is None else draws
    table = tabulate(plan, runs).rename(columns={"sd": "fold_sd"})
    keys = list(table[["row", "column", "class"]].itertuples(index=False, name=None))
    ends = [draws.interval(draws.numbers[key][1:]) if key in draws.numbers else (np.nan, np.nan) for key in keys]
    found = table.assign(low=[low for low, _ in ends], high=[high for _, high in ends])
    found = found.assign(units=draws.units.name, n_units=draws.units.number)
    return found.assign(n_images=[draws.images.get(key[0], 0) for key in keys])[HEADER]


def _weights(units: Units, draws: int, generator: np.random.Generator) -> np.ndarray:
    """How often each image counts, as measured (once) and in every draw, float ``(1 + draws, N)``."""
    if units.name == "group":
        counts = resampled_within(units.of, units.frames, draws, generator)
    else:
        counts = resampled(units.of, draws, generator)
    return np.concatenate([np.ones((1, len(units.samples))), counts])


def _mean(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Mean of the parts that are known, elementwise; NaN where none is."""
    table = np.stack(parts)
    known = ~np.isnan(table)
    number = known.sum(axis=0)
    return np.divide(np.where(known, table, 0).sum(axis=0), number, out=np.full(len(number), np.nan), where=number > 0)
