"""Write the index page: every experiment with its table in short, linked to its page."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from hemoseg.steps import arguments
from hemoseg.steps.files import read_table, write_text
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.markdown import number, published_number

MOST_COLUMNS = 8  # that fit a card
MORE = ("viewer", "clinic", "trust", "label_audit")  # pages that an experiment may have besides its own
TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


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
        | {of: bool(facts.get(of)) and (args.out.parent / f"{name}_{of}.html").exists() for of in MORE}
        | _summary(args.tables / f"{name}.csv")
        for name, facts in args.settings["experiments"].items()
    ]
    # What is built stands first, in the order of params.
    experiments.sort(key=lambda one: not one["built"])
    named = {one["name"] for one in experiments}
    named |= {f"{one['name']}_{of}" for one in experiments for of in MORE if one[of]}
    others = _others(args.out, named)
    loader = jinja2.FileSystemLoader(args.template.parent)
    page = jinja2.Environment(loader=loader, autoescape=True).get_template(args.template.name)
    write_text(args.out, page.render(scale=args.settings["scale"], experiments=experiments, others=others))


def _others(index: Path, known: set[str]) -> list[dict[str, str]]:
    """Pages beside the index that these settings do not name: a lab's, or those of an earlier overlay."""
    found = sorted(page for page in index.parent.glob("*.html") if page != index and page.stem not in known)
    return [{"file": page.name, "title": _title(page)} for page in found]


def _title(page: Path) -> str:
    with page.open(encoding="utf-8", errors="replace") as file:
        found = TITLE.search(file.read(20_000))
    return unescape(found.group(1)).strip() if found else page.stem


def _summary(path: Path) -> dict[str, Any]:
    """Headers and rows of a table: one value per column, of the average where a column has several classes."""
    if not path.exists():
        return {"headers": [], "rows": []}
    table = read_table(path, dtype={"row": str, "label": str, "class": str, "source": str})
    # The last class of a column stands for it: the tables put the average last.
    table = table.drop_duplicates(["row", "family", "column"], keep="last")
    table = table[table["column"].isin(_first_columns(table))]
    rows = [
        {
            "label": lines["label"].iloc[0],
            "shown": [_ours(line) for line in lines.to_dict("records")],
            "published": [published_number(line) for line in lines.to_dict("records")] if lines["source"].any() else [],
        }
        for _, lines in table.fillna({"source": ""}).groupby(["row", "family"], sort=False)
    ]
    return {"headers": list(pd.unique(table["header"])), "rows": rows}


def _first_columns(table: pd.DataFrame) -> list[str]:
    """As many columns as the card is wide: those that papers printed go before ours."""
    heads = list(pd.unique(table["column"]))
    printed = set(table.loc[table["published"].notna(), "column"]) if "published" in table else set()
    return sorted(heads, key=lambda head: head not in printed)[:MOST_COLUMNS]


def _ours(line: dict[str, Any]) -> str:
    return number(line["mean"], line["sd"], COLUMNS[line["column"]].digits)
