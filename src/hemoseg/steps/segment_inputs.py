"""What `segment` is given: files and folders become images with names that no file system and no page trips over."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hemoseg.errors import InputError
from hemoseg.steps.folders import IMAGE_SUFFIXES
from hemoseg.steps.manifests import Description, read_description, read_manifest
from hemoseg.steps.mask_folders import read_groups
from hemoseg.steps.sources import Source, open_sources

LONGEST = 80  # characters of a name; file systems take 255 bytes, of which an ending and a mark take some
INSIDE = "._- ()+"  # signs that a name may have inside, beside letters and digits of any script


@dataclass(frozen=True)
class Item:
    """One image to segment.

    Attributes:
        name: the image's id, safe as a file's name and unlike all others, whatever the case of their letters.
        file: as it was given.
        page: of the file, "" where it has one.
        source: its header, already read.
        group: patient or slide, "" where it is not known.
        pixel_size: micrometres, None where it is not known.
        white: value that means full light, where the dataset tells it.
    """

    name: str
    file: str
    page: str
    source: Source
    group: str = ""
    pixel_size: float | None = None
    white: float | None = None


@dataclass(frozen=True)
class Bad:
    """A file that cannot be read, and why."""

    file: str
    reason: str


def find_items(
    inputs: Sequence[str], *, channels: int | None, page: str | None = None, pixel_size: float | None = None
) -> tuple[list[Item], list[Bad]]:
    """The images of files and folders, in the order given, those of a folder by name; and the files that are none.

    A folder is one of images, or a folder dataset, whose manifest then tells groups and whose dataset.yaml the size of
    a pixel. Only headers are read.

    Args:
        inputs: paths.
        channels: that the model reads.
        page: see `hemoseg.steps.sources.open_sources`.
        pixel_size: micrometres, put before what files say.

    Raises:
        InputError: a path does not exist, or a folder holds no image.
    """
    items, bad, taken = [], [], set()
    for file, group, told in _files(inputs):
        try:
            pages = open_sources(file, channels, page)
        except InputError as error:
            bad.append(Bad(_said(file), str(error)))
            continue
        for number, source in pages.items():
            name = _free(safe_name(file.stem + (f"_p{number}" if number.isdecimal() else "")), taken)
            size = pixel_size or source.pixel_size or told.pixel_size
            items.append(Item(name, _said(file), number, source, group, size, told.white_level))
    return items, bad


def with_groups(items: list[Item], path: Path | None) -> list[Item]:
    """The items with the groups of a CSV with columns id or image, and group.

    Raises:
        InputError: it is no such CSV, or tells nothing of an image.
    """
    if path is None:
        return items
    groups = read_groups(path, [item.file for item in items])
    return [replace(item, group=groups[item.file]) for item in items]


def safe_name(stem: str) -> str:
    """A name for files and pages from that of a file: signs that mean something elsewhere become "_".

    Letters and digits of every script stay, so that most names stay as they are; no name begins with a sign, which a
    shell, a spreadsheet or a file system could take for more.
    """
    text = unicodedata.normalize("NFC", stem)
    kept = "".join(sign if sign.isalnum() or sign in INSIDE else "_" for sign in text)
    kept = kept[:LONGEST].strip(" .")
    return kept if kept and (kept[0].isalnum() or kept[0] == "_") else f"_{kept}"


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number where it is taken; it is taken from now on."""
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free.casefold())
    return free


def _said(file: Path) -> str:
    """A path as it was given; "./" before one that a spreadsheet would take for a formula."""
    text = str(file)
    return f"./{text}" if text[:1] in "=+-@" else text


def _files(inputs: Sequence[str]) -> Iterable[tuple[Path, str, Description]]:
    """Each image file with its group and what its folder tells, as far as it does."""
    for given in inputs:
        path = Path(given)
        if path.is_dir():
            yield from _of_folder(path)
        elif path.exists():
            yield path, "", Description("", {})
        else:
            raise InputError(f"{given}: no such file or folder; correct the path")


def _of_folder(folder: Path) -> Iterable[tuple[Path, str, Description]]:
    inner = folder / "images"
    here = inner if inner.is_dir() else folder
    files = sorted(
        path for path in here.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    )
    if not files:
        raise InputError(f"{here}: holds no image; put PNG, TIFF, JPEG or BMP files there")
    described, groups = Description("", {}), {}
    if inner.is_dir():
        described = read_description(folder, {})
        entries = read_manifest(folder, {path.stem: path for path in files})
        groups = {entry.image: entry.group for entry in entries}
    for file in files:
        yield file, groups.get(file, ""), described
