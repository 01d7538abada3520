"""What the parsers of all steps share."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from hemoseg.errors import InputError


def parser(step: str, purpose: str) -> argparse.ArgumentParser:
    """A parser whose help begins with what the step is for."""
    return argparse.ArgumentParser(prog=f"hemoseg {step}", description=purpose)


def settings(text: str) -> dict[str, Any]:
    """Settings as the JSON object that a rule hands over.

    Raises:
        InputError: the text is no JSON object.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"--settings: no JSON ({error}); pass an object such as '{{\"size\": 256}}'") from None
    if not isinstance(content, dict):
        raise InputError("--settings: a JSON object is needed, such as '{\"size\": 256}'")
    return content


def positive(text: str) -> float:
    """A number above 0, for a parser.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return number


def whole_from(least: int) -> Callable[[str], int]:
    """What reads a whole number from ``least`` on, for a parser."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and int(text) >= least):
            raise argparse.ArgumentTypeError(f"{text} is no whole number from {least}")
        return int(text)

    return read
