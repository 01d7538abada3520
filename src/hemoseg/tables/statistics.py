"""All that tells how sure a table is, made from the same runs and the same draws of their images."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from hemoseg.metrics.bootstrap import DRAWS
from hemoseg.tables.column import Run
from hemoseg.tables.differences import differences
from hemoseg.tables.image_values import image_values
from hemoseg.tables.panel import absences, panel
from hemoseg.tables.ranking import ranking
from hemoseg.tables.table import Plan, families_of
from hemoseg.tables.uncertainty import Drawn, drawn, intervals

Make = Callable[[Plan, Sequence[Run], Drawn], pd.DataFrame]
TABLES: Mapping[str, Make] = {
    "intervals": intervals,
    "differences": differences,
    "ranking": ranking,
    "images": lambda plan, runs, _: image_values(plan, runs),
    "panel": lambda plan, runs, _: panel(plan, runs),
    "absences": lambda plan, runs, _: absences(plan, runs),
}


def statistics(plan: Plan, runs: Sequence[Run], draws: int = DRAWS) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Tables by name (`TABLES`), each with the column ``family`` first, and what was done, as sentences.

    Splits of several families are never joined: each family has lines, and draws, of its own.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    units = {}
    for family in families_of(plan, runs):
        own = [run for run in runs if plan.family_of(run.split) == family]
        drawn_anew = drawn(plan, own, draws)
        units[family] = drawn_anew.units.words()
        for name, make in TABLES.items():
            table = make(plan, own, drawn_anew)
            table.insert(0, "family", family)
            parts[name].append(table)
    joined = {name: pd.concat([part for part in of if len(part)] or of[:1]) for name, of in parts.items()}
    tables = {name: table.reset_index(drop=True) for name, table in joined.items()}
    return tables, {"units": units, "sentences": _sentences(plan, draws)}


def _sentences(plan: Plan, draws: int) -> list[str]:
    """What the numbers mean, for the reader."""
    words = plan.conventions.words()
    return [
        f"Convention {words['convention_rule']}: {words['average_rule']}; {words['empty_rule']}; "
        f"{words['background_rule']}; {words['hausdorff_rule']}.",
        f"Intervals: 95 %, from percentiles of {draws} draws of the test images, widened for few units "
        "(doi:10.1080/00031305.2015.1089789). Whole units are drawn with replacement and, where they are groups, then "
        "their frames; the draws are the same for all rows. They hold what other test images would do, not what other "
        "trainings would: for that see the spreads over seeds and over folds, which stand apart.",
        "Tests are two-sided, on the images' own scores (mean over the seeds): Wilcoxon's signed ranks of the units "
        "(doi:10.2307/3001968), and a permutation test that exchanges both rows in whole units. Across folds: the "
        "t-test that allows for shared training images (doi:10.1023/A:1024068626366). Each p is adjusted for the pairs "
        "of rows in a column by Holm's method, not for the number of columns: choose the column first.",
    ]
