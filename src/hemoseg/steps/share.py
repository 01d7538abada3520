"""Put a trained model into a folder for others: weights, what is known of it (evidence.json), its card (README.md)."""

import shutil
from pathlib import Path
from typing import Any

from hemoseg.errors import InputError
from hemoseg.settings import with_defaults
from hemoseg.steps import arguments
from hemoseg.steps.evaluated import read_run
from hemoseg.steps.files import read_json, write_json, write_text, written_whole
from hemoseg.steps.labelled import read_samples
from hemoseg.steps.restore import predictions_of
from hemoseg.steps.run_names import RUN_FORM
from hemoseg.steps.stored import DESCRIPTION, EVIDENCE, WEIGHTS
from hemoseg.steps.weights import read_model
from hemoseg.tables.evidence import evidence, training
from hemoseg.tables.model_card import model_card
from hemoseg.tables.table import plan

SHARING: dict[str, Any] = {"licence": None, "authors": [], "url": None}  # as in params.yaml


def main(argv: list[str]) -> None:
    """Parse the arguments and write the folder."""
    parser = arguments.parser("share", __doc__)
    parser.add_argument(
        "--settings", type=arguments.settings, required=True, help="JSON: sharing, predict, labels, table"
    )
    parser.add_argument("--samples", required=True, help="samples.npz")
    parser.add_argument("--predictions", required=True, nargs="+", help="predictions.npz, a file per split")
    parser.add_argument("--run", required=True, action="append", help=f"{RUN_FORM}; DIR holds what evaluate wrote")
    parser.add_argument("--model", required=True, type=Path, help="folder that `train` wrote")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    args = parser.parse_args(argv)
    settings = args.settings
    if missing := [key for key in ("sharing", "predict", "labels", "table") if key not in settings]:
        raise InputError(f"share --settings: {missing[0]!r} is missing")
    sharing = with_defaults(settings["sharing"], SHARING, "share settings")
    _, description = read_model(args.model)
    samples = read_samples(args.samples)
    runs = [read_run(text) for text in args.run]
    predictions = predictions_of(args.predictions, samples, args.samples)
    found = evidence(
        plan(settings["table"]), runs, samples, predictions, predict=settings["predict"], against=settings["labels"]
    )
    told = {key: value for key, value in sharing.items() if value}
    found |= {"training": training(description, read_json(args.model / "run.json"))} | (
        {"sharing": told} if told else {}
    )
    _write(args.model, {key: value for key, value in description.items() if key != "training_ids"}, found, args.out)
    print(f"{args.out}: {description.get('model', description['network'])}, evidence on {', '.join(found)}")


def _write(model: Path, description: dict[str, Any], found: dict[str, Any], out: Path) -> None:
    """The folder's files; the model's description, which makes it a model, comes last."""
    with written_whole(out / WEIGHTS) as temporary:
        shutil.copyfile(model / WEIGHTS, temporary)
    write_json(out / EVIDENCE, found)
    write_text(out / "README.md", model_card(description, found))
    write_json(out / DESCRIPTION, description)
