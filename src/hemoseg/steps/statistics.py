"""Say how sure a table is: what depends on which images were tested, on seeds and folds, on conventions.

Writes, each whole: what was done and how often images lack a class (``--out``, JSON) and with other suffixes of it

* ``.images.csv``: the score of every single image (`tables.image_values`);
* ``.panel.csv``: mean and rank of every row under other conventions (`tables.panel`).

Splits of several families are never joined: each family has lines of its own, named in the column ``family``.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from hemoseg.steps import arguments, files
from hemoseg.steps.evaluated import read_run
from hemoseg.steps.run_names import RUN_FORM
from hemoseg.tables.column import Run
from hemoseg.tables.image_values import image_values
from hemoseg.tables.panel import absences, panel
from hemoseg.tables.table import Plan, families_of, plan

TABLES = {"images": image_values, "panel": panel}


def main(argv: list[str]) -> None:
    """Parse the arguments, read the runs, write every table."""
    parser = arguments.parser("statistics", __doc__)
    parser.add_argument("--settings", required=True, help="JSON of the table, as tabulate reads it")
    parser.add_argument("--run", required=True, action="append", help=f"{RUN_FORM}; DIR holds what evaluate wrote")
    parser.add_argument("--out", type=Path, required=True, help="NAME.statistics.json; the tables are NAME.*.csv")
    args = parser.parse_args(argv)
    write(plan(arguments.settings(args.settings)), [read_run(text) for text in args.run], args.out)


def write(table_plan: Plan, runs: Sequence[Run], out: Path) -> None:
    """Make and write everything; ``out`` is NAME.statistics.json."""
    made = {name: by_family(make, table_plan, runs) for name, make in TABLES.items()}
    missing = by_family(absences, table_plan, runs)
    told = {"conventions": table_plan.conventions.words(), "absences": missing.to_dict("records")}
    base = out.name.removesuffix(".json").removesuffix(".statistics")
    for name, table in made.items():
        files.write_table(out.with_name(f"{base}.{name}.csv"), table)
    files.write_json(out, told)


def by_family(
    make: Callable[[Plan, Sequence[Run]], pd.DataFrame], table_plan: Plan, runs: Sequence[Run]
) -> pd.DataFrame:
    """A table of each family of splits alone, one below the other, with the column ``family`` first."""
    parts = []
    for family in families_of(table_plan, runs):
        table = make(table_plan, [run for run in runs if table_plan.family_of(run.split) == family])
        table.insert(0, "family", family)
        parts.append(table)
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
