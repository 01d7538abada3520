"""Peak memory of one training step in this fresh process, above what it holds after a step on a 16x16 image.

    python benchmarks/deform/memory.py FORM SIZE BATCH WIDTH THREADS

The peak is that of this process's own pages. `getrusage` would not do: across fork and exec it keeps the parent's.
"""

import argparse
import json
import re
from contextlib import suppress
from pathlib import Path

import torch
from forms import build_unet
from networks import training_step

WARM_UP = 16  # side of the image of the first step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("form", help="of the convolution, a key of `forms.FORMS`")
    for name, told in (
        ("size", "side of the images"),
        ("batch", "images"),
        ("width", "of the U-Net"),
        ("threads", "of torch"),
    ):
        parser.add_argument(name, type=int, help=told)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    network = build_unet(given.form, given.width)
    training_step(network, WARM_UP, 1, "cpu")()
    step = training_step(network, given.size, given.batch, "cpu")
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
