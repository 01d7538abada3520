"""What the table of cells and each format cost to write and to read, for one image of 12 megapixels and 7,000 cells.

    python benchmarks/formats/run.py [--rounds 3]

The cells are ellipses on a grid, with a hole in every fifth. Beside the table stands scikit-image's `regionprops_table`
with the same properties, beside COCO pycocotools' own `encode` of each cell's mask (of 100 cells, scaled up). Seconds
are the processor's, of one core, the least of the rounds; every file that is read gives the label image again, which is
checked. Writes benchmarks/results/formats.json.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pycocotools import mask as rle
from skimage.measure import regionprops_table

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from hemoseg.metrics.cell_table import measure_cells
from hemoseg.steps import coco, formats, ome, qupath, rois
from hemoseg.steps.claims import settled
from hemoseg.steps.images import write_labels

OUT = Path(__file__).parents[1] / "results" / "formats.json"
SIZE = (3000, 4000)
CELLS = 7000
SIDE = 41  # of the grid's squares
CLASSES = ["background", "disc", "sickle", "white"]
PROPERTIES = (
    *("label", "area", "centroid", "perimeter_crofton", "axis_major_length", "axis_minor_length", "eccentricity"),
    *("solidity", "intensity_mean"),
)
SAMPLE = 100  # cells that pycocotools encodes


def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Instances, classes and image."""
    random = np.random.default_rng(0)
    instances = np.zeros(SIZE, np.int32)
    rows, columns = np.indices((SIDE, SIDE)) - SIDE // 2
    for cell in range(CELLS):
        top, left = (place * SIDE for place in divmod(cell, SIZE[1] // SIDE))
        (major, minor), turn = random.uniform(10, 20, 2), random.uniform(0, np.pi)
        along = columns * np.cos(turn) + rows * np.sin(turn)
        across = rows * np.cos(turn) - columns * np.sin(turn)
        inside = (along / major) ** 2 + (across / minor) ** 2 <= 1
        inside &= (cell % 5 > 0) | (rows**2 + columns**2 > 9)
        instances[top : top + SIDE, left : left + SIDE][inside] = cell + 1
    classes = np.where(instances > 0, 1 + instances % 3, 0).astype(np.uint8)
    return instances, classes, random.integers(0, 256, (3, *SIZE), np.uint8)


def seconds(work: Callable[[], Any], rounds: int) -> float:
    """Least processor time of some rounds."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return round(min(times), 3)


def main() -> None:
    """Measure, check and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    instances, classes, image = drawn()

    def measured() -> dict[str, np.ndarray]:
        return measure_cells(instances, classes, image, class_names=CLASSES, pixel_size=0.25)

    grey = image.mean(axis=0)
    found = {"cells": int(instances.max()), "megapixels": instances.size / 1e6, "table": {
        "ours": seconds(measured, rounds),
        "regionprops_table": seconds(lambda: regionprops_table(instances, grey, PROPERTIES), 1),
    }}  # fmt: skip
    cells = pd.DataFrame({"image": "one", "group": ""} | measured())
    with tempfile.TemporaryDirectory() as folder:
        found["formats"] = of_formats(Path(folder), instances, cells, rounds)
    found["formats"]["coco"]["pycocotools_encode"] = encoded(instances, rounds)
    OUT.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


def of_formats(folder: Path, instances: np.ndarray, cells: pd.DataFrame, rounds: int) -> dict[str, dict[str, float]]:
    """Seconds to write and to read each format, and the size of its file."""
    facts = {"classes": CLASSES, "pixel_size_um": 0.25}
    images = pd.DataFrame([{"image": "one", "file": "one.png", "rows": SIZE[0], "columns": SIZE[1]}])
    write_labels(folder / "instances" / "one.tif", instances)
    readers = {
        "qupath": lambda path: settled(qupath.read(path, SIZE), SIZE).instances,
        "coco": lambda path: settled(coco.read(path)["one"][1], SIZE).instances,
        "imagej": lambda path: settled(rois.read(path, SIZE), SIZE).instances,
        "ome": lambda path: ome.read(path, SIZE),
    }
    found = {}
    for name, read in readers.items():
        path = folder / formats.FORMATS[name].file.format("one")

        def write(name: str = name) -> None:
            formats.write_formats(folder, "one", instances, cells, facts, [name])
            formats.write_collected(folder, images, cells, facts, [name])

        spent = {"write": seconds(write, rounds), "read": seconds(partial(read, path), rounds)}
        found[name] = spent | {"bytes": path.stat().st_size}
        if not (read(path) == instances).all():
            raise SystemExit(f"{name}: not the same cells")
    return found


def encoded(instances: np.ndarray, rounds: int) -> float:
    """Seconds that pycocotools would take to encode the masks of all cells, by those of some."""
    chosen = np.linspace(1, instances.max(), SAMPLE).astype(int)

    def encode() -> None:
        for cell in chosen:
            rle.encode(np.asfortranarray(instances == cell).view(np.uint8))

    return round(seconds(encode, rounds) * instances.max() / SAMPLE, 1)


if __name__ == "__main__":
    main()
