"""How a rule names a run and its folder to the steps that gather runs."""

from pathlib import Path
from typing import NamedTuple

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
