"""Gather what trainings and predictions took, each row's seconds over the baseline's.

Times differ from run to run, so they stand in a file of their own and in no table that is compared.
"""

import pandas as pd

from hemoseg.errors import InputError
from hemoseg.steps import arguments, files
from hemoseg.steps.published import read_ratios
from hemoseg.steps.run_names import RUN_FORM, parse_run
from hemoseg.tables.times import times


def main(argv: list[str]) -> None:
    """Parse the arguments and write the table."""
    parser = arguments.parser("times", __doc__)
    parser.add_argument("--settings", type=arguments.settings, required=True, help="JSON: rows (labels), baseline")
    parser.add_argument("--published", required=True, help="CSV with the ratios that papers claim")
    parser.add_argument("--trained", action="append", default=[], help=f"{RUN_FORM}; DIR holds run.json")
    parser.add_argument("--predicted", action="append", required=True, help=f"{RUN_FORM}; DIR holds timing.json")
    parser.add_argument("--out", required=True, help="CSV to write")
    args = parser.parse_args(argv)
    known = args.settings.get("rows")
    if not isinstance(known, dict):
        raise InputError("times --settings: rows is missing or no mapping; give each row with its label")
    runs = pd.DataFrame([*map(_trained, args.trained), *map(_predicted, args.predicted)])
    found = times(runs, known, args.settings.get("baseline"), read_ratios(args.published))
    files.write_table(args.out, found)


def _trained(text: str) -> dict[str, object]:
    model, split, seed, folder = parse_run("--trained", text)
    run = files.read_json(folder / "run.json", needs=("device", "threads"))
    seconds = run.get("seconds_per_step")
    return _facts(model, split, seed, run) | {"seconds_per_step": seconds, "seconds_per_image": None}


def _predicted(text: str) -> dict[str, object]:
    model, split, seed, folder = parse_run("--predicted", text)
    timing = files.read_json(folder / "timing.json", needs=("seconds", "images", "device", "threads"))
    seconds = timing["seconds"] / timing["images"] if timing["images"] else None
    return _facts(model, split, seed, timing) | {"seconds_per_step": None, "seconds_per_image": seconds}


def _facts(model: str, split: str, seed: int, run: dict) -> dict[str, object]:
    facts = {"model": model, "split": split, "seed": seed, "device": run.get("device"), "threads": run.get("threads")}
    return facts | {"backend": run.get("deformable_backend")}
