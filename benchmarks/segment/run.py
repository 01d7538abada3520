"""What `hemoseg segment` takes for an image, by what it does, beside a plain torch loop and ONNX Runtime.

    OMP_NUM_THREADS=1 python benchmarks/segment/run.py [--scale paper] [--rows unet mask_rcnn] [--rounds 3] [--no-onnx]
                                                       [--out benchmarks/results/segment_cpu.json]

Rows are the networks of params.yaml with the settings of that scale, each once, and Otsu's threshold. Images are
simulated smears in PNG, of 512 x 512 and of 1200 x 1600 pixels. Weights are random, and what a drawn network says is no
picture of cells: each network runs, and where its probabilities go on, those of a threshold take their place, which
costs next to nothing and is left out. Networks that make their own cells have few of them then.

* segment: reading, network, post-processing (cells: probabilities to classes to components; measure: the table of
  cells; flags: of the field's quality) and writing (instances, class map, overlay, journal), as `segment` does it.
* plain: what a user would write: OpenCV reads, torch predicts the image in one pass as the network was built,
  scikit-image labels, removes small parts and measures (`regionprops_table`), OpenCV writes one mask.
* onnx: the network alone, exported by `hemoseg export` and run by ONNX Runtime on the windows that `segment` takes.

Each round runs every row once; told are medians over the rounds, in seconds of the processor, since the clock's tell
more of the neighbours; one thread.
"""

import argparse
import dataclasses
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import torch
import yaml
from skimage.measure import label, regionprops_table
from skimage.morphology import remove_small_objects

sys.path.insert(0, str(Path(__file__).parents[1] / "deform"))
sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

from machine import describe
from plan import resolve

from hemoseg import models
from hemoseg.__main__ import main as hemoseg
from hemoseg.errors import InputError
from hemoseg.inference.windows import predict_windows
from hemoseg.simulation import generator
from hemoseg.steps.files import write_json
from hemoseg.steps.opened import Opened, open_model
from hemoseg.steps.segment_folder import Folder
from hemoseg.steps.segment_image import Task, segment_image
from hemoseg.steps.segment_inputs import find_items
from hemoseg.steps.segment_outputs import flags_of, row_of, write_image
from hemoseg.steps.segment_settings import settle
from hemoseg.steps.stopwatch import Stopwatch
from hemoseg.steps.weights import sha256, write_weights

SIZES = {"512": (512, 512), "frame": (1200, 1600)}
CLASSES = ["background", "cell", "other"]
AREA = 1000.0  # of a cell in the simulated images, pixels
CPU = torch.device("cpu")
GROUND = 150.0  # grey level of a smear below which a pixel is a cell's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", choices=("demo", "paper"), default="demo")
    parser.add_argument("--rows", nargs="+", help="networks; all unless given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-onnx", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), networks(args.scale, args.rows), args.rounds, not args.no_onnx)
    told = {"machine": describe("cpu"), "scale": args.scale, "rounds": args.rounds, "rows": found}
    print(table(found))
    if args.out:
        args.out.write_text(json.dumps(told, indent=2) + "\n")


def networks(scale: str, rows: list[str] | None) -> dict[str, dict[str, Any]]:
    """Settings of each network of params.yaml, as the first row that has it; and Otsu's threshold."""
    root = Path(__file__).parents[2]
    plan = resolve(yaml.safe_load((root / "params.yaml").read_text()) | {"scale": scale})
    found = {"otsu": {}}
    for experiment in plan["experiments"].values():
        for row in experiment["models"].values():
            if models.is_network(models.load(row["network"])):
                found.setdefault(row["network"], row["settings"])
    return {name: settings for name, settings in found.items() if rows is None or name in rows}


def measured(folder: Path, rows: dict[str, dict[str, Any]], rounds: int, onnx: bool) -> list[dict[str, Any]]:
    """A row per network and size."""
    for name, size in SIZES.items():
        write_image_of(folder / f"{name}.png", size)
    opened = {name: made(folder / "models" / name, name, settings) for name, settings in rows.items()}
    exported = {name: export(folder / "models" / name) for name in rows if onnx}
    seconds: dict[tuple[str, str], list[dict[str, float]]] = {}
    for number in range(rounds + 1):  # the first one warms up
        for name, model in opened.items():
            for size in SIZES:
                one = {f"segment_{what}": s for what, s in segmented(folder, model, size).items()}
                if model.probability is not None:
                    one |= plainly(folder, model, size)
                    one |= {"onnx_network": alone(folder, model, exported.get(name), size)}
                if number:
                    seconds.setdefault((name, size), []).append(one)
                print(f"{number}/{rounds} {name} {size}", file=sys.stderr, flush=True)
    return [_row(name, rows[name], size, told) for (name, size), told in seconds.items()]


def write_image_of(path: Path, size: tuple[int, int]) -> None:
    kind = generator("smear")
    settings = {"height": size[0], "width": size[1], "channels": 3, "diameter": 36.0, "margin": [0, 0]}
    frame = kind.simulate_frame(kind.check(settings | {"cells": size[0] * size[1] / 4500}), seed=0, index=0)
    cv2.imwrite(str(path), frame.image[..., 2::-1])


def made(folder: Path, name: str, settings: dict[str, Any]) -> Opened:
    """A model folder with random weights, opened."""
    torch.manual_seed(0)
    module, learned = models.load(name), {}
    if models.is_network(module):
        squares = np.kron(np.arange(1, 17).reshape(4, 4), np.pad(np.ones((32, 32), int), 16))
        settings = module.settle(settings, [squares]) if hasattr(module, "settle") else settings
        network = module.build(3, len(CLASSES), **settings)
        learned = network.state_dict()
    write_weights(folder / "model.safetensors", learned)
    description = {
        "model": name, "network": name, "settings": {"network_settings": settings}, "in_channels": 3,
        "classes": CLASSES, "input_size": [512, 512], "median_cell_area": AREA,
        "weights_sha256": sha256(folder / "model.safetensors"),
        "normalisation": {"white": 255.0, "mean": [0.7] * 3, "sd": [0.15] * 3} if learned else None,
    }  # fmt: skip
    write_json(folder / "model.json", description)
    return open_model(folder, CPU)


def export(folder: Path) -> Callable | None:
    """The exported network in ONNX Runtime; none where it cannot be exported."""
    try:
        if hemoseg(["export", "--model", str(folder), "--out", str(folder) + ".onnx"]) == 0:
            return open_model(str(folder) + ".onnx", CPU).probability
    except InputError as error:
        print(error, file=sys.stderr)
    return None


def thresholded(images: torch.Tensor) -> torch.Tensor:
    """Probabilities as of a network that finds the cells."""
    said = torch.sigmoid((GROUND - images.mean(1)) / 8)
    return torch.stack([1 - said, said * 0.9, said * 0.1], dim=1)


def segmented(folder: Path, opened: Opened, size: str) -> dict[str, float]:
    """Seconds of `segment` for one image, by what it does."""
    watch, out = Stopwatch(time.process_time), folder / "out"
    if opened.probability is not None:
        network = opened.probability

        def probability(images: torch.Tensor) -> torch.Tensor:
            network(images)
            with watch.of("left out"):
                return thresholded(images)

        opened = dataclasses.replace(opened, probability=probability)
    shutil.rmtree(out, ignore_errors=True)
    journal, settings = Folder(out, {}), settle({}, opened)
    with watch.of("read"):
        (item,), _ = find_items([str(folder / f"{size}.png")], channels=3)
    task = Task(item.source.rows, item.source.size, 1.0, 1.0, journal.work(item), lambda pixels: None)
    found, words = segment_image(opened, task, settings, watch)
    cells = write_image(out, item, found, CLASSES, probability=False, formats=(), watch=watch)
    with watch.of("flags"):
        flags = [*words, *flags_of(found, opened.evidence, 1.0, 3, None)]
    with watch.of("write"):
        journal.finish_image(item, row_of(item, cells, CLASSES, 3, 1.0, []), cells, flags)
    watch.seconds.pop("left out", None)
    return watch.seconds | {"total": sum(watch.seconds.values()), "cells_found": len(cells)}


def plainly(folder: Path, opened: Opened, size: str) -> dict[str, float]:
    """Seconds of what a user would write."""
    description = opened.description
    module = models.load(description["network"])
    network = module.build(3, len(CLASSES), **description["settings"]["network_settings"]).eval()
    begin = time.process_time()
    image = cv2.imread(str(folder / f"{size}.png"))[..., ::-1].copy()
    images = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    before = time.process_time()
    with torch.inference_mode():
        network((images / 255 - 0.7) / 0.15).softmax(1)
    network_seconds = time.process_time() - before
    classes = thresholded(images).argmax(1)[0].numpy()
    labels = label(remove_small_objects(classes > 0, max_size=int(AREA / 10)))
    wanted = ("label", "area", "centroid", "eccentricity", "solidity", "perimeter", "mean_intensity")
    regionprops_table(labels, image.mean(axis=2), properties=wanted)
    cv2.imwrite(str(folder / "plain.png"), labels.astype(np.uint16))
    return {"plain_network": network_seconds, "plain_total": time.process_time() - begin}


def alone(folder: Path, opened: Opened, network: Callable | None, size: str) -> float | None:
    """Seconds of a network of ONNX Runtime on the windows of an image."""
    if network is None:
        return None
    image = torch.from_numpy(cv2.imread(str(folder / f"{size}.png"))).permute(2, 0, 1).float()
    window, overlap = settle({}, opened).windows(SIZES[size])
    begin = time.process_time()
    predict_windows(network, image, window=window, overlap=overlap, batch_size=1)
    return time.process_time() - begin


def _row(name: str, settings: dict[str, Any], size: str, told: list[dict[str, float]]) -> dict[str, Any]:
    keys = [key for key in told[0] if told[0][key] is not None]
    seconds = {key: round(median(one.get(key, 0.0) for one in told), 4) for key in keys}
    pixels = SIZES[size][0] * SIZES[size][1]
    rest = sum(seconds.get(f"segment_{what}", 0.0) for what in ("cells", "measure", "flags", "write"))
    return {
        "network": name, "settings": settings, "size": list(SIZES[size]), "seconds": seconds,
        "images_per_second": round(1 / seconds["segment_total"], 3),
        "megapixels_per_second": round(pixels / 1e6 / seconds["segment_total"], 3),
        "rest_over_network": round(rest / max(seconds["segment_network"], 1e-9), 3),
    }  # fmt: skip


def table(found: list[dict[str, Any]]) -> str:
    """The rows for people."""
    words = ("read", "network", "cells", "measure", "flags", "write", "total")
    lines = ["network size images/s Mpx/s " + " ".join(words) + " rest/network plain onnx_network plain_network"]
    for row in found:
        seconds = row["seconds"]
        parts = " ".join(f"{seconds.get(f'segment_{word}', 0):.3f}" for word in words)
        others = " ".join(
            f"{seconds.get(key, float('nan')):.3f}" for key in ("plain_total", "onnx_network", "plain_network")
        )
        lines.append(
            f"{row['network']} {row['size'][0]}x{row['size'][1]} {row['images_per_second']} "
            f"{row['megapixels_per_second']} {parts} {row['rest_over_network']} {others}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
