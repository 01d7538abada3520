"""A small folder in the form that `segment` writes, made by hand: known cells, and names from hostile files."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from hemoseg.metrics.cell_table import measure_cells
from hemoseg.steps.images import write_labels

HOSTILE = "</script><img src=x onerror=alert(1)>"
NAMES = ("background", f"round {HOSTILE}", "long")


class Folder:
    """What was written: `path`, and `instances` by image."""

    def __init__(self, path, instances):
        self.path, self.instances = path, instances

    def truth(self):
        """A folder dataset of the same images: cell 1 of the first is missing, there is one more, the last is long."""
        root = self.path.with_name("truth")
        (root / "images").mkdir(parents=True)
        for name, instances in self.instances.items():
            (root / "images" / f"{name}.png").write_bytes((self.path / "images" / f"{name}.png").read_bytes())
            labels = np.where(instances == 1, 0, instances)
            labels[2:10, -14:-4] = 99
            classes = np.where(labels == labels.max(where=labels < 99, initial=0), 2, labels > 0)
            write_labels(root / "instances" / f"{name}.png", labels)
            write_labels(
                root / "classes" / f"{name}.png", np.where(labels > 0, np.maximum(classes, 1), 0).astype(np.uint8)
            )
        (root / "dataset.yaml").write_text(f"classes: {json.dumps(NAMES[1:])}\n")
        return root


def discs(size, centres, radius):
    """Cells 1..n, discs around (row, column)."""
    side = np.arange(-radius, radius + 1)
    stamp = side[:, None] ** 2 + side**2 <= radius**2
    labels = np.zeros(size, np.int32)
    for number, (row, column) in enumerate(centres, start=1):
        part = labels[row - radius : row + radius + 1, column - radius : column + radius + 1]
        part[stamp[: part.shape[0], : part.shape[1]]] = number
    return labels


def write_folder(path, many=False):
    """Two images: six discs of radius 9 in 80 x 120 pixels, or a thousand with ``many``; and one without cells."""
    path = Path(path)
    size, step = ((960, 1280), 35) if many else ((80, 120), 40)
    centres = [(r, c) for r in range(20, size[0] - 8, step) for c in range(20, size[1] - 8, step)]
    images = {"one": discs(size, centres, 9), "two": np.zeros((60, 40), np.int32)}
    rows, tables = [], []
    for name, instances in images.items():
        classes = np.where(instances > 0, 1 + (instances % 3 == 0), 0).astype(np.uint8)
        values = np.where(instances > 0, 90 + instances % 50, 220).astype(np.uint8)
        write_labels(path / "images" / f"{name}.png", values)
        write_labels(path / "classes" / f"{name}.png", classes)
        (path / "instances").mkdir(exist_ok=True)
        tifffile.imwrite(path / "instances" / f"{name}.tif", instances.astype(np.uint16))
        probability = np.stack([classes == value for value in range(3)]) * (0.5 + (instances % 40) / 100)
        measured = measure_cells(
            instances, classes, values[None], class_names=NAMES, probability=probability, pixel_size=0.5
        )
        tables.append(pd.DataFrame({"image": name, "group": ""} | measured))
        facts = {"image": name, "file": str(path / "images" / f"{name}.png"), "page": "", "group": HOSTILE}
        facts |= {"rows": instances.shape[0], "columns": instances.shape[1], "channels": 1, "pixel_size_um": 0.5}
        rows.append(
            facts | {"scale": 1, "cells": len(tables[-1]), "flags": "blurred;<b>dark</b>" if name == "two" else ""}
        )
    pd.DataFrame(rows).to_csv(path / "images.csv", index=False)
    pd.concat([table for table in tables if len(table)]).to_csv(path / "cells.csv", index=False)
    model = {"name": f"net {HOSTILE}", "network": "unet", "weights_sha256": "0", "path": "m", "in_channels": 1}
    facts = {"format": 1, "model": model, "classes": NAMES, "settings": {}, "versions": {}, "complete": True}
    (path / "segment.json").write_text(json.dumps(facts))
    return Folder(path, images)
