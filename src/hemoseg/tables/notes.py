"""What stands under a table: each convention and threshold as a sentence, and the numbers as nested JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from hemoseg.data.protocol import ONE_FAMILY, describe_family
from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.table import AVERAGE, Plan, families_of


def notes(plan: Plan, runs: Sequence[Run], table: pd.DataFrame) -> dict[str, Any]:
    """Everything that a reader needs to read the table: sentences, and per column its definition, unit and source."""
    columns = _columns(plan, plan.conventions)
    sentences = [*_shared_sentences(plan, runs, table), *(_sentence(facts) for facts in columns.values())]
    told = {"table": plan.name, "conventions": sentences, "columns": columns, "other_rule": _other_rule(plan)}
    return told | {"fold": _size_of_a_fold(plan, runs, table)}


def of_other_rule(plan: Plan) -> list[str]:
    """Columns that the second conventions of a plan define otherwise; empty where there are none."""
    if plan.also is None:
        return []
    first, second = (_columns(plan, rules) for rules in (plan.conventions, plan.also))
    return [key for key in first if first[key]["definition"] != second[key]["definition"]]


def _other_rule(plan: Plan) -> list[str]:
    """What the second table does otherwise, as sentences."""
    changed = of_other_rule(plan)
    return [_sentence(facts) for key, facts in _columns(plan, plan.also).items() if key in changed] if changed else []


def _columns(plan: Plan, conventions: Conventions) -> dict[str, dict[str, Any]]:
    """Header, definition, unit, direction, digits and source of each column."""
    words = conventions.words()
    columns = {}
    for key, header in plan.columns.items():
        column = COLUMNS[key]
        definition = column.definition.format(**words)
        facts = {"header": header, "definition": definition, "unit": column.unit, "better": column.better}
        columns[key] = facts | {"digits": column.digits, "source": column.source}
    return columns


def metrics(table: pd.DataFrame) -> dict[str, Any]:
    """Means as ``{row: {column: mean}}``, or ``{row: {column: {class: mean}}}`` where a column has several classes.

    With several families the columns stand below ``{row: {family: ...}}``. What has no value is left out: JSON knows
    no NaN.
    """
    result: dict[str, Any] = {}
    several = table.groupby("column")["class"].nunique() > 1
    for line in table[table["mean"].notna()].to_dict("records"):
        values = result.setdefault(line["row"], {})
        if line["family"] != ONE_FAMILY:
            values = values.setdefault(line["family"], {})
        if several[line["column"]]:
            values.setdefault(line["column"], {})[line["class"]] = float(line["mean"])
        else:
            values[line["column"]] = float(line["mean"])
    return result


def _sentence(facts: Mapping[str, Any]) -> str:
    unit = f", in {facts['unit']}" if facts["unit"] else ""
    source = f" ({facts['source']})" if facts["source"] else ""
    return f"{facts['header']}: {facts['definition']}{unit}{source}."


def _shared_sentences(plan: Plan, runs: Sequence[Run], table: pd.DataFrame) -> list[str]:
    seeds = {run.seed for run in runs}
    sentences = [
        f"Mean ± standard deviation (ddof = 1) over {_splits(plan, runs)}, each the mean of its seeds ({len(seeds)} in"
        " all); errors of cells are summed over the images of a test fold first."
    ]
    sentences.append(f"Convention {plan.conventions.words()['convention_rule']}.")
    if same_images(plan, runs):
        sentences.append("All splits test the same images: the spread is of the trainings, not of test sets.")
    if told := [words for words in map(describe_family, families_of(plan, runs)) if words]:
        sentences.append(f"{'; '.join(told)}.")
    if AVERAGE in set(table["class"]):
        sentences.append(plan.conventions.words()["background_rule"].capitalize() + ".")
    bins = {run.histograms.shape[-1] for run in runs if run.histograms is not None}
    if {"auc", "average_precision"} & set(plan.columns) and bins:
        number = " or ".join(map(str, sorted(bins)))
        sentences.append(f"ROC and precision-recall curves are drawn from {number} bins of probability.")
    if {"nsd", "boundary_f1"} & set(plan.columns):
        tolerances = sorted({f"{found:.3g}" for run in runs for found in run.pixels["tolerance"].unique()}, key=float)
        sentences.append(f"The tolerance of boundaries is {' or '.join(tolerances)} px of the sample.")
    if any(COLUMNS[key].unit == "cells" for key in plan.columns):
        sentences.append(_least_area(runs))
    if fold := _size_of_a_fold(plan, runs, table):
        sentences.append(fold)
    if table["published"].notna().any():
        sentences.append("Lines marked published are the papers' numbers, on their own data; none of them is ours.")
    return sentences


def same_images(plan: Plan, runs: Sequence[Run]) -> bool:
    """Whether some family has several splits, and all of such a family test the same images."""
    tested: dict[str, dict[str, frozenset[str]]] = {}
    for run in runs:
        images = frozenset(run.pixels["sample"].astype(str))
        tested.setdefault(plan.family_of(run.split), {})[run.split] = images
    several = [list(splits.values()) for splits in tested.values() if len(splits) > 1]
    return bool(several) and all(len(set(images)) == 1 for images in several)


def _splits(plan: Plan, runs: Sequence[Run]) -> str:
    families = families_of(plan, runs)
    if families == [ONE_FAMILY]:
        return f"{len({run.split for run in runs})} split(s)"
    sizes = {name: len({run.split for run in runs if plan.family_of(run.split) == name}) for name in families}
    return f"the splits of a family ({', '.join(f'{name}: {size}' for name, size in sizes.items())})"


def _size_of_a_fold(plan: Plan, runs: Sequence[Run], table: pd.DataFrame) -> str:
    """Of how many cells the counts of errors are; empty where none are counted."""
    counts = [key for key in plan.columns if COLUMNS[key].unit == "cells"]
    known = [run for run in runs if run.knows_cells]
    if not counts or not known:
        return ""
    images = sum(run.pixels["sample"].nunique() for run in known) / len(known)
    cells = sum(len(run.gt) for run in known) / len(known)
    average = "" if images == round(images) and cells == round(cells) else "on average "
    size = f"{average}{round(images, 1):g} image(s) and {round(cells):g} true cell(s)"
    told = f"Errors of cells are counts: here a test fold has {size}"
    if (table["column"].isin(counts) & table["published"].notna()).any():
        told += "; the published counts are of the papers' own test sets, so not comparable one by one"
    return f"{told}."


def _least_area(runs: Sequence[Run]) -> str:
    least = sorted({round(float(area), 2) for run in runs for area in run.cells["min_area"].unique()})
    if not least:
        return "The truth has no instances: what needs cells is blank, not guessed."
    span = f"{least[0]:g}" if len(least) == 1 else f"{least[0]:g} to {least[-1]:g} (by split)"
    return (
        f"A cell counts if its area is at least {span} px, a set share of the median true cell of the split's training"
        " samples; ignored pixels are taken out of truth and prediction."
    )
