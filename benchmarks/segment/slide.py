"""A slide region of 20,000 x 20,000 pixels through `hemoseg segment`: memory, time, seams, and what a kill leaves.

    python benchmarks/segment/slide.py [--side 20000] [--folder FOLDER] [--kill SECONDS] [--threads 1]
                                       [--out benchmarks/results/segment_slide.json]

The slide is a simulated smear of 2000 x 2000 pixels with its mirror images, so that it has no edges inside, in a
zlib-compressed TIFF of strips. The network is a U-Net of width 6 with two poolings, trained for a minute on that frame:
it has to find cells, not to be good at it. `hemoseg segment` runs as a process of its own; its peak memory is what the
system counted of it. Then the whole class map is labelled at once, which the command never does, and must give the
cells that the command joined from strips: the same pixels, one number each. With ``--kill`` a second run is killed by
signal 9 after so many seconds, again and again, each time a quarter later, since what follows the last window (cells
and files of the whole image) begins anew, until one ends; its files must be those of the first.
"""

import argparse
import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import tifffile
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "deform"))

from machine import describe

from hemoseg.models import unet
from hemoseg.simulation import generator
from hemoseg.steps.files import write_json
from hemoseg.steps.segmented import read_segmented
from hemoseg.steps.tiff_segments import page_rows
from hemoseg.steps.weights import sha256, write_weights
from hemoseg.training.batches import Normalisation

PATCH = 2000  # pixels of the simulated frame
SETTINGS = {"height": PATCH, "width": PATCH, "channels": 3, "diameter": 44.0, "cells": 900.0, "margin": [0, 0]}
NETWORK = {"width": 6, "levels": 2}
CROP, STEPS, BATCH = 192, 120, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=20_000)
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "hemoseg_slide", help="some gigabytes are written"
    )
    parser.add_argument(
        "--kill",
        type=float,
        help="seconds after which a second run is killed, again and again, each time a quarter later",
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    prepare(args.folder, args.side)
    print("one run from beginning to end", flush=True)
    measured = timed(args.folder, "whole", args.threads)
    print(json.dumps(measured), flush=True)
    measured |= checked(args.folder / "whole", args.side)
    if args.kill:
        measured["kills"] = killed(args.folder, args.kill, args.threads)
        measured["same_files_after_kills"] = hashes(args.folder / "whole") == hashes(args.folder / "killed")
    told = {"machine": describe("cpu"), "side": args.side, "network": NETWORK, "threads": args.threads} | measured
    print(json.dumps(told, indent=2))
    if args.out:
        args.out.write_text(json.dumps(told, indent=2) + "\n")


def prepare(folder: Path, side: int) -> None:
    """Write the slide and the model, unless they are there."""
    slide, model = folder / f"slide_{side}.tif", folder / "model"
    if slide.exists() and (model / "model.json").exists():
        return
    kind = generator("smear")
    frame = kind.simulate_frame(kind.check(SETTINGS), seed=0, index=0)
    image = np.ascontiguousarray(frame.image[..., :3])
    print(f"simulated {frame.instances.max()} cells in {PATCH} x {PATCH} pixels", flush=True)
    train(model, image, frame.instances > 0)
    across = [image, image[:, ::-1]]

    def strips():
        for first in range(0, side, 100):
            row = first // PATCH
            part = slice(first % PATCH, first % PATCH + 100)
            wide = np.concatenate([(one if row % 2 == 0 else one[::-1])[part] for one in across], axis=1)
            yield np.tile(wide, (1, -(-side // wide.shape[1]), 1))[:, :side].tobytes()

    with open(slide, "wb") as file:
        tifffile.imwrite(
            file, (zlib.compress(one, 1) for one in strips()), shape=(side, side, 3), dtype=np.uint8,
            rowsperstrip=100, compression="zlib", photometric="rgb",
        )  # fmt: skip


def train(folder: Path, image: np.ndarray, mask: np.ndarray) -> None:
    """A small network that finds the cells of the frame."""
    torch.manual_seed(0)
    mean, sd = (image / 255.0).mean(axis=(0, 1)), (image / 255.0).std(axis=(0, 1))
    normalise = Normalisation(255.0, tuple(mean.tolist()), tuple(sd.tolist()))
    random = np.random.default_rng(0)
    network = unet.build(3, 2, **NETWORK).train()
    optimiser = torch.optim.Adam(network.parameters(), 0.003)
    for _ in range(STEPS):
        corners = random.integers(0, PATCH - CROP, (BATCH, 2))
        cut = [(slice(r, r + CROP), slice(c, c + CROP)) for r, c in corners]
        images = torch.from_numpy(np.stack([np.moveaxis(image[part], -1, 0) for part in cut])).float()
        truth = torch.from_numpy(np.stack([mask[part] for part in cut])).long()
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(normalise.apply(images)), truth).backward()
        optimiser.step()
    write_weights(folder / "model.safetensors", network.state_dict())
    write_json(
        folder / "model.json",
        {
            "model": "unet", "network": "unet", "settings": {"network_settings": NETWORK}, "in_channels": 3,
            "classes": ["background", "cell"], "input_size": [CROP, CROP], "median_cell_area": 1500.0,
            "weights_sha256": sha256(folder / "model.safetensors"),
            "normalisation": asdict(normalise),
        },
    )  # fmt: skip


def command(folder: Path, out: str, threads: int) -> list[str]:
    slide = next(folder.glob("slide_*.tif"))
    words = ["segment", str(folder / "model"), str(slide), "--out", str(folder / out), "--threads", str(threads)]
    return [sys.executable, "-m", "hemoseg", *words, "--device", "cpu"]


def timed(folder: Path, out: str, threads: int) -> dict[str, object]:
    """Seconds, of the clock and of the processor, and the peak memory of one run."""
    begin = time.perf_counter()
    done = subprocess.run(command(folder, out, threads), check=True, stdout=subprocess.PIPE, text=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(time.perf_counter() - begin, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_memory_GiB": round(used.ru_maxrss / 2**20, 2),
        "said": done.stdout.strip().split(": ", 1)[1],
    }


def checked(folder: Path, side: int) -> dict[str, object]:
    """Whether the cells of strips are the components of the whole class map."""
    done = read_segmented(folder)
    name = done.images["image"][0]
    classes = done.classes(name)
    _, components, stats, _ = cv2.connectedComponentsWithStats((classes > 0).astype(np.uint8), connectivity=8)
    least = done.facts["settings"]["min_area"]
    small = stats[:, cv2.CC_STAT_AREA] < least
    small[0] = True
    wanted = int(np.count_nonzero(~small))
    partner = np.zeros(len(stats), np.int64)
    same = True
    for first in range(0, side, 500):
        with tifffile.TiffFile(folder / "instances" / f"{name}.tif") as file:
            labels = page_rows(file.pages[0], first, min(first + 500, side))[..., 0]
        part = components[first : first + 500]
        same &= bool(((labels > 0) == ~small[part]).all())
        fresh = partner[part] == 0
        partner[part[fresh]] = labels[fresh]
        same &= bool((partner[part][labels > 0] == labels[labels > 0]).all())
    numbers = partner[~small]
    return {
        "cells": int(done.images["cells"][0]),
        "cells_of_the_whole_class_map": wanted,
        "same_cells": same and len(np.unique(numbers)) == wanted and len(done.cells) == wanted,
    }


def killed(folder: Path, seconds: float, threads: int) -> int:
    """Kill a run again and again until one ends; how often."""
    kills = 0
    while True:
        process = subprocess.Popen(command(folder, "killed", threads), stdout=subprocess.DEVNULL)
        try:
            if process.wait(timeout=seconds):
                raise SystemExit("the run failed by itself")
            return kills
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills, seconds = kills + 1, seconds * 1.25
            print(f"killed {kills} times", flush=True)


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file."""
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            with open(file, "rb") as content:
                found[str(file.relative_to(folder))] = hashlib.file_digest(content, "sha256").hexdigest()
    return found


if __name__ == "__main__":
    main()
