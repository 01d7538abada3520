"""Segment a lab's own images with a trained model: instances, class maps, overlays, a table of all cells."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
import torch

from hemoseg.data.classes import classes_of_instances
from hemoseg.errors import InputError
from hemoseg.inference.cells import find_cells
from hemoseg.metrics.shapes import cell_shapes
from hemoseg.models import Labelled
from hemoseg.steps import arguments
from hemoseg.steps.files import write_json, write_table, written_whole
from hemoseg.steps.images import write_labels
from hemoseg.steps.predict import checked, choose_device, predictor
from hemoseg.steps.progress import tracked
from hemoseg.steps.segment_inputs import Item, find_items, with_groups
from hemoseg.steps.segmented import FORMAT, MARKER
from hemoseg.steps.weights import environment, read_model


def main(argv: list[str]) -> None:
    """Parse the arguments and segment."""
    parser = arguments.parser("segment", __doc__)
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder that `train` wrote")
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="image files, folders of images, folder datasets")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--settings", type=arguments.settings, default={}, help="JSON: window, overlap, cells ...")
    parser.add_argument("--page", help="of a TIFF of several pages: a number from 1, all, mean or max")
    parser.add_argument("--groups", type=Path, help="CSV with columns image and group (patient or slide)")
    parser.add_argument("--pixel-size", type=float, help="micrometres, where the files do not tell it")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args(argv)
    settings = checked(args.settings)
    torch.set_num_threads(args.threads)
    device = choose_device(args.device)
    weights, description = read_model(args.model)
    items, bad = find_items(
        args.inputs, channels=description["in_channels"], page=args.page, pixel_size=args.pixel_size
    )
    if bad:
        raise InputError(bad[0].reason)
    items = with_groups(items, args.groups)
    label = _labeller(description, weights, settings, device)
    classes = description["classes"]
    facts = {
        "format": FORMAT,
        "model": {
            "name": description.get("model", args.model.name), "network": description["network"],
            "weights_sha256": description["weights_sha256"], "in_channels": description["in_channels"],
            "path": str(args.model),
        },
        "classes": classes, "settings": settings, "versions": environment(device)["versions"],
        "started_in": os.path.relpath(".", args.out), "complete": False,
    }  # fmt: skip
    write_json(args.out / MARKER, facts)
    rows, tables = [], []
    for item in tracked(items, len(items), "segment", "image"):
        image = item.source.whole()
        said = label(image)
        row, cells = _write(args.out, item, image, said, classes)
        item.source.close()
        rows.append(row)
        tables.append(cells)
    write_table(args.out / "images.csv", pd.DataFrame(rows))
    write_table(args.out / "cells.csv", pd.concat(tables, ignore_index=True))
    write_json(args.out / MARKER, facts | {"complete": True})
    print(f"{args.out}: {sum(row['cells'] for row in rows)} cells in {len(rows)} images")


def _labeller(
    description: dict[str, Any], weights: dict[str, torch.Tensor], settings: dict[str, Any], device: Any
) -> Callable[[np.ndarray], Labelled]:
    """Temporary stand-in for opened models: labels one image in one pass."""
    from hemoseg.data.samples import Samples

    white = description["normalisation"]["white"]
    min_area = settings["min_area_share"] * description["median_cell_area"]
    predict_one = predictor(description, weights, settings, device)

    def label(image: np.ndarray) -> Labelled:
        largest = np.iinfo(image.dtype).max
        values = image if largest == white else (image.astype(np.float32) * np.float32(white / largest))
        samples = Samples(
            images=[values], classes=[], instances=[], ids=["image"], frames=["image"], groups=[""], kinds=[""],
            boxes=np.zeros((1, 4), np.int64), frame_sizes=np.array([image.shape[1:]]), class_names=[], white=white,
            pixel_size=float("nan"), info={}, parts=[""],
        )  # fmt: skip
        one = predict_one(samples, 0)
        if one.instances is None:
            kept, cells = find_cells(
                one.classes, min_area, cells=settings["cells"], boxes=one.boxes, markers=settings["markers"]
            )
            return Labelled(kept, one.probability, cells)
        return one

    return label


def _write(
    out: Path, item: Item, image: np.ndarray, said: Labelled, names: list[str]
) -> tuple[dict[str, Any], pd.DataFrame]:
    instances = said.instances
    dtype = np.uint16 if instances.max(initial=0) < 2**16 else np.uint32
    with written_whole(out / "instances" / f"{item.name}.tif") as temporary, open(temporary, "wb") as file:
        tifffile.imwrite(file, instances.astype(dtype), compression="zlib")
    write_labels(out / "classes" / f"{item.name}.png", said.classes.astype(np.uint8))
    of_cell = classes_of_instances(said.classes, instances)[1:]
    shapes = cell_shapes(instances)
    cells = pd.DataFrame(
        {
            "image": item.name, "group": item.group, "id": np.arange(1, len(of_cell) + 1), "class": of_cell,
            "class_name": [names[value] for value in of_cell], "row": shapes["row"], "column": shapes["column"],
            "area_px": shapes["area"], "perimeter_px": shapes["perimeter"], "eccentricity": shapes["eccentricity"],
            "form_factor": shapes["form_factor"],
        }
    )  # fmt: skip
    row = {
        "image": item.name, "file": item.file, "page": item.page, "group": item.group, "rows": image.shape[1],
        "columns": image.shape[2], "channels": image.shape[0],
        "pixel_size_um": item.pixel_size if item.pixel_size else "", "scale": 1.0, "cells": len(of_cell),
    }  # fmt: skip
    row |= {f"n_{name}": int((of_cell == value).sum()) for value, name in enumerate(names) if value}
    return row | {"flags": ""}, cells
