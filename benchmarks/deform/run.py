"""What the deformable layers cost: every form of the layer beside the plain one, and the bounds the project set.

    python benchmarks/deform/run.py [--threads 2] [--repeats 9] [--quick] [--device cpu] [--json FILE]

Times are medians of rounds in which the forms take turns; ratios are medians of the rounds' ratios. A form whose
numbers are not the kornia form's is not timed. `--quick` shows in seconds that the command works; its figures mean
nothing.
"""

import argparse
import json
import sys
from pathlib import Path

from conditions import ALLOCATOR, Neighbours, reenter

# Sides of the papers' images and how many of them at once; widths; precisions; width of the layers measured alone.
PLANS = {
    "cpu": {"images": [(512, 2), (256, 4)], "widths": [8], "precisions": ["float32"]},
    "cuda": {"images": [(512, 4), (256, 16)], "widths": [8, 32], "precisions": ["float32", "bfloat16"]},
    "quick": {"images": [(32, 1)], "widths": [8], "precisions": ["float32"]},
}


QUICK_MEMORY = 256  # side; a smaller image fits into what the imports leave free


def main() -> None:
    args = parse()
    reenter(args.threads)
    # Only now: torch is loaded once, in the environment it is timed in.
    import table
    from forms import WrongForm

    try:
        result = measure(args)
    except WrongForm as error:
        sys.exit(f"FAULT: {error}")
    print("\n".join(table.lines(result)))
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(result, indent=1) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9, help="rounds of each comparison")
    parser.add_argument("--quick", action="store_true", help="one tiny image, two rounds")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", type=Path, help="file that gets all rows")
    args = parser.parse_args()
    if args.quick:
        args.repeats = 2
    return args


def measure(args: argparse.Namespace) -> dict:
    """All parts of the table, as they go into the JSON file."""
    import bounds
    import forms
    import machine
    import torch

    torch.set_num_threads(args.threads)
    neighbours = Neighbours()
    plan = PLANS["quick" if args.quick else args.device]
    names = forms.available(args.device)
    if forms.FAST[args.device] not in names:
        print(f"WARNING: the {forms.FAST[args.device]} form does not run here", file=sys.stderr)
    peaks = {
        name: machine.measure_peaks(args.device, getattr(torch, name), quick=args.quick) for name in plan["precisions"]
    }
    result = {"machine": machine.describe(args.device) | {"allocator": ALLOCATOR}, "peaks": peaks}
    result |= measure_parts(plan, names, args, peaks)
    result["bounds"] = bounds.judge(args.device, result["networks"], result["memory"])
    result["machine"] |= {"library": machine.loaded_library(), "conditions": neighbours.report()}
    return result


def measure_parts(plan: dict, names: list[str], args: argparse.Namespace, peaks: dict) -> dict:
    """Rows of the layers, of the networks and of their memory."""
    import layers
    import networks

    timed = {"device": args.device, "repeats": args.repeats, "quick": args.quick}
    rows = {"layers": [], "networks": [], "memory": []}
    for size, batch in plan["images"]:
        say(f"layers of a U-Net on {size}x{size}")
        rows["layers"] += layers.measure(size, plan["widths"][0], names, peaks=peaks["float32"], **timed)
        for width in plan["widths"]:
            for precision in plan["precisions"]:
                say(f"U-Net of width {width}, {precision}, on {size}x{size}")
                how = {"device": args.device, "precision": precision}
                rows["networks"] += networks.measure(size, batch, width, names, peaks=peaks[precision], **timed | how)
                side, kept = (QUICK_MEMORY, names[:2]) if args.quick else (size, names)  # a process each
                rows["memory"] += networks.measure_memory(side, batch, width, kept, quick=args.quick, **how)
    return rows


def say(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
