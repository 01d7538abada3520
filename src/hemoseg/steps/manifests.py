"""The two small files of a folder dataset: manifest.csv and dataset.yaml."""

import csv
import difflib
import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hemoseg.errors import InputError

KEYS = (
    *("name", "classes", "channels", "white_level", "pixel_size_um", "licence", "citation", "simulated"),
    *("truth", "channel_names"),
)


@dataclass(frozen=True)
class Entry:
    """One image of a dataset: its id and files."""

    id: str
    image: Path
    group: str = ""
    kind: str = ""
    part: str = ""
    labels: dict[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """What dataset.yaml says.

    Attributes:
        name: the folder's name where none is given.
        classes: class value to name, 1..254; empty where none are declared.
        channels: channels of every image, None for as they are.
        white_level: value that means 1.0, None for the largest of the pixel type.
        pixel_size: micrometres, None where it is not known.
        licence: of the data, "" where it is not known.
        citation: what to cite, "" where it is not known.
        simulated: whether a simulator made the images.
        truth: how the labels were made, "" where nothing is said.
    """

    name: str
    classes: dict[int, str]
    channels: int | None = None
    white_level: float | None = None
    pixel_size: float | None = None
    licence: str = ""
    citation: str = ""
    simulated: bool = False
    truth: str = ""


def read_description(folder: Path, declared: dict[str, Any]) -> Description:
    """Read dataset.yaml, if there is one; ``declared`` goes before it.

    Raises:
        InputError: it is no YAML mapping, a key looks misspelt, or a value makes no sense.
    """
    file = folder / "dataset.yaml"
    content = (_read_yaml(file) if file.exists() else {}) | declared
    for key in content:
        close = difflib.get_close_matches(str(key), KEYS, n=1)
        if key not in KEYS and close:
            raise InputError(f"{file}: unknown key {key!r}; did you mean {close[0]!r}?")
    channels, white, pixel = (content.get(key) for key in ("channels", "white_level", "pixel_size_um"))
    if isinstance(channels, bool) or channels not in (None, 1, 2, 3, 4):
        raise InputError(f"{file}: channels {channels!r}; images have 1 to 4 channels")
    for key, value in (("white_level", white), ("pixel_size_um", pixel)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not value > 0):
            raise InputError(f"{file}: {key} {value!r} is no positive number; correct it or leave it out")
    texts = {key: str(content.get(key) or "") for key in ("name", "licence", "citation", "truth")}
    texts["name"] = texts["name"] or folder.resolve().name
    classes = _classes(content.get("classes"), file)
    return Description(
        **texts,
        classes=classes,
        channels=channels,
        white_level=white,
        pixel_size=pixel,
        simulated=content.get("simulated") is True,
    )


def read_manifest(folder: Path, images: dict[str, Path]) -> list[Entry]:
    """Entries in the order of manifest.csv, or of the images' names where there is none.

    Any of comma, semicolon and tab separates columns; a byte-order mark and spaces around cells are dropped.

    Args:
        folder: the dataset.
        images: id to file of what lies in images/.

    Raises:
        InputError: it names an image that is not there, one id twice, or has no column `id` or `image`.
    """
    file = folder / "manifest.csv"
    if not file.exists():
        return [Entry(name, image) for name, image in images.items()]
    entries: dict[str, Entry] = {}
    for number, row in enumerate(read_rows(file), start=2):
        image = _image(file, number, row, images)
        name = row.get("id") or image.stem
        if name in entries:
            raise InputError(f"{file}: line {number}: id {name!r} stands twice; give every image an id of its own")
        if name != Path(name).name:
            raise InputError(f"{file}: line {number}: id {name!r} cannot be a file name; leave out / and ..")
        part = row.get("part", "").lower()
        entries[name] = Entry(name, image, row.get("group", ""), row.get("kind", ""), part)
    if not entries:
        raise InputError(f"{file}: names no image; fill it, or delete it to use all of images/")
    return list(entries.values())


def _image(file: Path, number: int, row: dict[str, str], images: dict[str, Path]) -> Path:
    """The image that a row of the manifest names."""
    if given := row.get("image"):
        image = Path(os.path.normpath(file.parent / given.replace("\\", "/")))  # links may lead where they like
        if not image.is_relative_to(os.path.normpath(file.parent)):
            raise InputError(f"{file}: line {number}: {given} lies outside the dataset; copy it into images/")
        if not image.exists():
            raise InputError(f"{file}: line {number}: there is no {given}; add the image or delete the line")
        return image
    name = row.get("id", "")
    if name not in images:
        close = difflib.get_close_matches(name, images, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "add the image or delete the line"
        raise InputError(f"{file}: line {number}: images/ holds no {name!r}; {hint}")
    return images[name]


def read_rows(file: Path) -> list[dict[str, str]]:
    """Rows as text, header in small letters, nothing around the cells.

    Raises:
        InputError: it is no CSV in UTF-8, or has no column `id` or `image`.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{file}: not UTF-8; save it as 'CSV UTF-8'") from None
    header = text.split("\n", 1)[0]
    separator = max(",;\t", key=header.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InputError(f"{file}: not readable as CSV ({error}); save it as 'CSV UTF-8'") from None
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if "id" not in names and "image" not in names:
        raise InputError(f"{file}: has no column `id` or `image`; name the columns in the first line")
    return [dict(zip(names, (cell.strip() for cell in row), strict=False)) for row in rows[1:]]


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        cause = " ".join(str(error).split())[:120]
        raise InputError(f"{file}: not readable as YAML ({cause}); correct that line") from None
    if not isinstance(content or {}, dict):
        raise InputError(f"{file}: `key: value` lines are needed, such as `name: my lab`")
    return content or {}


def _classes(given: Any, file: Path) -> dict[int, str]:
    """Class value to name, from a list (1, 2, ...) or a mapping; an entry 0 or "background" first is dropped."""
    if given is None:
        return {}
    if isinstance(given, list):
        names = [str(name) for name in given]
        given = dict(enumerate(names, start=0 if names[:1] == ["background"] else 1))
    if not isinstance(given, dict):
        raise InputError(f"{file}: classes must be a list of names, or value: name; such as [cell]")
    classes = {value: str(name) for value, name in given.items() if isinstance(value, bool) or value not in (0, 255)}
    if bad := [value for value in classes if type(value) is not int or not 1 <= value <= 254]:
        raise InputError(f"{file}: class value {bad[0]!r}; classes are 1..254, 0 is background and 255 ignored")
    if len(set(classes.values())) < len(classes) or "background" in classes.values():
        raise InputError(f"{file}: class names must differ from each other and from 'background'; rename one")
    return dict(sorted(classes.items()))
