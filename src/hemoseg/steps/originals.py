"""What was corrected: the images and the cells that they had, from a folder of `segment` or a folder dataset."""

import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from hemoseg.data.classes import classes_of_instances, relabel
from hemoseg.errors import InputError
from hemoseg.steps.folders import IMAGE_SUFFIXES, Dataset, files_by_id, open_folder
from hemoseg.steps.images import read_image, read_labels
from hemoseg.steps.manifests import Entry
from hemoseg.steps.segmented import Segmented, is_segmented, read_segmented

Before = tuple[np.ndarray, dict[int, int]]  # instances and the class of each cell; no cell where nothing was there


class Originals(ABC):
    """Images by id; `SegmentedOriginals` and `FolderOriginals` know their cells, too.

    Attributes:
        names: ids of the images.
        classes: names by value, without the background; empty where none are told.
        channels: of every image, None where they are as their files have them.
        pixel_size: micrometres, None where it is not known or differs between the images.
    """

    names: list[str]
    classes: dict[int, str]
    channels: int | None = None
    pixel_size: float | None = None

    @abstractmethod
    def size(self, name: str) -> tuple[int, int]:
        """Rows and columns of an image."""

    @abstractmethod
    def group(self, name: str) -> str:
        """Patient or slide of an image, "" where it is not known."""

    @abstractmethod
    def before(self, name: str) -> Before | None:
        """The cells that an image had, None where none are told."""

    @abstractmethod
    def place(self, name: str, folder: Path, link: bool) -> str:
        """Put an image's file into a folder, copied or linked; its name there."""


def open_originals(path: Path, images: Path | None) -> Originals:
    """Originals of a folder.

    Args:
        path: of `segment`, a folder dataset, or a folder of images.
        images: where the images of a folder of `segment` lie now, unless they are where they were.

    Raises:
        InputError: it is none of them.
    """
    if is_segmented(path):
        return SegmentedOriginals(read_segmented(path), files_by_id(images, IMAGE_SUFFIXES) if images else None)
    if (path / "images").is_dir():
        return FolderOriginals(open_folder(path))
    if not path.is_dir():
        raise InputError(f"{path}: no such folder; pass what `segment` wrote, a folder dataset or a folder of images")
    found = files_by_id(path, IMAGE_SUFFIXES)
    if not found:
        raise InputError(f"{path}: holds no image; pass what `segment` wrote, a folder dataset or a folder of images")
    return ImageOriginals([Entry(name, file) for name, file in found.items()])


class ImageOriginals(Originals):
    """A folder of images of which nothing else is known."""

    def __init__(self, entries: list[Entry]):
        self.entries = {entry.id: entry for entry in entries}
        self.names, self.classes = list(self.entries), {}

    def size(self, name: str) -> tuple[int, int]:
        return read_image(self.entries[name].image, self.channels).values.shape[1:]

    def group(self, name: str) -> str:
        return self.entries[name].group

    def before(self, name: str) -> Before | None:
        return None

    def place(self, name: str, folder: Path, link: bool) -> str:
        return _put(self.entries[name].image, name, folder, link)


class FolderOriginals(ImageOriginals):
    """A folder dataset with or without labels."""

    def __init__(self, dataset: Dataset):
        super().__init__(dataset.entries)
        about = dataset.description
        self.classes, self.channels, self.pixel_size = about.classes, about.channels, about.pixel_size

    def before(self, name: str) -> Before | None:
        labels = self.entries[name].labels
        if "instances" not in labels:
            return None
        instances = read_labels(labels["instances"])
        only = next(iter(self.classes)) if len(self.classes) == 1 else 0
        classes = read_labels(labels["classes"]) if "classes" in labels else np.where(instances > 0, only, 0)
        return instances, kinds_of(instances, classes)


@dataclass
class SegmentedOriginals(Originals):
    """A folder that `segment` wrote.

    Attributes:
        segmented: the folder.
        moved: images by id where they are not where they were.
    """

    segmented: Segmented
    moved: dict[str, Path] | None

    def __post_init__(self) -> None:
        self.names = self.segmented.images["image"].tolist()
        self.classes = {value: name for value, name in enumerate(self.segmented.class_names) if value}
        self.channels = self.segmented.facts["model"].get("in_channels")
        sizes = self.segmented.images["pixel_size_um"].unique()
        self.pixel_size = float(sizes[0]) if len(sizes) == 1 and sizes[0] > 0 else None

    def size(self, name: str) -> tuple[int, int]:
        row = self.segmented.row(name)
        return int(row["rows"]), int(row["columns"])

    def group(self, name: str) -> str:
        return str(self.segmented.row(name)["group"])

    def before(self, name: str) -> Before | None:
        instances = self.segmented.instances(name)
        cells = self.segmented.cells_of(name)
        return instances, dict(zip(cells["id"].tolist(), cells["class"].tolist(), strict=True))

    def place(self, name: str, folder: Path, link: bool) -> str:
        if self.moved is not None:
            if name not in self.moved:
                raise InputError(f"--images: holds no image {name!r}; add it, or leave the option out")
            file = self.moved[name]
        else:
            file = self.segmented.file(name)
        if self._plain(file, name):
            return _put(file, name, folder, link)
        values = np.moveaxis(self.segmented.image(name), 0, -1)
        values = values[..., 0] if values.shape[2] == 1 else values
        tifffile.imwrite(folder / f"{name}.tif", values, compression="zlib")
        return f"{name}.tif"

    def _plain(self, file: Path, name: str) -> bool:
        """Whether the file as it is makes an image of a folder dataset: one page, a usual name."""
        if file.suffix.lower() not in IMAGE_SUFFIXES or self.segmented.row(name)["page"]:
            return False
        try:
            return read_image(file, self.channels).values.shape[1:] == self.size(name)
        except InputError:
            return False


def kinds_of(instances: np.ndarray, classes: np.ndarray) -> dict[int, int]:
    """Class by id: the one that most of a cell's pixels have."""
    ids = np.unique(instances)
    kinds = classes_of_instances(np.clip(classes, 0, 255), relabel(instances))[1:]
    return dict(zip(ids[ids > 0].tolist(), kinds.tolist(), strict=True))


def _put(file: Path, name: str, folder: Path, link: bool) -> str:
    target = folder / f"{name}{file.suffix.lower()}"
    if link:
        target.symlink_to(file.resolve())
    else:
        shutil.copyfile(file, target)
    return target.name
