"""Write the index page: every experiment with its table in short, linked to its page."""

from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from hemoseg.steps import arguments
from hemoseg.steps.files import read_table, write_text
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.markdown import number


def main(argv: list[str]) -> None:
    """Parse the arguments and write the page."""
    parser = arguments.parser("index", __doc__)
    parser.add_argument("--settings", type=arguments.settings, required=True, help="scale; experiments with titles")
    parser.add_argument("--tables", type=Path, required=True, help="folder of the tables")
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="the pages stand beside it")
    args = parser.parse_args(argv)
    experiments = [
        {"name": name, **facts, "built": (args.out.parent / f"{name}.html").exists()}
        | _summary(args.tables / f"{name}.csv")
        for name, facts in args.settings["experiments"].items()
    ]
    loader = jinja2.FileSystemLoader(args.template.parent)
    page = jinja2.Environment(loader=loader, autoescape=True).get_template(args.template.name)
    write_text(args.out, page.render(scale=args.settings["scale"], experiments=experiments))


def _summary(path: Path) -> dict[str, Any]:
    """Headers and rows of a table: one value per column, of the average where a column has several classes."""
    if not path.exists():
        return {"headers": [], "rows": []}
    table = read_table(path, dtype={"row": str, "class": str})
    # The last class of a column stands for it: the tables put the average last.
    table = table.drop_duplicates(["row", "column"], keep="last")
    rows = [
        {"label": lines["label"].iloc[0], "shown": [_shown(line) for line in lines.to_dict("records")]}
        for _, lines in table.groupby("row", sort=False)
    ]
    return {"headers": list(pd.unique(table["header"])), "rows": rows}


def _shown(line: dict[str, Any]) -> str:
    return number(line["mean"], line["sd"], COLUMNS[line["column"]].digits)
