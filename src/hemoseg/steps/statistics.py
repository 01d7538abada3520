"""Say how sure a table is: what depends on which images were tested, on seeds and folds, on conventions.

Writes, each whole: what was done, as sentences (``--out``, JSON), and with other suffixes of it

* ``.intervals.csv``: 95 % intervals of the table's numbers, spreads over seeds and over folds (`tables.uncertainty`);
* ``.differences.csv``: every two rows on the same images: difference, interval, tests, wins (`tables.differences`);
* ``.ranking.csv``: how often each row has each rank when the images are drawn anew (`tables.ranking`);
* ``.images.csv``: the score of every single image (`tables.image_values`);
* ``.panel.csv``: mean and rank of every row under other conventions (`tables.panel`);
* ``.absences.csv``: images without a class on one side or on both, on which conventions bear (`tables.panel`).
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hemoseg.steps import arguments, files
from hemoseg.steps.evaluated import read_run
from hemoseg.steps.run_names import RUN_FORM
from hemoseg.tables.column import Run
from hemoseg.tables.statistics import statistics
from hemoseg.tables.table import Plan, plan


def main(argv: list[str]) -> None:
    """Parse the arguments, read the runs, write every table."""
    parser = arguments.parser("statistics", __doc__)
    parser.add_argument("--settings", required=True, help="JSON of the table, as tabulate reads it")
    parser.add_argument("--run", required=True, action="append", help=f"{RUN_FORM}; DIR holds what evaluate wrote")
    parser.add_argument("--out", type=Path, required=True, help="NAME.statistics.json; the tables are NAME.*.csv")
    args = parser.parse_args(argv)
    write(plan(arguments.settings(args.settings)), [read_run(text) for text in args.run], args.out)


def write(table_plan: Plan, runs: Sequence[Run], out: Path) -> dict[str, pd.DataFrame]:
    """Make, write and give back all tables by name; ``out`` is NAME.statistics.json."""
    tables, told = statistics(table_plan, runs)
    name = out.name.removesuffix(".json").removesuffix(".statistics")
    for what, table in tables.items():
        files.write_table(out.with_name(f"{name}.{what}.csv"), table)
    files.write_json(out, {"table": table_plan.name} | told)
    return tables
