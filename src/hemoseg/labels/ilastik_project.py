"""Projects of ilastik's pixel classification: written for it to train on, and its answers read.

The layout is that of ilastik's own writers (repository ilastik/ilastik, ilastik/applets/...): ``workflowName`` and
``ilastikVersion`` (shell/projectManager.py); ``Input Data`` with a lane for each image, the pixels inside the project
(dataSelection/dataSelectionSerializer.py, ``ProjectInternalDatasetInfo`` of opDataSelection.py); ``FeatureSelections``
(featureSelectionSerializer.py); ``PixelClassification`` with ``LabelSets`` of blocks and their ``blockSlice``
(pixelClassificationSerializer.py, ``SerialBlockSlot`` and ``SerialListSlot`` of base/appletSerializer). No classifier
is stored: ilastik trains one when it is told to. No ilastik could be had where this was written: the layout follows its
source, and no released version has opened such a project yet.
"""

import io
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

VERSION = b"1.4.0"  # of the layout; ilastik opens projects of 0.6 to 1.4
FEATURES = {  # ilastik's names, in its order
    "gaussian": b"GaussianSmoothing",
    "laplacian": b"LaplacianOfGaussian",
    "gradient_magnitude": b"GaussianGradientMagnitude",
    "difference_of_gaussians": b"DifferenceOfGaussians",
    "structure_tensor": b"StructureTensorEigenvalues",
    "hessian": b"HessianOfGaussianEigenvalues",
}
CHANNEL, SPACE = 1, 2  # typeFlags of vigra's axes
TAGS = {"y": SPACE, "x": SPACE, "c": CHANNEL}
AXES = json.dumps({"axes": [{"key": k, "typeFlags": f, "resolution": 0, "description": ""} for k, f in TAGS.items()]})
COLOURS = np.array([[255, 225, 25], [0, 130, 200], [230, 25, 75], [60, 180, 75], [245, 130, 48], [145, 30, 180]])


def project_bytes(
    images: list[np.ndarray], marked: list[np.ndarray], *, labels: int, scales: list[float], families: list[str]
) -> bytes:
    """A project that has images and strokes and waits to be trained.

    Args:
        images: float32 ``(C, H, W)`` each.
        marked: uint8 ``(H, W)`` each, 0 without a stroke, else 1..``labels``.
        labels: number of ilastik's labels.
        scales: standard deviations in pixels.
        families: keys of `FEATURES`.

    Returns:
        The bytes of an .ilp file (HDF5).
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", libver="earliest") as project:
        project["ilastikVersion"] = VERSION
        project["workflowName"] = b"Pixel Classification"
        _input_data(project.create_group("Input Data"), images)
        _features(project.create_group("FeatureSelections"), scales, families)
        _strokes(project.create_group("PixelClassification"), marked, labels)
    return buffer.getvalue()


def write_image(path: Path, image: np.ndarray) -> None:
    """Write an image float32 ``(C, H, W)`` as ilastik reads it: HDF5, dataset ``image``, rows, columns, channels."""
    with h5py.File(path, "w", libver="earliest") as file:
        file["image"] = image.transpose(1, 2, 0)
        file["image"].attrs["axistags"] = AXES


def read_probability(path: Path) -> np.ndarray:
    """What ilastik exported, float32 ``(K, H, W)``.

    Raises:
        OSError: no such file, or no HDF5.
        KeyError: the dataset ``probability`` is missing.
        ValueError: it has not three axes.
    """
    with h5py.File(path, "r") as file:
        found = file["probability"][()]
    if found.ndim != 3:
        raise ValueError(f"{found.ndim} axes in place of rows, columns and labels")
    return np.ascontiguousarray(found.transpose(2, 0, 1), np.float32)


def _input_data(group: h5py.Group, images: list[np.ndarray]) -> None:
    group["StorageVersion"] = b"0.2"
    group["Role Names"] = [b"Raw Data", b"Prediction Mask"]
    infos, local = group.create_group("infos"), group.create_group("local_data")
    for number, image in enumerate(images):
        name = f"image{number:04d}"
        local[name] = image.transpose(1, 2, 0)
        local[name].attrs["axistags"] = AXES
        lane = infos.create_group(f"lane{number:04d}")
        lane.create_group("Prediction Mask")
        info: dict[str, Any] = {
            "__class__": b"ProjectInternalDatasetInfo",
            "inner_path": f"Input Data/local_data/{name}".encode(),
            "location": b"ProjectInternal",
            "filePath": f"Input Data/local_data/{name}".encode(),
            "datasetId": name.encode(),
            "nickname": name.encode(),
            "axistags": AXES.encode(),
            "shape": local[name].shape,
            "allowLabels": True,
            "display_mode": b"default",
            "normalizeDisplay": False,
            "fromstack": True,
        }
        described = lane.create_group("Raw Data")
        for key, value in info.items():
            described[key] = value


def _features(group: h5py.Group, scales: list[float], families: list[str]) -> None:
    group["StorageVersion"] = b"0.1"
    group["FeatureIds"] = list(FEATURES.values())
    group["Scales"] = np.array(scales, float)
    chosen = np.array([family in families for family in FEATURES])
    group["SelectionMatrix"] = np.repeat(chosen[:, None], len(scales), axis=1)
    group["ComputeIn2d"] = np.ones(len(scales), bool)


def _strokes(group: h5py.Group, marked: list[np.ndarray], labels: int) -> None:
    group["StorageVersion"] = b"0.1"
    colours = COLOURS[np.arange(labels) % len(COLOURS)]
    for name, values in (("LabelColors", colours), ("PmapColors", colours)):
        group[name] = values
        group[name].attrs["isEmpty"] = False
    group["LabelNames"] = [f"Label {number + 1}".encode() for number in range(labels)]
    group["LabelNames"].attrs["isEmpty"] = False
    sets = group.create_group("LabelSets")
    for number, marks in enumerate(marked):
        (top, left), (bottom, right) = np.argwhere(marks).min(axis=0), np.argwhere(marks).max(axis=0) + 1
        block = sets.create_group(f"labels{number:03d}").create_dataset(
            "block0000", data=marks[top:bottom, left:right, None]
        )
        block.attrs["blockSlice"] = f"[{top}:{bottom},{left}:{right},0:1]".encode()
        block.attrs["axistags"] = AXES
