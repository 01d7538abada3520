"""Fetch one file by address and sha256, such as published weights."""

from collections.abc import Sequence
from pathlib import Path

from hemoseg.errors import InputError
from hemoseg.steps import arguments
from hemoseg.steps.download import fetch
from hemoseg.steps.files import written_whole


def main(argv: Sequence[str] | None = None) -> None:
    """Write what ``--url`` gives to ``--out``; it appears whole and verified, or not at all."""
    parser = arguments.parser("fetch", __doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--sha256", required=True, help="64 hexadecimal digits")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    given = parser.parse_args(argv)
    if len(given.sha256) != 64:
        raise InputError(f"--sha256 {given.sha256}: needs 64 hexadecimal digits; see `sha256sum`")
    with written_whole(given.out) as temporary:
        fetch(given.url, temporary, given.sha256.lower(), stated="stated is")
