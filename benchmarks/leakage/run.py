"""How many planted copies the auditor finds, what it finds where nothing is copied, and what that costs.

    python benchmarks/leakage/run.py [--frames 60] [--planted 10] [--many 10000]

Each set is asked twice over: as it is, where every pair that is called a copy counts as a false alarm (the simulator
makes none; of the real sets nobody has looked at every pair), and its first 150 images with copies of nine kinds. All
pairs matter, as in a division in which each image is tested while all others train. Real sets are looked for in
$HEMOSEG_REAL_DATA and data/, and left out where they are not. Writes benchmarks/results/leakage.json.
"""

import argparse
import json
import os
import resource
import sys
import time
from math import comb
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))
sys.path.insert(0, str(Path(__file__).parent))

from planted import COPIES, all_pairs, frames, planted

from hemoseg.data.copies import find_copies
from hemoseg.simulation import cell_kinds, nuclei

ROOT = Path(__file__).parents[2]
OUT = ROOT / "benchmarks" / "results" / "leakage.json"
MOST = 150  # images of a set that copies are planted into
REAL = ("smear", "nuclei", "sickle_cells", "white_cells", "points")


def simulated(count):
    """Sets of the simulator by name, none of which holds a copy."""
    fields = {"kind": "nuclei", "frames": count, "height": 160, "width": 160, "nuclei": 100}
    kinds = {"rbc": 1, "macrophage": 1, "mixed": count, "parts": [count, 0, 0], "height": 128, "width": 128, "crops": 1}
    return {
        "simulated smears of two patients": frames(count),
        "simulated smears of one patient": frames(count, seed=7, patients=1),
        "simulated smears, few cells": frames(count, seed=8, cells=5),
        "simulated nuclei": _frames_of(nuclei, fields, count),
        "simulated red cells and macrophages": _frames_of(cell_kinds, kinds, count),
    }


def _frames_of(kind, settings, count):
    settings = {key: value for key, value in settings.items() if key != "kind"}
    images = (kind.simulate_frame(settings, seed=3, index=index).image for index in range(count))
    return [np.ascontiguousarray(np.atleast_3d(image).transpose(2, 0, 1)) for image in images]


def real():
    """Sets that are at hand by name."""
    sets = {}
    for name in REAL:
        for folder in (Path(os.environ.get("HEMOSEG_REAL_DATA", ROOT / "data")) / name, ROOT / "data" / name):
            if folder.is_dir() and name not in sets:
                read = (cv2.imread(str(path)) for path in sorted(folder.glob("images/*")))
                sets[name] = [np.ascontiguousarray(image.transpose(2, 0, 1)) for image in read]
        if name not in sets:
            print(f"{name}: not at hand")
    return sets


def found(images):
    """Pairs that are called copies, and the processor seconds that it took."""
    start = time.process_time()
    copies = find_copies(images, all_pairs(len(images)))
    return {(copy.first, copy.second) for copy in copies}, time.process_time() - start


def row_of(images, count):
    """What is found in a set, as it is and with copies."""
    alarms, seconds = found(images)
    row = {"images": len(images), "pairs": comb(len(images), 2), "called_copies": len(alarms), "seconds": seconds}
    rng, recall, others = np.random.default_rng(0), {}, 0
    for kind in COPIES:
        mixed, truth = planted(images[:MOST], kind, min(count, len(images)), rng)
        pairs, _ = found(mixed)
        recall[kind] = f"{len(pairs & truth)} of {len(truth)}"
        others += len(pairs - truth - alarms)
    return row | {"recall": recall, "called_copies_beside_the_planted": others}


def scale(count):
    """Seconds and memory of many small images of discs, a hundredth of them mirrored copies."""
    rng = np.random.default_rng(0)
    images = []
    for _ in range(count):
        image = rng.integers(185, 195, (96, 96)).astype(np.uint8)
        for _ in range(int(rng.integers(8, 20))):
            column, row, radius = (int(value) for value in (*rng.integers(0, 96, 2), rng.integers(5, 9)))
            cv2.circle(image, (column, row), radius, int(rng.integers(90, 150)), -1)
        images.append(image[None])
    images, truth = planted(images, "mirrored", count // 100, rng)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs, seconds = found(images)
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    hits = {"found": len(pairs & truth), "planted": len(truth), "others": len(pairs - truth)}
    return {"images": len(images), "seconds": seconds, "mebibytes_more": more} | hits


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=60, help="of each simulated set")
    parser.add_argument("--planted", type=int, default=10, help="copies of each kind")
    parser.add_argument("--many", type=int, default=10000, help="images of the largest set")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    found_in = {"scale": [scale(count) for count in (given.many // 10, given.many)]}  # first: memory only grows
    print(json.dumps(found_in["scale"]), flush=True)
    found_in["sets"] = {}
    for name, images in {**simulated(given.frames), **real()}.items():
        found_in["sets"][name] = row_of(images, given.planted)
        print(name, json.dumps(found_in["sets"][name]), flush=True)
    given.out.write_text(json.dumps(found_in, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
