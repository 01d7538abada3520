"""A paper's table from runs: one number per run, then mean and spread over folds and seeds."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.data.protocol import ONE_FAMILY
from hemoseg.errors import InputError
from hemoseg.tables import conventions as rules
from hemoseg.tables.column import ALL, Column, Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import Conventions, require_known
from hemoseg.tables.weighting import mean_of_classes

AVERAGE = "average"
BLOCK = 1024  # images that are scored alone at once: memory grows with their number, not with its square
PUBLISHED_FAMILIES = (ONE_FAMILY, "random")
KEYS = (
    *("table", "title", "rows", "columns", "classes", "families", "thresholds", "accuracy", "also", "baseline"),
    *("convention", *rules.CHOICES),
)
HEADER = [
    *("row", "label", "family", "column", "header", "class", "mean", "sd", "seed_sd", "folds", "seeds", "unit"),
    *("published", "published_sd", "source"),
]


@dataclass(frozen=True)
class Plan:
    """What a table shows: labels of rows by model key, headers by column id, classes, conventions.

    ``classes`` holds names, ids or ``average``; ``all`` stands for every class and their average. None is the papers'
    habit: the one class that is no background alone, or all where there are several. ``also`` are the conventions of a
    second table, where a paper does not say which rule it followed. ``families`` names the family of each split; one
    that is not named belongs to `ONE_FAMILY`. ``baseline`` is the row that others are compared with, if there is one.
    """

    name: str
    title: str
    rows: Mapping[str, str]
    columns: Mapping[str, str]
    classes: Sequence[str | int] | str | None
    conventions: Conventions
    also: Conventions | None = None
    families: Mapping[str, str] = field(default_factory=dict)
    baseline: str | None = None

    def family_of(self, split: str) -> str:
        """Name of the family that a split belongs to."""
        return self.families.get(split, ONE_FAMILY)


def plan(settings: Mapping[str, Any]) -> Plan:
    """The plan that a table's settings describe.

    Raises:
        InputError: a key, a column or a choice is unknown, or one is missing.
    """
    require_known("the table", settings, KEYS)
    if missing := [key for key in ("table", "rows", "columns") if not settings.get(key)]:
        raise InputError(f"--settings: {missing[0]} is missing; a table needs table, rows and columns")
    require_known("columns", settings["columns"], COLUMNS)
    name, classes = settings["table"], settings.get("classes")
    title = settings.get("title") or name
    also, families = rules.read_also(settings), settings.get("families") or {}
    shared = {"also": also, "families": families, "baseline": settings.get("baseline")}
    return Plan(name, title, settings["rows"], settings["columns"], classes, rules.read(settings), **shared)


def tabulate(plan: Plan, runs: Sequence[Run], published: pd.DataFrame | None = None) -> pd.DataFrame:
    """The table, tidy: a line per row, family, column and class, in the order of the plan; columns are `HEADER`.

    ``mean`` and ``sd`` (ddof = 1) run over the folds (splits) of a family, each fold being the mean of its seeds;
    ``seed_sd`` is the standard deviation over the seeds (ddof = 1) of the mean over folds. A fold without a value
    (NaN) is left out of both, and ``folds`` counts those that remain. Where there are several families, ``label``
    names the family too.

    ``published`` holds row, class (id or name), column, value, sd, source; it stands where the splits are one family,
    or beside the family of random folds, which are the papers'.

    Raises:
        InputError: the runs differ in their classes, repeat, or belong to no row.
    """
    names = class_names(plan, runs)
    scores = pd.DataFrame(_scores(plan, runs, names), columns=["row", "column", "class", "split", "seed", "value"])
    scores["family"] = scores["split"].map(plan.family_of)
    ids = {name: str(class_id) for class_id, name in names.items()}
    of = dict(list(scores.groupby(["row", "family", "column", "class"])))
    lines = []
    for row, family in itertools.product(plan.rows, families_of(plan, runs)):
        theirs = published if family in PUBLISHED_FAMILIES else None
        label = plan.rows[row] if family == ONE_FAMILY else f"{plan.rows[row]}, {family.replace('_', ' ')}"
        for key, header in plan.columns.items():
            for class_name in shown_classes(plan, COLUMNS[key], names):
                line = {"row": row, "label": label, "family": family, "column": key, "header": header}
                chosen = of.get((row, family, key, class_name), scores.iloc[:0])
                line |= {"class": class_name} | summarise(chosen) | {"unit": COLUMNS[key].unit}
                lines.append(line | _published(theirs, row, key, {class_name, ids.get(class_name)}))
    return pd.DataFrame(lines, columns=HEADER)


def families_of(plan: Plan, runs: Sequence[Run]) -> list[str]:
    """The families that were run, in the order of the plan."""
    found = {plan.family_of(run.split) for run in runs}
    return [name for name in dict.fromkeys([*plan.families.values(), ONE_FAMILY]) if name in found]


def summarise(scores: pd.DataFrame) -> dict[str, float]:
    """Mean and spread of scores (split, seed, value): over seeds within a fold first, then over folds."""
    by_fold = scores.pivot(index="split", columns="seed", values="value")
    folds = by_fold.mean(axis=1).dropna()
    complete = by_fold.loc[folds.index].dropna(axis=1)
    return {
        "mean": folds.mean(),
        "sd": folds.std(ddof=1),
        "seed_sd": complete.mean(axis=0).std(ddof=1),
        "folds": len(folds),
        "seeds": scores["seed"].nunique(),
    }


def _scores(plan: Plan, runs: Sequence[Run], names: Mapping[int, str]) -> list[tuple]:
    lines = []
    for run in runs:
        for key in plan.columns:
            for class_name in shown_classes(plan, COLUMNS[key], names):
                value = score(COLUMNS[key], run, class_name, plan.conventions)
                lines.append((run.model, key, class_name, run.split, run.seed, value))
    return lines


def score(column: Column, run: Run, class_name: str, conventions: Conventions) -> float:
    """The number of one run, class or average of the classes; NaN where there is none."""
    if class_name != AVERAGE or not column.per_class:
        return column.score(run, _class_id(column, run, class_name), conventions)
    within = _averaged(run, conventions)
    if column.average is not None:
        return column.average(run, within, conventions)
    return float(mean_of_classes([column.score(run, c, conventions) for c in within]))


def weighted_average(
    column: Column, run: Run, class_name: str, conventions: Conventions, weights: np.ndarray
) -> np.ndarray:
    """What `score` gives, under each of B weightings ``(B, N)`` of the run's N samples (`Run.samples`), float ``(B,)``.

    Weights of the identity give the score of each image; how often each image was drawn, those of a bootstrap.
    """
    if class_name != AVERAGE or not column.per_class:
        return column.weighted(run, _class_id(column, run, class_name), conventions, weights)
    within = _averaged(run, conventions)
    if column.average is not None:
        return column.average.weighted(run, within, conventions, weights)
    numbers = [column.weighted(run, c, conventions, weights) for c in within]
    return np.broadcast_to(mean_of_classes(numbers), len(weights))


def of_each_image(column: Column, run: Run, class_name: str, conventions: Conventions) -> np.ndarray:
    """What `score` gives for each of the run's N samples alone (`Run.samples`), float ``(N,)``."""
    number = len(run.samples)
    blocks = [np.eye(min(BLOCK, number - first), number, first) for first in range(0, number, BLOCK)]
    return np.concatenate([weighted_average(column, run, class_name, conventions, block) for block in blocks])


def _class_id(column: Column, run: Run, class_name: str) -> int:
    """Id of a class, 0 for a column that is not scored per class."""
    ids = {name: class_id for class_id, name in run.class_names.items()}
    return ids[class_name] if column.per_class else 0


def _averaged(run: Run, conventions: Conventions) -> list[int]:
    """Ids of the classes that the average is taken over."""
    return [c for c in run.class_names if c > 0 or conventions.background == "in"]


def shown_classes(plan: Plan, column: Column, names: Mapping[int, str]) -> list[str]:
    """Names of the classes that a column shows."""
    if not column.per_class:
        return [ALL]
    if plan.classes is None and len(names) == 2:
        return [names[1]]
    if plan.classes in (None, ALL):
        return [*names.values(), AVERAGE]
    return [names.get(name, name) if isinstance(name, int) else str(name) for name in plan.classes]


def class_names(plan: Plan, runs: Sequence[Run]) -> dict[int, str]:
    """Class names by id, the same in all runs."""
    if not runs:
        raise InputError(f"{plan.name}: there are no runs to tabulate; pass --run at least once")
    names = runs[0].class_names
    seen = set()
    for run in runs:
        where = f"{plan.name}: run {run.model}, {run.split}, seed {run.seed}"
        if run.model not in plan.rows:
            raise InputError(f"{where} belongs to no row; name {run.model} in rows")
        if run.class_names != names:
            raise InputError(f"{where} has classes {run.class_names}, the first run has {names}")
        if (run.model, run.split, run.seed) in seen:
            raise InputError(f"{where} was passed twice")
        seen.add((run.model, run.split, run.seed))
    if plan.classes not in (None, ALL):
        require_known("classes", plan.classes, [*names.values(), *names, AVERAGE])
    return names


def _published(published: pd.DataFrame | None, row: str, key: str, classes: set) -> dict[str, Any]:
    """The paper's number of one cell of the table; NaN where it prints none."""
    blank = {"published": np.nan, "published_sd": np.nan, "source": ""}
    if published is None:
        return blank
    lines = published[(published["row"] == row) & (published["column"] == key) & published["class"].isin(classes)]
    if lines.empty:
        return blank
    line = lines.iloc[0]
    return {"published": line["value"], "published_sd": line["sd"], "source": line["source"]}
