"""Each kind of layer of the U-Net alone: forward, and forward with backward, every form in turns."""

from collections import Counter
from collections.abc import Callable

import counting
import paired
import torch
from counting import Layer
from forms import FAST, build_layer, check_layer
from torch import nn

PASSES = {"forward": False, "forward_backward": True}


def measure(
    size: int, width: int, forms: list[str], *, device: str, repeats: int, peaks: dict, quick: bool = False
) -> list[dict]:
    """Rows of all kinds of layers of a network on images of a size; the kinds come from the network itself.

    Args:
        size: side of the image.
        width: channels of the network's first level.
        forms: names in `forms.FORMS`.
        device: ``cpu`` or ``cuda``.
        repeats: rounds.
        peaks: of `machine.measure_peaks`.
        quick: whether each call is timed once in a round, however short.
    """
    convolutions = [layer for layer in counting.layers_of_unet(size, 1, width=width) if not layer.transposed]
    rows = []
    for layer, times in Counter(convolutions).items():
        for form in forms:
            if form != "plain":
                check_layer(form, layer.channels, layer.outputs, (layer.height, layer.width), device)
        for name, training in PASSES.items():
            calls = {form: _call(layer, form, device, training=training) for form in forms}
            rounds = paired.time_rounds(calls, repeats, device, quick=quick)
            about = {"network_size": size, "width": width, "pass": name, "in_network": times}
            rows += [about | _row(layer, form, rounds, peaks, device, training=training) for form in forms]
    return rows


def _call(layer: Layer, form: str, device: str, *, training: bool) -> Callable[[], object]:
    module = build_layer(form, layer.channels, layer.outputs).to(device)
    x = torch.randn(layer.batch, layer.channels, layer.height, layer.width, device=device)
    x = x.contiguous(memory_format=torch.channels_last)
    return _training_call(module, x, layer.input_gradient) if training else _inference_call(module, x)


def _inference_call(module: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    def call():
        with torch.inference_mode():
            return module(x)

    return call


def _training_call(module: nn.Module, x: torch.Tensor, input_gradient: bool) -> Callable[[], object]:
    x.requires_grad_(input_gradient)
    with torch.no_grad():
        towards = torch.randn_like(module(x))
    asked = [*([x] if input_gradient else []), *module.parameters()]
    return lambda: torch.autograd.grad(module(x), asked, towards)


def _row(layer: Layer, form: str, rounds: paired.Rounds, peaks: dict, device: str, *, training: bool) -> dict:
    parts = counting.operations(layer, form, training=training)
    moved = counting.moved_bytes(layer, form, training=training)
    floor = counting.floor(sum(parts.values()), moved, peaks)
    seconds = paired.spread(rounds[form])
    row = {
        "layer": str(layer),
        "form": form,
        "seconds": seconds,
        "ratio_to_plain": paired.ratios(rounds, form, "plain"),
        "ratio_to_kornia": paired.ratios(rounds, form, "kornia"),
        "multiply_adds": parts | {"all": sum(parts.values())},
        "bytes": moved,
        "floor_seconds": floor,
        "share_of_floor": {kind: value / seconds["median"] for kind, value in floor.items()},
        "rounds": rounds[form],
    }
    fast = FAST[device]
    return row | ({"ratio_to_fast_form": paired.ratios(rounds, form, fast)} if fast in rounds else {})
