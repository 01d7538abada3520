"""Cells as a zip of ImageJ's regions of interest, for Fiji's ROI Manager.

A cell of one part without a hole is a traced polygon, every other one a composite, whose paths ImageJ fills by the
even-odd rule. A region's name is the cell's id, its group the number of the class, which is what counts when regions
come back; the class's name stands in the property ``class`` to be read.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from roifile import ROI_TYPE, ImagejRoi

from hemoseg.data.outlines import Polygon, outlines_of
from hemoseg.data.painting import filled
from hemoseg.errors import InputError
from hemoseg.figures.style import class_colour
from hemoseg.labels.pixel_runs import pixel_runs
from hemoseg.steps.archives import unpacked
from hemoseg.steps.claims import Claims, whole_number
from hemoseg.steps.files import written_whole

LARGEST = 2**15 - 1  # of what a polygon's 16-bit corners can tell; beyond, cells are composites of floats
MOST_POINTS = 2**16 - 1  # of a polygon
EPOCH = (1980, 1, 1, 0, 0, 0)  # time of each entry, so that two runs give the same file
MOVE, LINE, CLOSE = 0.0, 1.0, 4.0  # of a composite's path
MOST_BYTES = 2**30  # of all regions of a file, unpacked
OVAL_POINTS = 720  # of the polygon that stands for an oval: less than 0.01 pixels off up to 1000 pixels across
POLYGONS = (ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED)


def write(path: str | Path, instances: np.ndarray, cells: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    """Write the cells of one image.

    Args:
        path: name ending in ``.zip``.
        instances: a number per cell ``(H, W)``.
        cells: their rows, of which the class is read.
        facts: not used.
    """
    kinds = dict(zip(cells["id"].tolist(), zip(cells["class"], cells["class_name"], strict=True), strict=True))
    colours = {
        value: bytes([255, *(round(255 * part) for part in to_rgb(class_colour(value)))])
        for value in set(cells["class"])
    }
    with written_whole(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for cell, polygons in outlines_of(pixel_runs(instances)):
            kind, name = kinds[cell]
            region = region_of(polygons)
            region.name, region.group, region.stroke_color = str(cell), int(kind), colours[kind]
            region.props = f"class: {_one_line(name)}\n"
            archive.writestr(zipfile.ZipInfo(f"{cell:07d}.roi", EPOCH), region.tobytes())


def _one_line(text: str) -> str:
    """Text without what would begin another property, and within the 16-bit characters that roifile counts."""
    return "".join(sign if sign.isprintable() and ord(sign) < 2**16 else " " for sign in text)


def region_of(polygons: list[Polygon]) -> ImagejRoi:
    """The region of one cell, without a name."""
    shell = polygons[0][0]
    low, high = shell.min(axis=0), shell.max(axis=0)
    for polygon in polygons[1:]:
        low, high = np.minimum(low, polygon[0].min(axis=0)), np.maximum(high, polygon[0].max(axis=0))
    region = ImagejRoi()
    (region.left, region.top), (region.right, region.bottom) = low.tolist(), high.tolist()
    if len(polygons) == 1 and len(polygons[0]) == 1 and max(high) <= LARGEST and len(shell) <= MOST_POINTS:
        region.roitype = ROI_TYPE.TRACED
        region.integer_coordinates = (shell - low).astype(np.int32)
        region.n_coordinates = len(shell)
        return region
    path = np.concatenate([_path(ring) for polygon in polygons for ring in polygon])
    region.roitype = ROI_TYPE.RECT
    region.multi_coordinates, region.shape_roi_size = path, len(path)
    return region


def _path(ring: np.ndarray) -> np.ndarray:
    signs = np.column_stack([np.full(len(ring), LINE), ring]).astype(np.float32)
    signs[0, 0] = MOVE
    return np.append(signs, np.float32(CLOSE))


def read(path: str | Path, size: tuple[int, int]) -> Claims:
    """The cells of a zip of regions.

    Polygons, freehand and traced regions, rectangles, ovals and composites of straight lines are cells; what is none of
    them (points, lines, curves) is left out with a notice.

    Raises:
        InputError: it is no zip of regions.
    """
    path = Path(path)
    polygons, ids, kinds, others = [], [], [], 0
    for name, region in _regions(path):
        rings = _rings(region)
        if rings is None:
            others += 1
            continue
        # ImageJ names what is drawn anew by its place, as 0123-0456: no id.
        ids.append(whole_number(region.name or name))
        kinds.append(int(region.group) or None)
        polygons.append((len(ids), rings))
    notices = (
        [f"{others} regions were left out: they are no polygons, rectangles, ovals or composites"] if others else []
    )
    try:
        return Claims(filled(polygons, size), ids, kinds, notices)
    except ValueError as error:
        raise InputError(f"{path}: has {error}; save the regions again") from None


def _regions(path: Path) -> list[tuple[str, ImagejRoi]]:
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".roi")]
            if sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise InputError(f"{path}: more than {MOST_BYTES:,} bytes of regions; save those of one image")
            contents = ((Path(entry.filename).stem, b"".join(unpacked(archive, entry))) for entry in entries)
            return [(name, ImagejRoi.frombytes(content)) for name, content in contents]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the name") from None
    except InputError:
        raise
    except Exception as error:  # zipfile and roifile each have their own words
        raise InputError(
            f"{path}: no zip of ImageJ's regions ({error}); save them from the ROI Manager again"
        ) from None


def _rings(region: ImagejRoi) -> list[np.ndarray] | None:
    """Rings of a region, None where it is none that has."""
    if region.composite:
        return None if region.multi_coordinates is None else _rings_of_path(region.multi_coordinates)
    if region.roitype == ROI_TYPE.RECT and not region.rounded_rect_arc_size and not region.subtype.value:
        left, top, right, bottom = region.left, region.top, region.right, region.bottom
        return [np.array([[left, top], [left, bottom], [right, bottom], [right, top]])]
    if region.roitype == ROI_TYPE.OVAL:
        return [_oval(region)]
    if region.roitype not in POLYGONS:
        return None
    if region.subpixel_coordinates is not None:
        return [region.subpixel_coordinates.astype(np.float64)]
    if region.integer_coordinates is None:
        return None
    return [region.integer_coordinates + np.array([region.left, region.top])]


def _oval(region: ImagejRoi) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, OVAL_POINTS, endpoint=False)
    across, down = region.right - region.left, region.bottom - region.top
    return np.stack(
        [region.left + across * (1 + np.cos(angle)) / 2, region.top + down * (1 + np.sin(angle)) / 2], axis=1
    )


def _rings_of_path(path: np.ndarray) -> list[np.ndarray] | None:
    """Rings of a composite's path of straight lines, None where it has curves."""
    rings, at = [], 0
    while at < len(path):
        kind = path[at]
        if kind == CLOSE:
            at += 1
        elif kind in (MOVE, LINE) and at + 2 < len(path):
            if kind == MOVE or not rings:
                rings.append([])
            rings[-1].append(path[at + 1 : at + 3])
            at += 3
        else:
            return None
    return [np.array(ring, np.float64) for ring in rings]
