"""Measure the seams that hard tiles and blended windows leave in predictions, against one pass over the whole image.

Of every test image of a split that holds more than one window, the part that whole windows fill, so that tiles fit.
Writes two files, each whole:

* ``seams.csv``: a row per image, way (tiles, windows, whole) and distance of a line from the nearest border: sample,
  height and width (of that part), way, offset (signed, px; 0 is a border), jumps (their sum) and pairs of neighbouring
  pixels (`metrics.seams`). One pass has no windows: its lines are told by the borders of the blended ones.
* ``maps.npz``: probability of no background of the largest of these images by the three ways, float16 ``(3, H, W)``,
  its id, and the rows and columns of the borders of both kinds of windows.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.inference.windows import borders
from hemoseg.metrics.seams import profile
from hemoseg.steps import arguments
from hemoseg.steps.files import write_arrays, write_table
from hemoseg.steps.labelled import read_samples, read_split, role_samples
from hemoseg.steps.predict import check_fits, checked, choose_device, predictor
from hemoseg.steps.progress import tracked
from hemoseg.steps.weights import read_model

WAYS = ("tiles", "windows", "whole")


def main(argv: list[str]) -> None:
    """Parse the arguments and measure."""
    parser = arguments.parser("seams", __doc__)
    parser.add_argument("--settings", type=arguments.settings, required=True, help="those of `predict`, with a window")
    parser.add_argument("--samples", required=True)
    parser.add_argument("--splits", required=True)
    parser.add_argument("--split", required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder that `train` wrote")
    parser.add_argument("--table", required=True, help="seams.csv to write")
    parser.add_argument("--maps", required=True, help="maps.npz to write")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    settings = checked(args.settings)
    if not settings["window"] or not settings["overlap"]:
        raise InputError("seams settings: no overlapping windows; give window and overlap, such as [128, 128] and 0.5")
    torch.set_num_threads(args.threads)
    test = role_samples(read_samples(args.samples), read_split(args.splits, args.split), "test")
    weights, description = read_model(args.model)
    check_fits(description, test, args.model)
    given = dict.fromkeys(WAYS, settings) | {"tiles": settings | {"overlap": 0.0}, "whole": settings | {"window": None}}
    ways = {way: predictor(description, weights, told, choose_device(args.device)) for way, told in given.items()}
    table, maps = measure(cut(test, settings["window"]), ways, settings)
    write_table(args.table, table)
    write_arrays(args.maps, **maps)


def cut(test: Samples, window: list[int]) -> Samples:
    """The samples that hold more than one window, cut to the part that whole windows fill.

    Raises:
        InputError: no sample does.
    """
    whole = [
        [side // length * length for side, length in zip(image.shape[1:], window, strict=True)] for image in test.images
    ]
    chosen = [i for i, sides in enumerate(whole) if np.prod(sides) > np.prod(window)]
    if not chosen:
        raise InputError(
            f"seams settings: no test image holds two windows of {window[0]} x {window[1]} px; take `seams` out of the "
            "experiment, or choose a smaller window"
        )
    images = [np.ascontiguousarray(test.images[i][:, : whole[i][0], : whole[i][1]]) for i in chosen]
    return replace(test.take(chosen), images=images)


def measure(
    test: Samples, ways: dict[str, Any], settings: dict[str, Any]
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The content of both files; ``ways`` predict a sample each (`steps.predict.predictor`)."""
    largest = int(np.argmax([np.prod(image.shape[1:]) for image in test.images]))
    tables, maps = [], {}
    for position in tracked(range(len(test)), len(test), "seams", "image"):
        height, width = test.images[position].shape[1:]
        lines = {way: _lines((height, width), settings, way) for way in WAYS}
        said = {way: predict(test, position).probability for way, predict in ways.items()}
        for way in WAYS:
            found = profile(said[way], *lines[way])._asdict()
            rows = {"offset": found["offsets"], "jumps": found["sums"], "pairs": found["pairs"]}
            origin = {"sample": test.ids[position], "height": height, "width": width, "way": way}
            tables.append(pd.DataFrame(origin | rows))
        if position == largest:
            maps = {"id": np.array(test.ids[position])}
            maps |= {"probability": np.stack([1 - said[way][0] for way in WAYS]).astype(np.float16)}
            for way in ("tiles", "windows"):
                maps |= {f"{way}_{name}": line for name, line in zip(("rows", "columns"), lines[way], strict=True)}
    return pd.concat(tables, ignore_index=True), maps


def _lines(size: tuple[int, int], settings: dict[str, Any], way: str) -> list[np.ndarray]:
    overlap = 0.0 if way == "tiles" else settings["overlap"]
    return [borders(length, side, overlap) for length, side in zip(size, settings["window"], strict=True)]
