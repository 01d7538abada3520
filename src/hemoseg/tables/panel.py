"""Would the order of the rows be another one under another convention? Every choice in turn, the rest as in the table.

Rows that are compared under one rule may change places under another (doi:10.1038/s41467-018-07619-7), so a table says
nothing of the rules that it does not follow. A reader sees here which choices matter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from hemoseg.metrics.cell_errors import share
from hemoseg.metrics.turns import turns
from hemoseg.tables.column import ALL, Column, Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import CHOICES, Conventions, named
from hemoseg.tables.matching import matches
from hemoseg.tables.table import AVERAGE, Plan, class_names, score, shown_classes

OWN, MATCHING = "own", "matching"
MATCHED_AT = (0.5, 0.6, 0.7, 0.8, 0.9)  # least IoU of a match; from 0.5 on it is one to one
CELLS = "f1_50"  # the column that the least IoU is varied of
# Around the papers' own thresholds of cell errors, and the columns that each of them decides.
VARIED = {
    "found": ("0.3", "0.5", "0.7"),
    "artefact": ("0.3", "0.5", "0.7"),
    "incomplete": ("0.7", "0.8", "0.9"),
    "two_types": ("1/4", "1/3", "1/2"),
}
DECIDED = {
    "found": {"missed", "incomplete_missed", "two_types", "wrong_type"},
    "artefact": {"spurious", "artefacts"},
    "incomplete": {"incomplete"},  # a missed cell is incomplete at each of these
    "two_types": {"two_types", "wrong_type"},
}
HEADER = ["row", "label", "column", "header", "class", "choice", "value", "mean", "rank", "turned"]
ABSENCES = ["row", "class", "images", "neither", "missed", "spurious"]
# The words of a definition that tell that a column follows a rule; the background is in averages over classes only.
RULES = {"average": "{average_rule}", "empty": "{empty_rule}", "hausdorff_missing": "{hausdorff_rule}"}


def panel(plan: Plan, runs: Sequence[Run]) -> pd.DataFrame:
    """Mean and rank of each row under each choice, for all columns that have a better side; columns are `HEADER`.

    Returns:
        ``choice`` and ``value``: ``own`` and the table's convention; ``convention`` and ``strict``; a rule of
        `conventions.CHOICES` and what it could be besides; a threshold of cell errors and what it could be besides
        (`VARIED`); ``matching`` and the least IoU of F1 of cells, whose own value is 0.5. ``rank`` is 1 for the best,
        alike for equal means, NaN without a mean; ``turned`` counts the pairs of rows that stand the other way round
        than under the own value (a tie on one side is no turn).
    """
    names = class_names(plan, runs)
    ranked = [key for key in plan.columns if COLUMNS[key].better]
    lines = []
    for key in ranked:
        for class_name in shown_classes(plan, COLUMNS[key], names):
            for choice, value, rules in choices(COLUMNS[key], class_name, plan.conventions):
                scores = [score(COLUMNS[key], run, class_name, rules) for run in runs]
                lines += _ranked(plan, runs, scores, (key, plan.columns[key], class_name, choice, value))
    if ranked and all(run.knows_cells for run in runs):
        for least in MATCHED_AT:
            scores = [matches(run, least).f1 for run in runs]
            lines += _ranked(plan, runs, scores, (MATCHING, "F1 of cells", ALL, MATCHING, str(least)))
    return _with_turns(pd.DataFrame(lines, columns=HEADER[:-1]))


def choices(column: Column, class_name: str, own: Conventions) -> Iterator[tuple[str, str, Conventions]]:
    """(choice, value, conventions) of every way to score a column, the table's own first."""
    yield OWN, own.convention, own
    followed = [rule for rule in CHOICES if follows(column, class_name, rule)]
    strict = named(own, "strict")
    if any(getattr(strict, rule) != getattr(own, rule) for rule in followed):
        yield "convention", "strict", strict
    for rule in followed:
        for value in CHOICES[rule]:
            if value != getattr(own, rule):
                yield rule, value, replace(own, **{rule: value})
    for name, values in VARIED.items():
        for value in values if decides(name, column, own) else ():
            if share(value) != getattr(own, name):
                yield name, value, replace(own, **{name: share(value)})


def follows(column: Column, class_name: str, rule: str) -> bool:
    """Whether a rule of `conventions.CHOICES` can change a column's number."""
    if rule == "background":
        return column.per_class and class_name == AVERAGE
    return RULES[rule] in column.definition


def decides(threshold: str, column: Column, own: Conventions) -> bool:
    """Whether one of the thresholds `VARIED` can change a column's number."""
    errors = set(own.accuracy) if column.key == "accuracy" else {column.key}
    return bool(errors & DECIDED[threshold])


def _ranked(plan: Plan, runs: Sequence[Run], scores: Sequence[float], told: tuple) -> list[tuple]:
    """A line per row that was run."""
    table = pd.DataFrame({"row": [run.model for run in runs], "value": scores})
    table = table.assign(split=[run.split for run in runs])
    # As `tables.table.summarise`: over the seeds of a fold, then over the folds that have a value.
    means = table.groupby(["row", "split"])["value"].mean().groupby("row").mean()
    better = "high" if told[0] == MATCHING else COLUMNS[told[0]].better
    badness = {"high": -means, "low": means, "zero": means.abs()}[better]
    ranks = badness.rank(method="min")
    shown = [row for row in plan.rows if row in means]
    return [(row, plan.rows[row], *told, means[row], ranks[row]) for row in shown]


def _with_turns(lines: pd.DataFrame) -> pd.DataFrame:
    found = []
    for _, of_column in lines.groupby(["column", "class"], sort=False):
        ways = dict(list(of_column.groupby(["choice", "value"], sort=False)))
        own = next(iter(ways.values())).set_index("row")["rank"]
        found += [way.assign(turned=len(turns(own, way.set_index("row")["rank"]))) for way in ways.values()]
    return pd.concat(found, ignore_index=True) if found else lines.assign(turned=pd.Series(dtype=int))


def absences(plan: Plan, runs: Sequence[Run]) -> pd.DataFrame:
    """Per row and class but background: images on which conventions for what is absent bear; columns are `ABSENCES`.

    ``images`` were tested (summed over the splits, mean over the seeds), ``neither`` of them have the class on no side,
    ``missed`` in the truth only, ``spurious`` in the prediction only.
    """
    lines = []
    for run in runs:
        rows = run.pixels[run.pixels["class"] > 0]
        true, said = (rows["tp"] + rows["fn"] > 0), (rows["tp"] + rows["fp"] > 0)
        found = {"images": True, "neither": ~true & ~said, "missed": true & ~said, "spurious": ~true & said}
        counts = rows.assign(**found).groupby("class_name", sort=False)[list(found)].sum()
        lines.append(counts.assign(row=run.model, seed=run.seed).rename_axis("class").reset_index())
    by_seed = pd.concat(lines).groupby(["row", "class", "seed"], sort=False)[ABSENCES[2:]].sum()
    mean = by_seed.groupby(["row", "class"], sort=False).mean().reset_index()
    order = mean["row"].map({row: number for number, row in enumerate(plan.rows)})
    return mean.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(drop=True)[ABSENCES]
