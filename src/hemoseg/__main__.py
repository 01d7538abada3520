"""The command line: ``hemoseg <step> ...`` calls ``hemoseg.steps.<step>.main(argv)``."""

import ast
import difflib
import errno
import importlib.util
import pkgutil
import sys
from pathlib import Path

from hemoseg import __version__, steps
from hemoseg.errors import InputError


def main(argv: list[str] | None = None) -> int:
    """Run one step; return its exit status (0 done, 1 killed by a fault, 2 bad input)."""
    argv = sys.argv[1:] if argv is None else argv
    names = step_names()
    if not argv or argv[0] in ("-h", "--help"):
        print(_usage(names))
        return 0 if argv else 2
    if argv[0] == "--version":
        print(f"hemoseg {__version__}")
        return 0
    if argv[0] not in names:
        close = difflib.get_close_matches(argv[0], names, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; the steps are {', '.join(names)}."
        print(f"hemoseg: there is no step {argv[0]!r}{hint}", file=sys.stderr)
        return 2
    return run_step(argv[0], argv[1:])


def run_step(name: str, argv: list[str]) -> int:
    """Run ``steps/<name>.py`` and turn what the user can mend into one sentence."""
    try:
        importlib.import_module(f"hemoseg.steps.{name}").main(argv)
    except InputError as error:
        print(f"hemoseg {name}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)  # where a file is copied, its copy is the one to name
        file = (full and error.filename2) or error.filename
        where = f"{file}: " if file else ""
        print(f"hemoseg {name}: {where}{error.strerror or error}; nothing half-written is left behind", file=sys.stderr)
        return 1
    return 0


def step_names() -> list[str]:
    """Names of the modules in ``steps/`` that can be run."""
    found = (module.name for module in pkgutil.iter_modules(steps.__path__))
    return sorted(name for name in found if name not in steps.NOT_STEPS)


def _usage(names: list[str]) -> str:
    told = {name: _first_line(name) for name in names}
    width = max(map(len, names))
    parts = {
        "on your own images": [name for name in steps.FOR_IMAGES if name in told],
        "steps of the workflow": [name for name in names if name not in steps.FOR_IMAGES],
    }
    lines = ["usage: hemoseg STEP [options]     (hemoseg STEP --help)"]
    for heading, of_part in parts.items():
        lines += ["", f"{heading}:", *(f"  {name:<{width}} {told[name]}" for name in of_part)]
    return "\n".join(lines)


def _first_line(name: str) -> str:
    spec = importlib.util.find_spec(f"hemoseg.steps.{name}")
    # Read, not imported: the help of all steps must not wait for torch.
    docstring = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return docstring.splitlines()[0]


if __name__ == "__main__":
    sys.exit(main())
