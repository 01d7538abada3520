"""Every file is written whole: to a temporary name, flushed to the disk, then renamed."""

import csv
import io
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.errors import InputError


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` when the block ends well.

    A block that raises, or a process that is killed, leaves ``path`` as it was.

    Raises:
        OSError: the disk is full or the folder cannot be written; the temporary file is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: str | Path, ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Give a temporary folder beside ``path``; it replaces ``path`` when the block ends well.

    Args:
        path: absent, empty, or an earlier product of the same step.
        ours: tells whether a folder is such a product.

    Raises:
        InputError: ``path`` holds what this step did not write; it is left as it is.
    """
    path = Path(path)
    _require_own(path, ours)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            _flush(file)
        _require_own(path, ours)  # once more: the block may have taken hours
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
        _flush(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def has_marker(name: str) -> Callable[[Path], bool]:
    """Tells a step's own folder by the file that the step leaves in it."""
    return lambda folder: (folder / name).is_file()


def _require_own(path: Path, ours: Callable[[Path], bool]) -> None:
    if path.name in ("", ".."):
        raise InputError(f"--out {path}: names no folder of its own; choose another --out")
    if not (path.exists() or path.is_symlink()):
        return
    if path.is_symlink() or not path.is_dir() or (any(path.iterdir()) and not ours(path)):
        raise InputError(f"{path}: exists and was not written by this step; choose another --out")


def _flush(path: Path) -> None:
    """Ask the disk to keep what the system holds of a file or a folder (its names)."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file whole."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, content: Any) -> None:
    """Write a JSON file whole, keys in the order given."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: str | Path, needs: Iterable[str] | None = None) -> Any:
    """Read a JSON file; with ``needs`` one that holds a mapping with at least these keys.

    Raises:
        InputError: the file is absent or no JSON, or a key is missing.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the step that writes it first") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}); delete it and run its step again") from None
    for key in needs or ():
        if not isinstance(content, dict) or key not in content:
            raise InputError(f"{path}: says nothing of {key!r}; delete it and run its step again")
    return content


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table whole as CSV: UTF-8, LF, no index, nine significant digits."""
    buffer = io.StringIO()
    table.to_csv(buffer, index=False, lineterminator="\n", float_format="%.9g", quoting=csv.QUOTE_MINIMAL)
    write_text(path, buffer.getvalue())


def read_table(path: str | Path, needs: Iterable[str] | None = None, **options: Any) -> pd.DataFrame:
    """Read a CSV that a step wrote; empty cells become NaN, nothing else does.

    Args:
        path: the file.
        needs: columns that it must have, those without a ``dtype`` numbers; then its last line must be whole too.
        options: of `pandas.read_csv`.

    Raises:
        InputError: the file is absent, empty or no CSV, or holds something else.
    """
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""], **options)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the step that writes it first") from None
    except ValueError as error:  # of pandas' parser, of its types, of the encoding
        raise InputError(f"{path}: not readable as CSV ({error}); delete it and run its step again") from None
    return table if needs is None else _with_columns(Path(path), table, needs, options.get("dtype", {}))


def _with_columns(path: Path, table: pd.DataFrame, needs: Iterable[str], types: dict[str, Any]) -> pd.DataFrame:
    cause = "" if path.read_bytes().endswith(b"\n") else "its last line is cut off"
    for name in needs:
        if name not in table:
            cause = cause or f"column {name!r} is missing"
        elif name not in types and table.empty:
            table[name] = table[name].astype(float)
        elif name not in types and not pd.api.types.is_numeric_dtype(table[name]):
            cause = cause or f"column {name!r} holds what is no number"
    if cause:
        raise InputError(f"{path}: {cause}; delete it and run its step again")
    return table


def write_arrays(path: str | Path, **arrays: np.ndarray) -> None:
    """Write arrays whole as a compressed ``.npz`` (same arrays, same bytes; no pickle)."""
    if bad := [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]:
        raise TypeError(f"object arrays would be pickled: {bad}")
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read every array of an ``.npz`` file.

    Raises:
        InputError: the file is absent or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the step that writes it first") from None
    except Exception as error:  # zipfile, zlib and numpy each have their own words for a damaged archive
        raise InputError(f"{path}: damaged or no .npz file ({error}); delete it and run its step again") from None
