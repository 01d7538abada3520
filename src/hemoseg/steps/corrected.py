"""Cells that were corrected by hand, in whichever file they come back, image by image."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hemoseg.data.checks import same_size
from hemoseg.errors import InputError
from hemoseg.labels.pixel_runs import pixel_runs
from hemoseg.steps import ome
from hemoseg.steps.claims import Claims, read_foreign_json
from hemoseg.steps.folders import LABEL_SUFFIXES, files_by_id
from hemoseg.steps.images import read_labels
from hemoseg.steps.originals import kinds_of

SUFFIXES = (".geojson", ".json", ".zip", *LABEL_SUFFIXES)
WHAT = "GeoJSON, COCO JSON, a zip of ImageJ's regions, or PNG or TIFF label images"


@dataclass(frozen=True)
class Correction:
    """The corrected cells of one image.

    Attributes:
        path: the file they are in.
        read: gives its claims, of an image of so many rows and columns.
    """

    path: Path
    read: Callable[[tuple[int, int]], Claims]


def find_corrections(paths: Iterable[Path], names: Sequence[str]) -> dict[str, Correction]:
    """What there is for each image, in the order of the images.

    Args:
        paths: files, or folders of such; a folder with ``instances/`` is read as a folder dataset is.
        names: ids of the images. A file is that image's whose id its name is, or begins with before ``_``, ``-``, ``.``
            or a space; a single file is that of a single image.

    Raises:
        InputError: a file is none that can be read, is no image's, or is not the only one of its image.
    """
    found = [one for path in paths for one in _in(path)]
    corrections: dict[str, Correction] = {}
    for told, correction in found:
        name = names[0] if len(names) == len(found) == 1 else _image_of(told, names)
        if name is None:
            close = difflib.get_close_matches(told, names, n=1) or list(names)[:1]
            raise InputError(
                f"{correction.path}: {told!r} is none of the images, which are such as {close[0]!r}; "
                "give the file the name of its image"
            )
        if name in corrections:
            raise InputError(f"{correction.path}: image {name!r} is in {corrections[name].path}, too; pass one of them")
        corrections[name] = correction
    return {name: corrections[name] for name in names if name in corrections}


def _image_of(told: str, names: Sequence[str]) -> str | None:
    if told in names:
        return told
    begun = [name for name in names if told.startswith(name) and told[len(name)] in "_-. "]
    return max(begun, key=len, default=None)


def _in(path: Path) -> Iterator[tuple[str, Correction]]:
    """Corrections in a file or folder, each with the name of the image that it tells."""
    if path.is_dir():
        if (path / "instances").is_dir():
            classes = files_by_id(path / "classes", LABEL_SUFFIXES)
            for name, file in files_by_id(path / "instances", LABEL_SUFFIXES).items():
                yield name, _labels(file, classes.get(name))
            return
        files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in SUFFIXES and file.is_file()]
        if not files:
            raise InputError(f"{path}: holds nothing that can be imported; put {WHAT} there")
        for file in files:
            yield from _in(file)
        return
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the name")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: not {WHAT}; export it as one of them")
    if suffix in LABEL_SUFFIXES:
        yield path.stem.removesuffix(".ome"), _labels(path, None)
    elif suffix == ".zip":
        from hemoseg.steps import rois

        yield path.stem, Correction(path, lambda size: rois.read(path, size))
    elif suffix == ".json" and _is_coco(path):
        from hemoseg.steps import coco

        for name, (size, claims) in coco.read(path).items():
            yield name, Correction(path, _of_size(path, name, size, claims))
    else:
        from hemoseg.steps import qupath

        yield path.stem, Correction(path, lambda size: qupath.read(path, size))


def _is_coco(path: Path) -> bool:
    content = read_foreign_json(path)
    return isinstance(content, dict) and "annotations" in content


def _of_size(path: Path, name: str, size: tuple[int, int], claims: Claims) -> Callable[[tuple[int, int]], Claims]:
    def read(wanted: tuple[int, int]) -> Claims:
        if wanted != size:
            raise InputError(
                f"{path}: {name!r} has {size[0]} x {size[1]} pixels there, its image {wanted[0]} x {wanted[1]}; "
                "export it at the image's size"
            )
        return claims

    return read


def _labels(file: Path, classes: Path | None) -> Correction:
    """A label image, with a class map where there is one; a cell that has none there tells no class."""

    def read(size: tuple[int, int]) -> Claims:
        labels = ome.read(file, size)
        kinds = same_size(read_labels(classes), size, classes) if classes else np.zeros_like(labels)
        runs = pixel_runs(labels)
        ids, where = np.unique(runs.label, return_inverse=True)
        of_id = kinds_of(labels, kinds)
        return Claims(runs._replace(label=where + 1), ids.tolist(), [of_id[cell] or None for cell in ids.tolist()])

    return Correction(file, read)
