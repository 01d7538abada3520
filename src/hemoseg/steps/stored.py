"""A model as it lies on the disk: a folder that `train` or `share` wrote, or a package of it, unpacked or not."""

import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from hemoseg.errors import InputError
from hemoseg.steps.archives import unpacked
from hemoseg.steps.descriptions import checked_description, read_evidence
from hemoseg.steps.weights import read_model

DESCRIPTION, WEIGHTS, EVIDENCE = "model.json", "model.safetensors", "evidence.json"
MOST_BYTES = {DESCRIPTION: 2**26, WEIGHTS: 2**33, EVIDENCE: 2**28}  # in a package: what is larger is no model of ours
LIGHTEST = 100  # bytes of weights in one packed byte: trained weights hardly pack at all


class Stored(NamedTuple):
    """Tensors, ``model.json``, and the sections of ``evidence.json``, none where there is no such file."""

    weights: dict[str, Tensor]
    description: dict[str, Any]
    evidence: dict[str, Any]


def read_stored(path: str | Path) -> Stored:
    """Read a model.

    Raises:
        InputError: it is absent, no model of ours, or damaged.
    """
    path = Path(path)
    if path.is_file() and zipfile.is_zipfile(path):
        return _of_package(path)
    if path.is_file():
        raise InputError(f"{path}: no folder of a model and no package of one; name what `train` or `share` wrote")
    weights, description = read_model(path)
    checked_description(path / DESCRIPTION, description)
    evidence = read_evidence(path / EVIDENCE) if (path / EVIDENCE).exists() else {}
    return Stored(weights, description, evidence)


def _of_package(path: Path) -> Stored:
    """A model from a ZIP file: its three files are copied out, whatever else is in it."""
    with tempfile.TemporaryDirectory(prefix="hemoseg-package-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(path) as archive:
                _copy_out(archive, path, folder)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise InputError(f"{path}: damaged package ({error}); copy it again from its source") from None
        try:
            return read_stored(folder)
        except InputError as error:
            raise InputError(str(error).replace(name, str(path))) from None


def _copy_out(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    present = set(archive.namelist())
    for name in (DESCRIPTION, WEIGHTS):
        if name not in present:
            raise InputError(f"{path}: a package without {name}; only packages that `hemoseg export` wrote are read")
    for name in (DESCRIPTION, WEIGHTS, EVIDENCE):
        if name not in present:
            continue
        entry = archive.getinfo(name)
        most = min(MOST_BYTES[name], LIGHTEST * (entry.compress_size + 2**16))
        if entry.file_size > most:
            raise InputError(
                f"{path}: {name} claims to unpack to {entry.file_size:,} bytes, more than {most:,}; it is no model of "
                "ours"
            )
        with open(folder / name, "wb") as file:
            file.writelines(unpacked(archive, entry))
