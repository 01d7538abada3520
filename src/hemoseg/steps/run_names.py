"""How a run is named: by a rule to the steps that gather runs, and by its folder among the results."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hemoseg.errors import InputError

RUN_FORM = "model=KEY,split=NAME,seed=S,folder=DIR"
ONE_SPLIT_FORM = "model=KEY,seed=S,folder=DIR"


class NamedRun(NamedTuple):
    """Which run, and where its files lie; no split where a rule has one for all."""

    model: str
    split: str
    seed: int
    folder: Path


def parse_run(option: str, text: str, form: str = RUN_FORM) -> NamedRun:
    """A run as a rule names it.

    Raises:
        InputError: the text has another form.
    """
    keys = [part.partition("=")[0] for part in form.split(",")]
    parts = dict(part.partition("=")[::2] for part in text.split(",", len(keys) - 1))
    if list(parts) != keys or not parts["seed"].isdecimal():
        raise InputError(f"{option} {text}: the form is {form}, seed a whole number")
    return NamedRun(parts["model"], parts.get("split", ""), int(parts["seed"]), Path(parts["folder"]))


def folder_of_run(settings: Mapping[str, Any], results: Path, stage: str, run: tuple[str, str, int]) -> Path:
    """Folder of one run; a row with ``weights_from`` was trained where the row it names was.

    Args:
        settings: the experiment; ``home`` of a row is the experiment that its runs belong to, where that is another.
        results: folder of all results.
        stage: ``train``, ``predict`` or ``evaluate``.
        run: model, split and seed.
    """
    (model, split, seed), rows = run, settings["models"]
    if stage == "train":
        model = rows[model].get("weights_from") or model
    return results / rows[model].get("home", settings["experiment"]) / stage / model / split / f"seed{seed}"
