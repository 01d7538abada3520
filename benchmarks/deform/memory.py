"""Peak memory of one training step in this fresh process, above what it holds after a step on a 16x16 image.

    python benchmarks/deform/memory.py FORM SIZE BATCH WIDTH THREADS

The peak is that of this process's own pages. `getrusage` would not do: across fork and exec it keeps the parent's.
"""

import json
import re
import sys
from contextlib import suppress
from pathlib import Path

import torch
from forms import build_unet
from networks import training_step

WARM_UP = 16  # side of the image of the first step


def main() -> None:
    form, size, batch, width, threads = sys.argv[1], *map(int, sys.argv[2:6])
    torch.set_num_threads(threads)
    network = build_unet(form, width)
    training_step(network, WARM_UP, 1, "cpu")()
    step = training_step(network, size, batch, "cpu")
    with suppress(OSError):  # else the peak of the imports stands, which is below that of a step
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far becomes what is held now
    before = _bytes("VmRSS")
    step()
    print(json.dumps({"before_bytes": before, "peak_bytes": _bytes("VmHWM") - before}))


def _bytes(name: str) -> int:
    """A number of kilobytes that the kernel keeps of this process."""
    return 1024 * int(re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text()).group(1))


if __name__ == "__main__":
    main()
