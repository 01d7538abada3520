"""What every network of the project costs: parameters, counted operations, latency and throughput, in one run.

    python benchmarks/models/run.py [--scale paper] [--size 512 512] [--batch 8] [--repeats 7] [--device cuda]
                                    [--rows unet vgg16_unet] [--out benchmarks/results/models_NAME.json]

Rows are the networks of all experiments of params.yaml with the settings of that scale, each once, both widths of
vgg16_unet, and the networks that no experiment runs, as they are built without settings. Weights are random: what a
detector finds, and with it the operations of its heads, differs from a trained one. Images are random too, three
channels, three classes, and prediction is that of `hemoseg predict`: batch norms folded, channels last, no gradients,
one window, float32 (convolutions on a GPU as torch sets them: TF32).

A round times each network once, by a call of one image and by one of a batch, so that what else the machine does falls
on all; before it each call ran twice. Printed and written are medians over the rounds, with quartiles in the file.
Operations are those of `hemoseg.nn.operations`: convolutions and matrix products counted by torch's flop counter,
deformable layers by formula; nothing else is counted.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "deform"))
sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from machine import describe
from paired import spread, time_rounds
from plan import resolve

from hemoseg import models
from hemoseg.nn.folding import fold_batch_norms
from hemoseg.nn.operations import counted

REPOSITORY = Path(__file__).parents[2]
CHANNELS, CLASSES = 3, 3  # of autocsc's images
# Both readings of autocsc's network; no published weights fit the second.
ALSO = (("vgg16_unet", {"width": "full"}), ("vgg16_unet", {"width": "half"}))


def networks(scale: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Network, settings and the experiments that have it, each pair of network and settings once."""
    with chdir(REPOSITORY):  # the plan looks code up from there
        plan = resolve(yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")) | {"scale": scale})
    found: dict[str, tuple[str, dict[str, Any], list[str]]] = {}
    rows = [
        (model["network"], model["settings"], name)
        for name, experiment in plan["experiments"].items()
        for model in experiment["models"].values()
        if not model["weights_from"]  # else another row's network
    ]
    rows += [(network, settings, "") for network, settings in ALSO]
    known = {network for network, _, _ in rows}
    rows += [(name, {}, "") for name in models.names() if name not in known]
    for network, settings, experiment in rows:
        if models.is_network(models.load(network)):
            one = found.setdefault(json.dumps([network, settings], sort_keys=True), (network, settings, []))
            one[2].extend({experiment} - {"", *one[2]})
    yield from found.values()


def ready(network: str, settings: dict[str, Any], device: str) -> nn.Module:
    """A network as `hemoseg predict` runs it."""
    torch.manual_seed(0)
    module = models.load(network)
    if hasattr(module, "settle"):
        settings = module.settle(settings, [cells()])
    made = module.build(CHANNELS, CLASSES, **settings)
    return made.to(device, memory_format=torch.channels_last).eval()


def cells() -> np.ndarray:
    """Training cells that anchors take their sides from: squares of red cells and macrophages at 0.25 um a pixel."""
    labels = np.zeros((512, 512), np.int32)
    for number, side in enumerate((24, 24, 24, 66)):  # autocsc, data: 5-7 um and 13-20 um
        labels[8 : 8 + side, 100 * number + 8 : 100 * number + 8 + side] = number + 1
    return labels


def measure(rows: list[tuple], size: tuple[int, int], batch: int, repeats: int, device: str) -> list[dict[str, Any]]:
    """A row per network: what it is, what it costs."""
    found, calls = [], {}
    one, many = (torch.randn(n, CHANNELS, *size, device=device) for n in (1, batch))
    one, many = (x.contiguous(memory_format=torch.channels_last) for x in (one, many))
    for number, (network, settings, experiments) in enumerate(rows):
        made = ready(network, settings, device)
        parameters = sum(part.numel() for part in made.parameters())
        with torch.inference_mode(), counted() as operations:
            made(one)
        made = fold_batch_norms(made)
        calls[f"{number} 1"] = predicting(made, one)
        calls[f"{number} n"] = predicting(made, many)
        facts = {"network": network, "settings": settings, "experiments": experiments, "parameters": parameters}
        facts |= {"flops": operations.total, "flops_by_formula": operations.by_formula}
        found.append(facts)
    rounds = time_rounds(calls, repeats, device)
    for number, facts in enumerate(found):
        latency, of_batch = rounds[f"{number} 1"], rounds[f"{number} n"]
        facts |= {"seconds_batch_1": spread(latency), "seconds_batch": spread(of_batch)}
        facts |= {"images_per_second": spread([batch / seconds for seconds in of_batch])}
    return found


def predicting(network: nn.Module, images: torch.Tensor):
    """A call that predicts the images."""

    def predict() -> torch.Tensor:
        with torch.inference_mode():
            return network(images)

    return predict


def table(found: list[dict[str, Any]], batch: int) -> str:
    """The rows for people, as Markdown."""
    head = [
        "network",
        "settings",
        "parameters",
        "GFLOP",
        "of them by formula",
        "ms, batch 1",
        f"images/s, batch {batch}",
    ]
    lines = [head, ["---"] * 2 + ["---:"] * (len(head) - 2)]
    for one in found:
        settings = ", ".join(f"{key} {value}" for key, value in one["settings"].items())
        share = f"{one['flops_by_formula'] / 1e9:.1f}" if one["flops_by_formula"] else "0"
        numbers = [f"{one['parameters']:,}", f"{one['flops'] / 1e9:.1f}", share]
        numbers += [f"{1000 * one['seconds_batch_1']['median']:.1f}", f"{one['images_per_second']['median']:.2f}"]
        lines.append([one["network"], settings, *numbers])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Measure, print, and write where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", default="paper", choices=["demo", "paper"])
    parser.add_argument("--size", type=int, nargs=2, default=[512, 512])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cpu", "cuda"])
    parser.add_argument("--rows", nargs="*", help="networks to measure; all")
    parser.add_argument("--out", type=Path, help="JSON to write")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    rows = [row for row in networks(args.scale) if not args.rows or row[0] in args.rows]
    found = measure(rows, tuple(args.size), args.batch, args.repeats, args.device)
    machine = describe(args.device) | {"convolutions_in_tf32": torch.backends.cudnn.allow_tf32}
    how = {"scale": args.scale, "size": args.size, "channels": CHANNELS, "classes": CLASSES, "batch": args.batch}
    print(f"{args.size[0]}x{args.size[1]}, {machine['device']}, {machine['cpu_model']}, {args.threads} threads, "
          f"medians of {args.repeats} rounds")  # fmt: skip
    print(table(found, args.batch))
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(
            json.dumps({"machine": machine} | how | {"repeats": args.repeats, "rows": found}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
