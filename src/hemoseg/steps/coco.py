"""Cells of all images as one COCO JSON file: a run-length mask per cell, which pycocotools and most tools read.

What COCO has no place for stands beside it under ``hemoseg``: an annotation's ``cell_id`` and an image's ``image``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import pandas as pd
import tifffile
from pycocotools import mask as rle

from hemoseg.data.samples import IGNORE
from hemoseg.errors import InputError
from hemoseg.labels.pixel_runs import PixelRuns, pixel_runs
from hemoseg.steps.claims import Claims, read_foreign_json, whole_number
from hemoseg.steps.decoding import MOST_PIXELS
from hemoseg.steps.files import written_whole
from hemoseg.steps.tiff_planes import page_of
from hemoseg.steps.tiff_segments import page_rows

NONE = np.zeros(0, np.int64)
MOST_RUNS = 2**27  # columns of all masks of an image: a slide of 400,000 cells has a quarter of that


def write(path: str | Path, images: pd.DataFrame, cells: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    """Write the cells of all images, reading ``instances/ID.tif`` beside the file, one after the other.

    Args:
        path: in the folder of `segment`.
        images: rows of images.csv: ``image``, ``file``, ``rows``, ``columns``.
        cells: rows of cells.csv.
        facts: ``classes``, names by value.
    """
    path = Path(path)
    of_image = dict(iter(cells.groupby("image", sort=False)))
    with written_whole(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(_json(_head(images, facts["classes"]))[:-1] + ',"annotations":[')
        comma, number = "\n", 0
        for image, name in enumerate(images["image"], 1):
            instances = _instances(path.parent / "instances" / f"{name}.tif")
            for annotation in annotations(instances, of_image.get(name, cells[:0])):
                number += 1
                file.write(comma + _json({"id": number, "image_id": image} | annotation))
                comma = ",\n"
        file.write("\n]}\n")


def _instances(path: Path) -> np.ndarray:
    """A label image of `segment` in its own type: a slide's must not be there twice."""
    try:
        with tifffile.TiffFile(path) as file:
            page = page_of(file, 0)
            return page_rows(page, 0, page.imagelength)[..., 0]
    except Exception as error:  # of the file, of tifffile, of zlib
        raise InputError(f"{path}: absent or damaged ({error}); segment the image again") from None


def _head(images: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any]:
    heads = [
        {"id": number, "width": int(row.width), "height": int(row.rows), "file_name": Path(row.file).name}
        | {"hemoseg": {"image": row.image}}
        for number, row in enumerate(images.rename(columns={"columns": "width"}).itertuples(), 1)
    ]
    categories = [{"id": value, "name": name, "supercategory": "cell"} for value, name in enumerate(classes) if value]
    return {"info": {"description": "cells"}, "licenses": [], "images": heads, "categories": categories}


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def annotations(instances: np.ndarray, cells: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """What COCO says of each cell, in the order of the ids, without the numbers of annotation and image.

    Args:
        instances: a number per cell ``(H, W)``.
        cells: a row per number.
    """
    height, width = instances.shape
    kinds = dict(zip(cells["id"].tolist(), cells["class"].tolist(), strict=True))
    scores = cells.set_index("id")["probability"].dropna().to_dict() if "probability" in cells else {}
    runs = pixel_runs(instances.T).by_label()  # COCO goes down the columns: a run's row is a column here
    begin, length = runs.row * height + runs.start, runs.length
    ends = np.flatnonzero(np.diff(runs.label, append=0)) + 1
    for first, end in zip(np.append(0, ends)[:-1].tolist(), ends.tolist(), strict=True):
        cell, part = int(runs.label[first]), slice(first, end)
        top, left = int(runs.start[part].min()), int(runs.row[first])
        counts = _counts(begin[part], length[part], height * width)
        mask = rle.frPyObjects({"counts": counts, "size": [height, width]}, height, width)
        found = {
            "category_id": int(kinds[cell]),
            "segmentation": {"size": [height, width], "counts": mask["counts"].decode("ascii")},
            "area": int(length[part].sum()),
            "bbox": [left, top, int(runs.row[end - 1]) + 1 - left, int(runs.stop[part].max()) - top],
            "iscrowd": 0,
            "hemoseg": {"cell_id": cell},
        }
        yield found | ({"score": round(float(scores[cell]), 6)} if cell in scores else {})


def _counts(begin: np.ndarray, length: np.ndarray, pixels: int) -> list[int]:
    """Pixels out of the cell, in it, out of it and so on; what goes on at the top of the next column is joined."""
    bounds = np.stack([begin, begin + length], axis=1).ravel()
    joined = bounds[1:-1].reshape(-1, 2)
    kept = bounds[np.concatenate([[True], np.repeat(joined[:, 0] != joined[:, 1], 2), [True]])]
    counts = np.diff(kept, prepend=0, append=pixels).tolist()
    return counts if counts[-1] else counts[:-1]


def read(path: str | Path) -> dict[str, tuple[tuple[int, int], Claims]]:
    """The size and the cells of each image of a COCO file, by the image's name.

    The name is the one that we gave it, else that of its file without what follows the last dot. Masks may be
    run-length, compressed or not, or polygons, which pycocotools draws.

    Raises:
        InputError: it is no COCO file, or says things that do not fit together.
    """
    path = Path(path)
    content = read_foreign_json(path)
    try:
        names = {kind["id"]: str(kind["name"]) for kind in content["categories"]}
        images = {image["id"]: image for image in content["images"]}
        of_image: dict[Any, list[Any]] = {image: [] for image in images}
        for annotation in content["annotations"]:
            of_image[annotation["image_id"]].append(annotation)
        found = {}
        for number, image in images.items():
            size = _size(path, image)
            name = str((image.get("hemoseg") or {}).get("image") or PureWindowsPath(image["file_name"]).stem)
            if name in found:
                raise InputError(f"{path}: two images are called {name!r}; give their files different names")
            found[name] = size, _claims(path, of_image[number], names, size)
        return found
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        cause = f"nothing is said of {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path}: no COCO file of masks ({cause}); export it again") from None


def _size(path: Path, image: Mapping[str, Any]) -> tuple[int, int]:
    size = int(image["height"]), int(image["width"])
    if min(size) < 1 or size[0] * size[1] > MOST_PIXELS:
        raise InputError(f"{path}: an image of {size[0]} x {size[1]} pixels; correct its height and width")
    return size


def _claims(
    path: Path, annotations: list[Mapping[str, Any]], names: Mapping[Any, str], size: tuple[int, int]
) -> Claims:
    parts, ids, kinds, empty = [], [], [], 0
    for annotation in annotations:
        try:
            begin, stop = _stretches(annotation.get("segmentation"), size)
        except Exception as error:  # of pycocotools, too, which has its own words
            what = f"annotation {annotation.get('id')!r}"
            raise InputError(f"{path}: {what} has no readable mask ({error}); export it again") from None
        if not len(begin):
            empty += 1
            continue
        ids.append(whole_number((annotation.get("hemoseg") or {}).get("cell_id")))
        name = names[annotation["category_id"]]
        kinds.append(IGNORE if annotation.get("iscrowd") else name)  # a crowd is not one cell, nor is it background
        parts.append((np.full(len(begin), len(ids)), begin, stop))
    notices = [f"{empty} annotations were left out: they have no mask, or an empty one"] if empty else []
    label, begin, stop = (np.concatenate(part) for part in zip(*parts, strict=True)) if parts else (NONE,) * 3
    return Claims(_down_the_columns(label, begin, stop, size[0]), ids, kinds, notices, down=True)


def _stretches(segmentation: Any, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """First and last but one pixel of each stretch of a mask, counted down the columns."""
    if isinstance(segmentation, list):
        segmentation = _drawn(segmentation, size)
    counts = segmentation["counts"]
    if list(segmentation["size"]) != list(size):
        raise ValueError(f"its size is {segmentation['size']}, the image's {list(size)}")
    if isinstance(counts, list) and not all(type(count) is int for count in counts):
        raise ValueError("counts that are no whole numbers")
    numbers = np.array(counts, np.int64) if isinstance(counts, list) else _unpacked(counts)
    if len(numbers) and (numbers.min() < 0 or numbers.max() > size[0] * size[1]):
        raise ValueError("counts beyond the image")
    bounds = np.cumsum(numbers)
    if len(bounds) and bounds[-1] > size[0] * size[1]:
        raise ValueError("counts beyond the image")
    begin, stop = bounds[: len(bounds) // 2 * 2].reshape(-1, 2).T
    return begin[stop > begin], stop[stop > begin]


def _drawn(polygons: list[Any], size: tuple[int, int]) -> dict[str, Any]:
    """The mask of polygons ``[x, y, x, y, ...]``, as pycocotools draws them."""
    if not polygons:
        return {"size": list(size), "counts": []}
    for points in polygons:
        values = np.array(points, np.float64)
        # Its C code sets aside memory by the distance between points, and checks none.
        if values.ndim != 1 or values.size < 6 or values.size % 2 or not (np.abs(values) <= 2 * sum(size)).all():
            raise ValueError("a polygon of less than three points, or far from the image")
    return rle.merge(rle.frPyObjects(polygons, *size))


def _unpacked(counts: str | bytes) -> np.ndarray:
    """Numbers of a compressed mask: groups of five bits, from the fourth number on differences to the last but one.

    pycocotools itself only unpacks to all pixels of the image, for each cell.
    """
    signs = np.frombuffer(counts.encode("ascii") if isinstance(counts, str) else counts, np.uint8).astype(np.int64) - 48
    if not len(signs):
        return signs
    if signs.min() < 0 or signs.max() > 63 or signs[-1] & 32:
        raise ValueError("no run-length mask")
    last = np.flatnonzero(signs & 32 == 0)
    first = np.append(0, last[:-1] + 1)
    if (last - first).max() > 11:
        raise ValueError("no run-length mask")
    place = 5 * (np.arange(len(signs)) - np.repeat(first, last - first + 1))
    values = np.add.reduceat((signs & 31) << place, first)
    values -= np.where(signs[last] & 16, 1 << (place[last] + 5), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def _down_the_columns(label: np.ndarray, begin: np.ndarray, stop: np.ndarray, height: int) -> PixelRuns:
    """Stretches of pixels counted down the columns as runs of the turned image, in which a column is a row."""
    first, last = begin // height, (stop - 1) // height
    columns = last - first + 1
    if columns.sum() > MOST_RUNS:
        raise ValueError("more and longer masks than cells have")
    which = np.repeat(np.arange(len(begin)), columns)
    row = first[which] + np.arange(len(which)) - np.repeat(np.cumsum(columns) - columns, columns)
    start = np.where(row == first[which], begin[which] - row * height, 0)
    end = np.where(row == last[which], stop[which] - row * height, height)
    return PixelRuns(label[which], row, start, end)
