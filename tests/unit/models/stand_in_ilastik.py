"""A stand-in for ilastik, which cannot be had here: it proves the plumbing, nothing about ilastik's results.

It opens the project at the places where ilastik's own readers look, takes the mean colour of every label's strokes, and
exports for each pixel probabilities that fall with the distance from those means. The environment tells it to fail.
"""

import argparse
import json
import os
import re
import sys
import time

import h5py
import numpy as np


def opened(path):
    """Colours ``(n, C)`` and labels ``(n,)`` under the strokes, and the number of labels."""
    with h5py.File(path) as project:
        assert project["workflowName"][()].decode("utf-8") == "Pixel Classification"
        assert tuple(map(int, project["ilastikVersion"][()].decode("utf-8").split(".")))[:2] in [(1, 3), (1, 4)]
        data = project["Input Data"]
        assert data["StorageVersion"][()].decode("utf-8") == "0.2"
        assert [name.decode("utf-8") for name in data["Role Names"][()]] == ["Raw Data", "Prediction Mask"]
        features(project["FeatureSelections"])
        classify = project["PixelClassification"]
        names = [name.decode("utf-8") for name in classify["LabelNames"][()]]
        assert not classify["LabelNames"].attrs["isEmpty"]
        assert classify["LabelColors"].shape == classify["PmapColors"].shape == (len(names), 3)
        lanes, sets = sorted(data["infos"].items()), sorted(classify["LabelSets"].items())
        assert [int(re.fullmatch(r"labels(\d+)", name)[1]) for name, _ in sets] == list(range(len(lanes)))
        seen = [strokes(image(project, lane), found) for (_, lane), (_, found) in zip(lanes, sets, strict=True)]
    colours, labels = (np.concatenate(part) for part in zip(*seen, strict=True))
    assert set(np.unique(labels)) == set(range(1, len(names) + 1))
    return colours, labels, len(names)


def features(group):
    ids = [name.decode("utf-8") for name in group["FeatureIds"][()]]
    assert len(set(ids)) == 6
    assert group["SelectionMatrix"].shape == (len(ids), len(group["Scales"]))
    assert group["SelectionMatrix"].dtype == bool
    assert group["SelectionMatrix"][()].any()
    assert group["ComputeIn2d"].shape == group["Scales"].shape


def image(project, lane):
    info = lane["Raw Data"]
    assert info["__class__"][()] == b"ProjectInternalDatasetInfo"
    assert len(lane["Prediction Mask"]) == 0
    assert info["allowLabels"][()]
    assert info["nickname"][()].decode("utf-8")
    pixels = project[info["inner_path"][()].decode("utf-8")]
    keys = [axis["key"] for axis in json.loads(info["axistags"][()].decode("utf-8"))["axes"]]
    assert keys == ["y", "x", "c"]
    assert tuple(info["shape"]) == pixels.shape
    return pixels[()]


def strokes(pixels, group):
    marked = np.zeros(pixels.shape[:2], np.uint8)
    for block in group.values():
        place = block.attrs["blockSlice"]  # h5py gives text for it, as in ilastik's stringToSlicing
        rows, columns, last = (slice(*map(int, part.split(":"))) for part in place[1:-1].split(","))
        assert last == slice(0, 1)
        marked[rows, columns] = block[..., 0]
    return pixels[marked > 0], marked[marked > 0]


def main():
    parser = argparse.ArgumentParser()
    for flag in ("--headless", "--retrain"):
        parser.add_argument(flag, action="store_true", required=True)
    for flag in ("--project", "--raw_data", "--output_filename_format", "--output_internal_path"):
        parser.add_argument(flag, required=True)
    parser.add_argument("--tree-count", type=int, required=True)
    for flag, value in {
        "--export_source": "Probabilities", "--export_dtype": "float32", "--output_format": "hdf5",
        "--output_axis_order": "yxc",
    }.items():  # fmt: skip
        parser.add_argument(flag, choices=[value], required=True)
    args = parser.parse_args()
    behaviour = os.environ.get("STAND_IN", "")
    if behaviour == "fails":
        sys.exit("RuntimeError: the scales are too large for the image")
    if behaviour == "sleeps":
        time.sleep(60)
    colours, labels, number = opened(args.project)
    path, inner = args.raw_data.rsplit("/", 1)
    with h5py.File(path) as file:
        pixels = file[inner][()]
        assert [axis["key"] for axis in json.loads(file[inner].attrs["axistags"])["axes"]] == ["y", "x", "c"]
    means = np.array([colours[labels == n + 1].mean(axis=0) for n in range(number)])
    near = np.exp(-50 * ((pixels[:, :, None] - means) ** 2).sum(axis=-1)).astype(np.float32) + 1e-6
    if behaviour == "forgets":
        return
    with h5py.File(args.output_filename_format, "w") as file:
        said = near / near.sum(axis=-1, keepdims=True)
        file[args.output_internal_path] = said[:, :-1] if behaviour == "crops" else said


if __name__ == "__main__":
    main()
