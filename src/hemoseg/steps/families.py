"""Compare the families of an experiment's splits: how many images equal how many, or what random folds flatter."""

from pathlib import Path

import pandas as pd

from hemoseg.steps import arguments, files
from hemoseg.steps.evaluated import read_run
from hemoseg.steps.published import read_ratios
from hemoseg.steps.run_names import RUN_FORM
from hemoseg.tables.equal import equality
from hemoseg.tables.optimism import optimism
from hemoseg.tables.ratios import COLUMNS
from hemoseg.tables.table import plan


def main(argv: list[str]) -> None:
    """Parse the arguments and write the comparison."""
    parser = arguments.parser("families", __doc__)
    parser.add_argument("--settings", required=True, help="JSON of the table, as tabulate reads it")
    parser.add_argument("--comparison", required=True, choices=["equal", "optimism"])
    parser.add_argument("--published", help="CSV with the ratios that papers claim, for equal")
    parser.add_argument("--run", required=True, action="append", help=f"{RUN_FORM}; DIR holds what evaluate wrote")
    parser.add_argument("--out", type=Path, required=True, help="CSV; optimism writes <out>.images.csv beside it")
    args = parser.parse_args(argv)
    table_plan = plan(arguments.settings(args.settings))
    runs = [read_run(text) for text in args.run]
    if args.comparison == "equal":
        published = read_ratios(args.published) if args.published else pd.DataFrame(columns=COLUMNS)
        files.write_table(args.out, equality(table_plan, runs, published))
        return
    table, images = optimism(table_plan, runs)
    files.write_table(args.out, table)
    files.write_table(args.out.with_suffix(".images.csv"), images)
