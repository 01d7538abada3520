"""How a rule names a run and its folder to the steps that gather runs."""

from pathlib import Path

from hemoseg.errors import InputError

RUN_FORM = "model=KEY,split=NAME,seed=S,folder=DIR"


def parse_run(option: str, text: str) -> tuple[str, str, int, Path]:
    """Model, split, seed and folder of one run as a rule names it.

    Raises:
        InputError: the text has another form.
    """
    parts = dict(part.partition("=")[::2] for part in text.split(",", 3))
    if list(parts) != ["model", "split", "seed", "folder"] or not parts["seed"].isdecimal():
        raise InputError(f"{option} {text}: the form is {RUN_FORM}, seed a whole number")
    return parts["model"], parts["split"], int(parts["seed"]), Path(parts["folder"])
