"""A small folder as `segment` writes it, made by hand: discs on a bright ground."""

from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from PIL import Image

from hemoseg.metrics.cell_table import measure_cells
from hemoseg.steps.files import write_json, write_table

CLASSES = ["background", "red", "white"]


def discs(seed, side=96, number=9):
    """An image uint8 ``(3, side, side)``, its cells and their classes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    cells = np.zeros((side, side), np.int32)
    step = side / 3
    for place in range(number):
        row, column = step * (place // 3 + 0.5), step * (place % 3 + 0.5)
        wide, high = rng.uniform(7, 10, 2)
        cells[((y - row) / high) ** 2 + ((x - column) / wide) ** 2 <= 1] = place + 1
    image = np.where(cells > 0, 110, 200) + rng.normal(0, 3, (3, side, side))
    return np.clip(image, 0, 255).astype(np.uint8), cells, ((cells > 0) + (cells == number)).astype(np.uint8)


def write_folder(folder: Path, groups, *, number=9, classes=CLASSES, name="{}", flags="", pixel_size=0.5, **facts):
    """Write a folder with one image per entry of ``groups``, and return it."""
    images, tables = [], []
    for place, group in enumerate(groups):
        image, cells, kinds = discs(place, number=number)
        image_name = name.format(place)
        for part in ("instances", "classes"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.moveaxis(image, 0, -1)).save(folder / f"raw{place}.png")
        tifffile.imwrite(folder / "instances" / f"{image_name}.tif", cells.astype(np.uint16), compression="zlib")
        Image.fromarray(kinds).save(folder / "classes" / f"{image_name}.png")
        measured = measure_cells(cells, kinds, image, class_names=classes, pixel_size=pixel_size)
        tables.append(pd.DataFrame({"image": image_name, "group": group} | measured))
        images.append({
            "image": image_name, "file": str(folder / f"raw{place}.png"), "page": "", "group": group, "rows": 96,
            "columns": 96, "channels": 3, "pixel_size_um": pixel_size, "scale": 1.0, "cells": number,
            f"n_{classes[1]}": max(number - 1, 0), f"n_{classes[2]}": min(number, 1), "flags": flags,
        })  # fmt: skip
    write_table(folder / "images.csv", pd.DataFrame(images))
    write_table(folder / "cells.csv", pd.concat(tables, ignore_index=True))
    told = {"name": "unet", "network": "unet", "weights_sha256": "0" * 64, "in_channels": 3, "path": "nowhere"}
    kept = {"format": 1, "model": told, "classes": classes, "settings": {}, "versions": {}, "complete": True}
    write_json(folder / "segment.json", kept | {"started_in": "."} | facts)
    return folder
