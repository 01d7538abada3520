"""Make a paper's table from the counts of all its runs, ours beside the published numbers.

Writes, each whole: the tidy table (``--out``), what it means (``<out>`` with the suffix ``.conventions.json``: each
convention and threshold as a sentence, each column's definition, unit and source), the table for people
(``--markdown``) and its means as nested JSON (``--metrics``, for ``dvc metrics diff``). With other suffixes of
``--out``:

* ``.confusion.csv``: pixels and cells of each true class by the class that they were given (`tables.confusion`);
* ``.roc.csv``, ``.precision_recall.csv``, ``.reliability.csv``: curves of each class (`tables.roc`,
  `tables.precision_recall`, `tables.reliability`), their headers only where no method gives probabilities;
* ``.other_rule.csv``: the columns that change under ``also``, its header only without a second rule.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import pandas as pd

from hemoseg.steps import arguments, files
from hemoseg.steps.evaluated import read_run
from hemoseg.steps.published import read_published
from hemoseg.steps.run_names import RUN_FORM
from hemoseg.tables import precision_recall, roc
from hemoseg.tables.column import Run
from hemoseg.tables.confusion import confusion
from hemoseg.tables.markdown import markdown
from hemoseg.tables.notes import metrics, notes, of_other_rule
from hemoseg.tables.reliability import reliability
from hemoseg.tables.table import HEADER, Plan, plan, tabulate

BESIDE = {"confusion": confusion, "roc": roc.curves, "precision_recall": precision_recall.curves}
BESIDE |= {"reliability": reliability}


def main(argv: list[str] | None = None) -> None:
    """Run the step."""
    args = _parser().parse_args(argv)
    table_plan = plan(arguments.settings(args.settings))
    published = None if args.published == "none" else read_published(args.published)
    runs = [read_run(text) for text in args.run]
    table = tabulate(table_plan, runs, published)
    other = _under_other_rule(table_plan, runs, published)
    explained = notes(table_plan, runs, table)
    text = markdown(table, table_plan.title, explained["conventions"])
    if len(other):
        text += "\n" + markdown(other, f"{table_plan.title}, under another rule", explained["other_rule"])
    beside = {name: curves_of(table_plan, runs) for name, curves_of in BESIDE.items()} | {"other_rule": other}
    out = Path(args.out)
    files.write_table(out, table)
    for name, more in beside.items():
        files.write_table(out.with_suffix(f".{name}.csv"), more)
    files.write_json(out.with_suffix(".conventions.json"), explained)
    files.write_text(args.markdown, text)
    files.write_json(args.metrics, metrics(table))


def _under_other_rule(plan: Plan, runs: list[Run], published: pd.DataFrame | None) -> pd.DataFrame:
    """The columns that another rule changes, under that rule; no line where the plan names none."""
    changed = of_other_rule(plan)
    if not changed:
        return pd.DataFrame(columns=HEADER)
    columns = {key: plan.columns[key] for key in changed}
    return tabulate(replace(plan, columns=columns, conventions=plan.also), runs, published)


def _parser() -> argparse.ArgumentParser:
    parser = arguments.parser("tabulate", "Make a table of scores from the counts of its runs.")
    parser.add_argument("--settings", required=True, help="JSON: table, rows, columns, classes, conventions")
    parser.add_argument("--published", required=True, help="CSV with the papers' numbers, or none")
    parser.add_argument("--run", required=True, action="append", help=f"{RUN_FORM}; DIR holds what evaluate wrote")
    parser.add_argument("--out", required=True, help="the tidy table, CSV")
    parser.add_argument("--markdown", required=True, help="the table for people")
    parser.add_argument("--metrics", required=True, help="its means, JSON")
    return parser
