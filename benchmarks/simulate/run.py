"""Frames per second of `hemoseg simulate` on one core, PNG writing included.

    python benchmarks/simulate/run.py [--kind smear] [--frames 12] [--bit-depth 8] [--channels 4]

Prints the median over frames, for drawing, for writing and for both, in seconds of the processor: what else runs on the
machine does not count. ``--channels`` is of smears alone.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import cv2

from hemoseg.simulation import generator
from hemoseg.steps.simulate import write_frame


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", default="smear")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--bit-depth", type=int, default=8)
    parser.add_argument("--channels", type=int)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    kind = generator(args.kind)
    channels = {} if args.channels is None else {"channels": args.channels}
    settings = kind.check({"bit_depth": args.bit_depth} | channels)
    drawing, writing = [], []
    with tempfile.TemporaryDirectory() as folder:
        for part in ("images", "instances", "classes"):
            (Path(folder) / part).mkdir()
        for index in range(args.frames + 1):
            start = time.process_time()
            frame = kind.simulate_frame(settings, seed=0, index=index)
            drawn = time.process_time()
            write_frame(frame, f"frame_{index:04d}", args.kind, 0, Path(folder))
            if index:  # the first frame warms up
                drawing.append(drawn - start)
                writing.append(time.process_time() - drawn)
    both = [a + b for a, b in zip(drawing, writing, strict=True)]
    height, width, depth = frame.image.shape
    print(f"{args.kind}, {width}x{height}x{depth}, {args.bit_depth} bit, one thread, median of frames")
    print(f"draw  {1000 * median(drawing):6.0f} ms")
    print(f"write {1000 * median(writing):6.0f} ms")
    print(f"both  {1000 * median(both):6.0f} ms = {1 / median(both):.2f} frames/s")


if __name__ == "__main__":
    main()
