"""Which source files a step depends on: its import closure, read from the source and never imported."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

SOURCE = Path("src")
PACKAGE = "hemoseg"


def code_of(*modules: str) -> list[str]:
    """Files of the modules (``steps.train``, ``models.unet``) and of all that they import of this project.

    A module whose name ends in ``_native`` has C++ sources, which lie in the folder ``native`` beside it.

    Raises:
        FileNotFoundError: there is no such module.
    """
    found: set[Path] = set()
    waiting = [_file_of(f"{PACKAGE}.{module}") for module in ("__main__", *modules)]
    for module, path in zip(("__main__", *modules), waiting, strict=True):
        if path is None:
            raise FileNotFoundError(f"there is no module {PACKAGE}.{module} under {SOURCE}")
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            if path.stem.endswith("_native"):
                found.update(path.parent.glob("native/*.?pp"))
            waiting += _imports(path)
    return sorted(path.as_posix() for path in found)


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    names = []
    for node in _statements(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            # `from a import b` may name a module b of a package a or a thing of a module a.
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    files = []
    for name in names:
        if name.split(".")[0] == PACKAGE:
            # Importing a.b runs a's __init__ first.
            parts = name.split(".")
            files += [_file_of(".".join(parts[:depth])) for depth in range(1, len(parts) + 1)]
    return tuple(file for file in files if file is not None)


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Statements at every depth. Expressions hold no import, and to walk them all takes most of a dry run's start."""
    for node in body:
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from _statements(getattr(node, part, ()))


@cache
def _file_of(module: str) -> Path | None:
    base = SOURCE.joinpath(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None
