"""Weight maps per second of the U-Net's border term on one core, beside the straightforward version with scipy.

    python benchmarks/weight_maps/run.py [--maps 8] [--size 448] [--nuclei 100]

Truth of `hemoseg simulate`, kind nuclei. The straightforward version takes a distance transform of the whole image per
cell, keeps them all and sorts them. Both take turns on the same maps in one run, so that what else the machine does
falls on both. Prints the median over the maps in seconds of the core and of the clock, the ratio of the former, the
largest difference and the largest memory that Python objects took.
"""

import argparse
import sys
import time
import tracemalloc
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from hemoseg.labels.border_weights import border_weights
from hemoseg.simulation import nuclei


def straightforward(instances, strength=10.0, sigma=5.0):
    """The same map, float64, by one distance transform of the image per cell."""
    numbers = np.unique(instances[instances > 0])
    if len(numbers) < 2:
        return np.zeros(instances.shape)
    distances = np.sort([distance_transform_edt(instances != number) for number in numbers], axis=0)
    return np.where(instances == 0, strength * np.exp(-((distances[0] + distances[1]) ** 2) / (2 * sigma**2)), 0)


def timed(function, instances):
    clock, core = time.perf_counter(), time.process_time()
    result = function(instances)
    return result, time.process_time() - core, time.perf_counter() - clock


def memory(function, instances):
    tracemalloc.start()
    function(instances)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--maps", type=int, default=8)
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--nuclei", type=float, default=100)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    settings = {"height": args.size, "width": args.size, "nuclei": args.nuclei * nuclei.FIELD / args.size**2}
    maps = [nuclei.simulate_frame(settings, seed=0, index=index).instances for index in range(args.maps + 1)]
    both = {"hemoseg": border_weights, "scipy": straightforward}
    seconds = {name: [] for name in both}
    difference = 0.0
    for index, instances in enumerate(maps):
        found = {name: timed(function, instances) for name, function in both.items()}
        difference = max(difference, float(np.abs(found["hemoseg"][0] - found["scipy"][0]).max()))
        for name in both if index else ():  # the first map warms up
            seconds[name].append(found[name][1:])
    cells = [len(np.unique(instances)) - 1 for instances in maps[1:]]
    print(f"{args.maps} maps of {args.size}x{args.size}, {min(cells)} to {max(cells)} nuclei, one thread, median")
    core = {name: median(value[0] for value in values) for name, values in seconds.items()}
    for name, function in both.items():
        clock = median(value[1] for value in seconds[name])
        told = f"{1000 * core[name]:8.1f} ms of the core ({1000 * clock:8.1f} ms), {1 / core[name]:7.1f} maps/s"
        print(f"{name:8} {told}, {memory(function, maps[-1]):7.1f} MiB")
    print(f"ratio    {core['scipy'] / core['hemoseg']:8.1f}, largest difference {difference:.2g} of 10")


if __name__ == "__main__":
    main()
