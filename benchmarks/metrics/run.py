"""All measures of many images and of a very large one against their goals, and beside MONAI, scipy and StarDist.

    OMP_NUM_THREADS=1 python benchmarks/metrics/run.py [--out benchmarks/results/metrics_cpu.json]

One core, minutes, no GPU. Frames are drawn (`drawings.py`): ellipses of three classes, many of which touch, and
predictions that are off by a pixel, miss 5 % and give 10 % another class. Everything is warmed up first.

* Goals: what `evaluate` counts of 64 images of 512 x 512 with 150 cells and probabilities of four classes, then every
  column of every class, at most 3 s; the same of one label image of 12 megapixels with 7,000 cells, which has no
  probabilities, at most 4 s. The largest memory that counting took is told too, that of frames and predictions aside.
* Ratios: ours and a reference take turns on the same masks, so that what else the machine does falls on both; told is
  the median over the rounds of seconds of theirs / seconds of ours, above 1 where ours is faster. `surfaces` gives
  Hausdorff distance, its percentile, mean surface distance and surface Dice at once, and is held against each alone.

Seconds are of the processor, since that is what a busy neighbour leaves alone; the clock's stand beside them.
"""

import argparse
import json
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from drawings import drawn
from references import pairs_of

from hemoseg.steps.counting import count, read_settings
from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.conventions import read
from hemoseg.tables.table import AVERAGE, score

LEAST_AREA = 50.0
GOALS = {
    "64 images of 512 x 512, 150 cells, probabilities": (64, (512, 512), 150, True, 3.0),
    "label image of 12 megapixels, 7,000 cells": (1, (3000, 4000), 7000, False, 4.0),
}


def measured(samples, predictions) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of counting and of all columns, and the scores."""
    clock, core = time.perf_counter(), time.process_time()
    pixels, cells, arrays = count(samples, predictions, read_settings({}), LEAST_AREA)
    counted = time.process_time() - core
    soft = (arrays["counts"], arrays["reliability"]) if len(arrays["counts"]) else (None, None)
    run = Run("model", "split", 0, pixels, cells, *soft)
    names = [*run.class_names.values(), AVERAGE]
    scores = {
        f"{key} {name}": score(column, run, name, read({"background": "out"}))
        for key, column in COLUMNS.items()
        for name in (names if column.per_class else ["all"])
    }
    seconds = {"core": time.process_time() - core, "counting": counted, "clock": time.perf_counter() - clock}
    return seconds, scores


def against_goal(number: int, shape: tuple[int, int], cells: int, soft: bool, most: float, rounds: int) -> dict:
    """The best of several rounds, the memory of a last one, and how many numbers came of it."""
    samples, predictions, _ = drawn(number, shape, cells, soft=soft)
    found = [measured(samples, predictions) for _ in range(rounds)]
    tracemalloc.start()
    measured(samples, predictions)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    best = min((seconds for seconds, _ in found), key=lambda seconds: seconds["core"])
    known = sum(not np.isnan(value) for value in found[0][1].values())
    return {"seconds": best, "goal": most, "met": best["core"] <= most, "peak_mib": round(peak), "scores": known}


def ratio(ours: Callable, theirs: Callable, rounds: int) -> dict[str, float]:
    """Median seconds of both, and of the ratio of the rounds."""
    ours(), theirs()
    seconds = []
    for number in range(rounds):
        order = [ours, theirs] if number % 2 else [theirs, ours]
        taken = {call: _seconds(call) for call in order}
        seconds.append((taken[ours], taken[theirs]))
    mine, others = zip(*seconds, strict=True)
    return {
        "ours": median(mine),
        "theirs": median(others),
        "ratio": median(b / a for a, b in seconds),
        "least": min(b / a for a, b in seconds),
    }


def _seconds(call: Callable, enough: float = 0.05) -> float:
    """Processor seconds of a call, of as many as take a moment together."""
    core, calls = time.process_time(), 0
    while not calls or time.process_time() - core < enough:
        call()
        calls += 1
    return (time.process_time() - core) / calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=7, help="of each ratio")
    parser.add_argument("--goal-rounds", type=int, default=3, help="of each goal; the best counts")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    measured(*drawn(2, (128, 128), 12, soft=True)[:2])
    told = {"goals": {}, "ratios": [], "python": platform.python_version(), "processor": _processor()}
    for name, (number, shape, cells, soft, most) in GOALS.items():
        line = against_goal(number, shape, cells, soft, most, rounds=args.goal_rounds)
        told["goals"][name] = line
        print(f"{'met' if line['met'] else 'MISSED':7}{line['seconds']['core']:6.2f} s (goal {most:g} s), ", end="")
        print(f"clock {line['seconds']['clock']:.2f} s, {line['peak_mib']} MiB more, {line['scores']} scores: {name}")
    print(f"\n{'theirs / ours':>14} {'ours ms':>9} {'theirs ms':>10}")
    for size, measure, reference, ours, theirs in pairs_of(drawn):
        line = {"size": size, "measure": measure, "reference": reference} | ratio(ours, theirs, args.rounds)
        told["ratios"].append(line)
        print(f"{line['ratio']:14.1f} {line['ours'] * 1e3:9.2f} {line['theirs'] * 1e3:10.2f}  ", end="")
        print(f"{measure} beside {reference}, {size}")
    told["load_average"] = os.getloadavg()
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(told, indent=2) + "\n")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
