"""List the finished runs of one model: what was trained, or where its counts lie."""

from pathlib import Path

import pandas as pd

from hemoseg.steps import arguments
from hemoseg.steps.files import read_json, write_table

FACTS = ("steps", "step", "parameters", "training_samples", "weights", "labels")


def main(argv: list[str]) -> None:
    """Parse the arguments and write the list."""
    parser = arguments.parser("gather", __doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders <model>/<split>/seed<seed> of finished runs")
    parser.add_argument("--out", required=True, help="runs.csv: model, split, seed, folder and what is known of each")
    args = parser.parse_args(argv)
    write_table(args.out, pd.DataFrame([_row(folder) for folder in args.folders]))


def _row(folder: Path) -> dict[str, object]:
    model, split, seed = folder.parts[-3:]
    row: dict[str, object] = {"model": model, "split": split, "seed": int(seed.removeprefix("seed"))}
    row["folder"] = folder.as_posix()
    if (folder / "model.json").exists():
        description, run = read_json(folder / "model.json"), read_json(folder / "run.json")
        row |= {fact: description.get(fact) for fact in FACTS}
        row |= {"training_seconds": run["training_seconds"], "device": run["device"]}
    return row
