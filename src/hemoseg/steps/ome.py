"""Cells as an OME-TIFF: a label image that knows its pixel size, for QuPath, Fiji, napari and OMERO."""

import hashlib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile

from hemoseg.data.checks import same_size
from hemoseg.steps.files import written_whole
from hemoseg.steps.images import read_labels

SMALL = 2**16  # labels below fit into 16 bits, which every reader takes


def write(path: str | Path, instances: np.ndarray, cells: pd.DataFrame, facts: Mapping[str, Any]) -> None:
    """Write a label image with its pixel size, zlib-compressed, 16 bits or 32 beyond 65,535 cells.

    Args:
        path: name ending in ``.ome.tif``.
        instances: a number per cell ``(H, W)``.
        cells: not used; a label image holds no classes.
        facts: ``pixel_size_um`` or None there.
    """
    if instances.max(initial=0) < SMALL:
        labels = np.ascontiguousarray(instances, np.uint16)
    else:  # a view: a slide's label image must not be there twice
        labels = np.ascontiguousarray(instances, np.int32).view(np.uint32)
    metadata: dict[str, Any] = {"axes": "YX", "Name": Path(path).name.removesuffix(".ome.tif")}
    # Made from the content: tifffile's own would name the time and the machine, and no two files would be equal.
    metadata["UUID"] = f"urn:uuid:{uuid.UUID(bytes=hashlib.sha256(labels).digest()[:16], version=5)}"
    if side := facts.get("pixel_size_um"):
        metadata |= {f"PhysicalSize{axis}": float(side) for axis in "XY"}
        metadata |= {f"PhysicalSize{axis}Unit": "µm" for axis in "XY"}
    with written_whole(path) as temporary, open(temporary, "wb") as file:
        tifffile.imwrite(file, labels, ome=True, metadata=metadata, compression="zlib", photometric="minisblack")


def read(path: str | Path, size: tuple[int, int]) -> np.ndarray:
    """Instances ``(H, W)``, int32, of a label TIFF or PNG, OME or not.

    Raises:
        InputError: it is no label image, or not of the size.
    """
    return same_size(read_labels(path), size, Path(path))
