"""Folder datasets: what a lab brings, what `simulate` writes and what `download` fetches.

``images/ID.*``; optionally ``instances/ID.(png|tif)``, ``classes/ID.png``, ``masks/ID.png``, ``manifest.csv``
(id, image, group, kind, part) and ``dataset.yaml``. Frames stream one at a time.

What is missing is derived: without a class map, a cell has the class that its frame's kind names, or the only
class there is; without instances, classes are known and cells are not told apart.
"""

import dataclasses
import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hemoseg.data.checks import every_cell_has_a_class, known_classes, same_size, two_valued
from hemoseg.data.frames import Frame
from hemoseg.data.samples import IGNORE
from hemoseg.errors import InputError
from hemoseg.steps.images import read_image, read_labels
from hemoseg.steps.manifests import Description, Entry, read_description, read_manifest

IMAGE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp")
LABEL_SUFFIXES = (".png", ".tif", ".tiff")
LABEL_FOLDERS = ("instances", "classes", "masks")


@dataclass
class Dataset:
    """A folder dataset that was looked over, its images not yet read.

    Attributes:
        folder: where it lies.
        description: name, class names and the rest of dataset.yaml.
        entries: one per image, in the manifest's order or by name.
        labels: which label folders are used; empty without labels.
        unlabelled: ids of images without labels, where that was allowed.
        notices: what was derived, dropped or converted, with the number of images it concerns.
    """

    folder: Path
    description: Description
    entries: list[Entry]
    labels: tuple[str, ...] = ()
    unlabelled: frozenset[str] = frozenset()
    notices: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.entries)

    def notice(self, sentence: str, images: int = 1) -> None:
        """Count one more image (or several) that a notice is about."""
        self.notices[sentence] = self.notices.get(sentence, 0) + images

    def sentences(self) -> list[str]:
        """The notices as sentences."""
        return [f"{text} ({count} of {len(self)} images)" for text, count in self.notices.items()]


def open_folder(path: str | Path, declared: dict[str, Any] | None = None, partial: bool = False) -> Dataset:
    """Look over a folder dataset.

    Args:
        path: the folder.
        declared: keys of dataset.yaml to use instead of what the file says, for a folder that may not be written to.
        partial: accept images without labels where others have some.

    Raises:
        InputError: the folder, an image or a label is missing, ambiguous or contradicts the manifest.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; make it, or correct the dataset's path")
    images = files_by_id(folder / "images", IMAGE_SUFFIXES)
    if not images:
        raise InputError(f"{folder}/images: holds no image; put one file per image there (PNG, TIFF, JPEG or BMP)")
    description = read_description(folder, declared or {})
    entries = read_manifest(folder, images)
    dataset = Dataset(folder, description, entries)
    if extra := len(images) - len({entry.image for entry in entries} & set(images.values())):
        dataset.notice("manifest.csv does not name it: not used", extra)
    _find_labels(dataset, partial)
    _name_classes(dataset)
    return dataset


def keep_only(dataset: Dataset, only: dict[str, list[str]]) -> None:
    """Keep the images whose entry in each of these columns of the manifest (id, group, kind, part) is one of those.

    Raises:
        InputError: a column that is none, a value that no image has, or nothing is left.
    """
    for column, values in only.items():
        known = sorted({getattr(entry, column) for entry in dataset.entries})
        for value in values:
            if value not in known:
                close = difflib.get_close_matches(value, known, n=1) or known[:5]
                raise InputError(
                    f"{dataset.folder}/manifest.csv: no image has the {column} {value!r} that prepare.only asks for; "
                    f"there are {', '.join(map(repr, close))}"
                )
        kept = [entry for entry in dataset.entries if getattr(entry, column) in values]
        if len(kept) < len(dataset.entries):
            chosen = f"{column} {' or '.join(values)}"
            dataset.notice(f"left after taking {chosen} only", len(kept))
        dataset.entries = kept
    if not dataset.entries:
        raise InputError(f"{dataset.folder}: prepare.only leaves no image; ask for less at a time")


def read_frames(dataset: Dataset) -> Iterator[Frame]:
    """Frames one after the other; nothing is kept of those before.

    Raises:
        InputError: a file cannot be used, or differs from the first in channels or bits.
    """
    first = None
    for entry in dataset.entries:
        picture = read_image(entry.image, dataset.description.channels)
        for sentence in picture.notices:
            dataset.notice(sentence)
        this = (picture.values.shape[0], picture.values.dtype)
        first = first or this
        if this[0] != first[0]:
            raise InputError(
                f"{entry.image}: {this[0]} channels where earlier images have {first[0]}; "
                "say in dataset.yaml how many are meant (`channels: 3` repeats grey, `channels: 1` makes grey)"
            )
        if this[1] != first[1]:
            raise InputError(f"{entry.image}: {this[1]} where earlier images are {first[1]}; export all with one depth")
        yield _labelled(dataset, entry, picture.values)


def white_of(dataset: Dataset, dtype: np.dtype) -> float:
    """Value that means 1.0: the dataset's white level, else 255 or 65535.

    Raises:
        InputError: the white level lies beyond what the pixels can hold.
    """
    largest = float(np.iinfo(dtype).max)
    white = dataset.description.white_level
    if white is not None and not 0 < white <= largest:
        raise InputError(f"{dataset.folder}: white_level {white:g} lies outside 0..{largest:g}; correct dataset.yaml")
    return largest if white is None else white


def files_by_id(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Id to file.

    Raises:
        InputError: two files have one id, or something is no file.
    """
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else []:
        if file.suffix.lower() not in suffixes or file.name.startswith("."):
            continue
        if not file.is_file():
            cause = "a link that leads nowhere" if file.is_symlink() and not file.exists() else "not a file"
            raise InputError(f"{file}: {cause}; put the image itself there, or remove it")
        if file.stem in found:
            raise InputError(f"{file}: {found[file.stem].name} has the same id; keep one of the two")
        found[file.stem] = file
    return found


def _find_labels(dataset: Dataset, partial: bool) -> None:
    """Attach label files to the entries and decide which folders count."""
    files = {name: files_by_id(dataset.folder / name, LABEL_SUFFIXES) for name in LABEL_FOLDERS}
    used = [name for name in ("instances", "classes") if files[name]] or [name for name in ("masks",) if files[name]]
    if not used:
        if others := [name for name in LABEL_FOLDERS if (dataset.folder / name).is_dir()]:
            raise InputError(f"{dataset.folder / others[0]}: holds no PNG or TIFF; export the labels as PNG")
        return
    if files["masks"] and "masks" not in used:
        dataset.notice(f"masks/ is not used, since {used[0]}/ tells more", len(files["masks"]))
    dataset.labels = tuple(used)
    ids = [entry.id for entry in dataset.entries]
    missing = {name: [one for one in ids if one not in files[name]] for name in used}
    without = sorted({one for lost in missing.values() for one in lost}, key=ids.index)
    if without and not partial:
        folder = next(name for name in used if missing[name])
        lost = missing[folder]
        names = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
        raise InputError(f"{dataset.folder / folder}: no labels for {names}; add them, or move these images away")
    dataset.unlabelled = frozenset(without)
    dataset.entries = [
        dataclasses.replace(entry, labels={} if entry.id in without else {name: files[name][entry.id] for name in used})
        for entry in dataset.entries
    ]


def _name_classes(dataset: Dataset) -> None:
    """Class names where dataset.yaml gives none: "cell", or a number for each value of the class maps."""
    if dataset.description.classes:
        return
    names = {1: "cell"}
    if "classes" in dataset.labels:
        values: set[int] = set()
        for entry in dataset.entries:
            if "classes" in entry.labels:
                values |= set(np.unique(read_labels(entry.labels["classes"])).tolist())
        values -= {0, IGNORE}
        if values and max(values) >= IGNORE:
            raise InputError(f"{dataset.folder}/classes: a class {max(values)}; classes are 1..254, 255 is ignored")
        names = {value: f"class {value}" for value in range(1, max(values, default=1) + 1)}
        dataset.notice("dataset.yaml names no classes: called " + ", ".join(names.values()), len(dataset))
    dataset.description = dataclasses.replace(dataset.description, classes=names)


def _labelled(dataset: Dataset, entry: Entry, image: np.ndarray) -> Frame:
    """The frame with the labels that its files give."""
    size = image.shape[1:]
    if not dataset.labels:
        return Frame(entry.id, image, group=entry.group, kind=entry.kind, part=entry.part)
    read = {name: same_size(read_labels(file), size, file) for name, file in entry.labels.items()}
    instances = read.get("instances")
    if "instances" in dataset.labels and instances is None:
        instances = np.zeros(size, np.int32)
    if not read:
        classes = np.full(size, IGNORE, np.uint8)
    elif "classes" in read:
        classes = known_classes(read["classes"], dataset.description.classes, entry.labels["classes"])
        if instances is not None:
            every_cell_has_a_class(classes, instances, entry.labels["classes"])
    else:
        foreground = instances if instances is not None else two_valued(read["masks"], entry.labels["masks"])
        classes = np.where(foreground > 0, _class_of_kind(dataset, entry), 0).astype(np.uint8)
    return Frame(entry.id, image, classes, instances, entry.group, entry.kind, entry.part)


def _class_of_kind(dataset: Dataset, entry: Entry) -> int:
    """Class of all cells of a frame that has no class map."""
    names = dataset.description.classes
    of_name = {name: value for value, name in names.items()}
    if entry.kind in of_name:
        return of_name[entry.kind]
    if len(names) == 1:
        return next(iter(names))
    raise InputError(
        f"{dataset.folder}: {len(names)} classes are declared, but nothing says which the cells of {entry.id} have; "
        f"add classes/{entry.id}.png, or name a class in column `kind` of manifest.csv"
    )
