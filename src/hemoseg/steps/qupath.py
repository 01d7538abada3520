"""Cells as QuPath's GeoJSON: an annotation per cell, along the edges of its pixels, to be corrected by hand.

In QuPath: File, Import objects from file; correct; File, Export objects as GeoJSON. The id of a cell is its object's
name and the end of its UUID, which QuPath keeps; a ":" in a class's name makes QuPath split it, and is joined again.
"""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from hemoseg.data.outlines import Polygon, outlines_of
from hemoseg.data.painting import filled
from hemoseg.errors import InputError
from hemoseg.figures.style import class_colour
from hemoseg.labels.pixel_runs import pixel_runs
from hemoseg.steps.claims import Claims, read_foreign_json, whole_number
from hemoseg.steps.files import written_whole

UUID = "68656d6f-7365-4000-8000-"  # before the twelve digits of the id; the first eight bytes spell the project
NOT_MEASURED = ("image", "group", "id", "class", "class_name", "touches_border")  # columns that are no measurement
AREAS = ("Polygon", "MultiPolygon")


def write(path: str | Path, instances: np.ndarray, cells: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    """Write the cells of one image.

    Args:
        path: name ending in ``.geojson``.
        instances: a number per cell ``(H, W)``.
        cells: their rows; what is a number there becomes a measurement.
        facts: not used.
    """
    with written_whole(path) as temporary, open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        comma = "\n"
        for feature in features(instances, cells):
            file.write(comma + json.dumps(feature, ensure_ascii=False, separators=(",", ":")))
            comma = ",\n"
        file.write("\n]}\n")


def features(instances: np.ndarray, cells: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A GeoJSON feature per cell, in the order of the ids."""
    properties = dict(zip(cells["id"].tolist(), _properties(cells), strict=True))
    for cell, polygons in outlines_of(pixel_runs(instances)):
        coordinates = [[_closed(ring) for ring in polygon] for polygon in polygons]
        single = len(coordinates) == 1
        yield {
            "type": "Feature",
            "id": f"{UUID}{cell:012x}",
            "geometry": {"type": AREAS[not single], "coordinates": coordinates[0] if single else coordinates},
            "properties": properties[cell],
        }


def _closed(ring: np.ndarray) -> list[list[int]]:
    points = ring.tolist()
    return [*points, points[0]]


def _properties(cells: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = [name for name in cells.columns if name not in NOT_MEASURED and cells[name].dtype.kind in "iuf"]
    measured = zip(*(cells[name].tolist() for name in names), strict=True) if names else [()] * len(cells)
    colours = {value: [round(255 * part) for part in to_rgb(class_colour(value))] for value in set(cells["class"])}
    for cell, kind, name, row in zip(cells["id"], cells["class"], cells["class_name"], measured, strict=True):
        yield {
            "objectType": "annotation",
            "name": str(cell),
            "classification": {"name": name, "color": colours[kind]},
            "measurements": {
                name: float(f"{value:.9g}") for name, value in zip(names, row, strict=True) if math.isfinite(value)
            },
        }


def read(path: str | Path, size: tuple[int, int]) -> Claims:
    """The cells of a GeoJSON file, QuPath's or another's.

    Polygons and MultiPolygons are cells; what is no area (a point, a line) is left out with a notice.

    Raises:
        InputError: it is no GeoJSON, or a polygon is none.
    """
    path = Path(path)
    content = read_foreign_json(path)
    if isinstance(content, dict):
        content = content.get("features", [content] if content.get("type") == "Feature" else None)
    if not isinstance(content, list) or not all(isinstance(feature, dict) for feature in content):
        raise InputError(f"{path}: no GeoJSON of features; export the objects from QuPath as GeoJSON again")
    polygons, ids, kinds, lines = [], [], [], 0
    for number, feature in enumerate(content, 1):
        try:
            found = _polygons(feature.get("geometry"))
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            raise InputError(f"{path}: feature {number} is no polygon of points; export the objects again") from None
        if found is None:
            lines += 1
            continue
        properties = feature.get("properties") or {}
        if not isinstance(properties, dict):
            raise InputError(f"{path}: feature {number} has properties that are no object; export the objects again")
        ids.append(_id(feature.get("id"), properties))
        kinds.append(_class_name(properties))
        polygons += [(len(ids), rings) for rings in found]
    notices = [f"{lines} objects were left out: they are no areas, but points or lines"] if lines else []
    return Claims(_filled(path, polygons, size), ids, kinds, notices)


def _filled(path: Path, polygons: list[tuple[int, Polygon]], size: tuple[int, int]) -> Any:
    try:
        return filled(polygons, size)
    except ValueError as error:
        raise InputError(f"{path}: has {error}; export the objects again") from None


def _polygons(geometry: Any) -> list[Polygon] | None:
    """Polygons of a geometry, None where it is no area."""
    if geometry["type"] not in AREAS:
        return None
    coordinates = geometry["coordinates"]
    polygons = [coordinates] if geometry["type"] == "Polygon" else coordinates
    return [[_ring(ring) for ring in polygon] for polygon in polygons]


def _ring(points: Any) -> np.ndarray:
    ring = np.array(points, np.float64)
    if ring.ndim != 2 or ring.shape[1] not in (2, 3):
        raise ValueError("no points")
    return ring[:, :2]


def _id(told: Any, properties: Mapping[str, Any]) -> int | None:
    """A cell's id, by the UUID that we gave it, else by its name."""
    if isinstance(told, str) and told.lower().startswith(UUID):
        try:
            return whole_number(int(told[len(UUID) :], 16))
        except ValueError:
            return None
    return whole_number(properties.get("name"))


def _class_name(properties: Mapping[str, Any]) -> str | None:
    """Name of the class, which QuPath writes as one, or in parts where it holds a colon."""
    said = properties.get("classification")
    if not isinstance(said, dict):
        return said if isinstance(said, str) else None
    if isinstance(said.get("names"), list):
        return ": ".join(map(str, said["names"]))
    return str(said["name"]) if said.get("name") else None
