"""The whole U-Net: a training step with Adam, a prediction, and the memory a step takes at its peak."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import counting
import paired
import torch
from conditions import ALLOCATOR
from forms import CLASSES, build_unet, check_unet
from torch import nn
from torch.nn import functional as F

from hemoseg.nn.folding import fold_batch_norms

MEMORY = Path(__file__).parent / "memory.py"
TASKS = {"training_step": True, "prediction": False}


def measure(
    size: int, batch: int, width: int, forms: list[str], *, device: str, repeats: int, peaks: dict,
    precision: str = "float32", quick: bool = False,
) -> list[dict]:  # fmt: skip
    """Rows of both tasks for one size of images; see `layers.measure`.

    Args:
        batch: images of a step and of a prediction.
        precision: ``float32``, or ``bfloat16`` by autocast.
    """
    for form in forms:
        if form != "plain":
            check_unet(form, width, device)
    layers = counting.layers_of_unet(size, batch, width=width)
    about = {"size": size, "batch": batch, "width": width, "precision": precision}
    rows = []
    for task, training in TASKS.items():
        make = training_step if training else prediction
        calls = {form: make(build_unet(form, width), size, batch, device, precision) for form in forms}
        rounds = paired.time_rounds(calls, repeats, device, quick=quick)
        for form in forms:
            work, moved = counting.total(layers, form, training=training)
            floor = counting.floor(work, moved, peaks)
            rows.append(about | {"task": task, "form": form} | _times(rounds, form, work, moved, floor))
    return rows


def _times(rounds: paired.Rounds, form: str, work: int, moved: int, floor: dict[str, float]) -> dict:
    seconds = paired.spread(rounds[form])
    return {
        "seconds": seconds,
        "ratio_to": {other: paired.ratios(rounds, form, other) for other in rounds},
        "multiply_adds": work,
        "bytes": moved,
        "floor_seconds": floor,
        "share_of_floor": {kind: value / seconds["median"] for kind, value in floor.items()},
        "rounds": rounds[form],
    }


def training_step(
    network: nn.Module, size: int, batch: int, device: str, precision: str = "float32"
) -> Callable[[], object]:
    """One step of Adam on the cross-entropy of random images and labels, batch norm as in training."""
    network = network.to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    images = draw_images(size, batch, device)
    labels = torch.randint(CLASSES, (batch, size, size), device=device)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with _precision(device, precision):
            loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()

    return step


def prediction(
    network: nn.Module, size: int, batch: int, device: str, precision: str = "float32"
) -> Callable[[], object]:
    """Logits of random images in evaluation mode, batch norms folded as `hemoseg predict` does."""
    network = fold_batch_norms(network.to(device).eval())
    images = draw_images(size, batch, device)

    def predict():
        with torch.inference_mode(), _precision(device, precision):
            return network(images)

    return predict


def draw_images(size: int, batch: int, device: str) -> torch.Tensor:
    """Random images, standardised, channels last."""
    return torch.randn(batch, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)


def _precision(device: str, precision: str):
    return nullcontext() if precision == "float32" else torch.autocast(device, getattr(torch, precision))


def measure_memory(
    size: int, batch: int, width: int, forms: list[str], *, device: str, precision: str = "float32", quick: bool = False
) -> list[dict]:
    """Peak memory of a training step above the loaded process, a fresh process for each form on a processor.

    There, ``peak_bytes`` is with the allocator set as for jobs, ``peak_bytes_default_allocator`` as glibc sets it.
    """
    about = {"size": size, "batch": batch, "width": width, "precision": precision}
    rows = []
    for form in forms:
        if device == "cuda":
            peaks = {"peak_bytes": _cuda_peak(form, size, batch, width, precision)}
        else:
            peaks = {"peak_bytes": _fresh_peak(form, size, batch, width, ALLOCATOR)}
            if not quick:
                peaks["peak_bytes_default_allocator"] = _fresh_peak(form, size, batch, width, {})
        rows.append(about | {"form": form} | peaks)
    plain = next(row for row in rows if row["form"] == "plain")
    return [row | {"ratio_to_plain": row["peak_bytes"] / plain["peak_bytes"]} for row in rows]


def _fresh_peak(form: str, size: int, batch: int, width: int, allocator: dict[str, str]) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in ALLOCATOR} | allocator
    words = [form, str(size), str(batch), str(width), str(torch.get_num_threads())]
    done = subprocess.run(
        [sys.executable, str(MEMORY), *words], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)["peak_bytes"]


def _cuda_peak(form: str, size: int, batch: int, width: int, precision: str) -> int:
    step = training_step(build_unet(form, width), size, batch, "cuda", precision)
    step()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before
