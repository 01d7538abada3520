"""How much one row differs from another on the same test images, and how sure that is."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from hemoseg.metrics import paired
from hemoseg.tables.column import Column, Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.image_values import HEADER as IMAGES
from hemoseg.tables.image_values import image_values
from hemoseg.tables.table import Plan, class_names, score, shown_classes
from hemoseg.tables.uncertainty import Drawn, drawn
from hemoseg.tables.units import Units

TESTS = ("p_wilcoxon", "p_permutation", "p_fold_t")
HEADER = [
    *("row", "label", "other", "other_label", "column", "header", "class", "unit", "better"),
    *("mean", "other_mean", "difference", "low", "high", *TESTS, *(f"{name}_holm" for name in TESTS)),
    *("image_difference", "wins", "losses", "ties", "n_images", "units", "n_units", "folds", "effect", "standardised"),
]


def differences(plan: Plan, runs: Sequence[Run], draws: Drawn | None = None) -> pd.DataFrame:
    """A line per pair of rows, column that has a better side, and class; columns are `HEADER`.

    The runs are of one family of splits.

    ``difference`` is ``mean`` of ``row`` minus ``other_mean`` of ``other``, both as in the table; ``low`` and ``high``
    its 95 % interval over draws of the test images, the same ones for both. ``other`` is the baseline of the plan, or
    the row that stands first.

    The tests are two-sided. ``p_wilcoxon`` and ``p_permutation`` take the differences of the images' own scores (mean
    over seeds and over splits that test an image), by unit: the mean of each unit's images in the former, whole units
    exchanged in the latter; ``image_difference`` is their mean, which is not ``difference`` where the table pools its
    images. ``p_fold_t`` takes the differences of the folds (mean over seeds). ``..._holm`` are
    adjusted for the number of pairs of rows in the column and class, not for that of columns: choose the column first.

    ``wins`` counts the images on which ``row`` is better, ``losses`` those on which ``other`` is. ``effect`` is the
    rank-biserial correlation of the units, ``standardised`` their mean difference over its standard deviation.
    """
    draws = drawn(plan, runs) if draws is None else draws
    names, lines = class_names(plan, runs), []
    none = pd.DataFrame(columns=IMAGES)
    by_column = dict(list(image_values(plan, runs).groupby(["column", "class"], sort=False)))
    for key in (key for key in plan.columns if COLUMNS[key].better):
        for class_name in shown_classes(plan, COLUMNS[key], names):
            folds = _folds(plan, COLUMNS[key], class_name, runs)
            rows = [row for row in plan.rows if row in folds]
            values = by_column.get((key, class_name), none).pivot(index="sample", columns="row", values="value")
            told = {"column": key, "header": plan.columns[key], "class": class_name}
            told |= {"unit": COLUMNS[key].unit, "better": COLUMNS[key].better}
            found = [
                _compared(values.reindex(columns=rows), folds, draws, (key, class_name), pair)
                for pair in pairs(rows, plan.baseline)
            ]
            lines += [told | line for line in _adjusted(found)]
    table = pd.DataFrame(lines, columns=HEADER)
    return table.assign(label=table["row"].map(plan.rows), other_label=table["other"].map(plan.rows))


def pairs(rows: Sequence[str], baseline: str | None) -> list[tuple[str, str]]:
    """(row, other) of every two rows: other is the baseline, or else the one that stands first."""
    return [(one, two) if two == baseline else (two, one) for one, two in combinations(rows, 2)]


def _compared(values: pd.DataFrame, folds: pd.DataFrame, draws: Drawn, key: tuple, pair: tuple[str, str]) -> dict:
    """One line: numbers of the table, tests on the images, tests on the folds."""
    row, other = pair
    mine, theirs = (draws.numbers[name, *key] for name in pair)
    low, high = draws.interval((mine - theirs)[1:])
    line = {"row": row, "other": other, "mean": mine[0], "other_mean": theirs[0], "difference": mine[0] - theirs[0]}
    line |= {"low": low, "high": high} | _of_images(values[row], values[other], draws.units, COLUMNS[key[0]].better)
    of_folds = (folds[row] - folds[other]).dropna()
    share = folds.loc[of_folds.index, "test_share"].mean()
    return line | {"p_fold_t": paired.corrected_resampled_t(of_folds, share), "folds": len(of_folds)}


def _of_images(mine: pd.Series, theirs: pd.Series, units: Units, better: str) -> dict:
    """Tests, effects and wins of the images that both have a score of."""
    difference = (mine - theirs).dropna()
    unit = pd.Series(units.of, units.samples)[difference.index]
    by_unit = difference.groupby(unit).agg(["sum", "mean"])
    line = {"image_difference": difference.mean(), "n_images": len(difference)}
    line |= {"p_wilcoxon": paired.wilcoxon(by_unit["mean"])}
    line |= {"p_permutation": paired.flip_test(by_unit[["sum"]])[0] if len(by_unit) else np.nan}
    line |= {"effect": paired.rank_biserial(by_unit["mean"]), "standardised": paired.standardised(by_unit["mean"])}
    gain = {"high": difference, "low": -difference, "zero": (theirs.abs() - mine.abs())[difference.index]}[better]
    line |= {"wins": int((gain > 0).sum()), "losses": int((gain < 0).sum()), "ties": int((gain == 0).sum())}
    return line | {"units": units.name, "n_units": len(by_unit)}


def _folds(plan: Plan, column: Column, class_name: str, runs: Sequence[Run]) -> pd.DataFrame:
    """Score of each row in each split, mean over the seeds, and ``test_share``: test images over all others."""
    lines = [(run.model, run.split, score(column, run, class_name, plan.conventions), len(run.samples)) for run in runs]
    table = pd.DataFrame(lines, columns=["row", "split", "value", "images"])
    every = len({sample for run in runs for sample in run.samples})
    wide = table.pivot_table(index="split", columns="row", values="value", sort=False, dropna=False)
    tested = table.groupby("split")["images"].max().reindex(wide.index)
    return wide.assign(test_share=tested / (every - tested).where(every > tested))


def _adjusted(lines: Sequence[dict]) -> list[dict]:
    """The lines of one column and class with their p adjusted for the number of pairs."""
    adjusted = {name: paired.holm([line[name] for line in lines]) for name in TESTS}
    return [
        line | {f"{name}_holm": float(values[place]) for name, values in adjusted.items()}
        for place, line in enumerate(lines)
    ]
