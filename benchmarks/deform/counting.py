"""Multiply-adds and bytes that a convolution of the U-Net cannot do without, counted from its shapes.

A multiply-add is one; a machine's peak counts it as two operations. Not counted: tanh, rounding down, batch norm,
pooling, the optimiser, the padding of channels; all of these make a share of the floor look smaller, not larger.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from hemoseg.nn.deform_native import KEPT_FROM
from hemoseg.nn.unet import UNet

KERNEL = 3
TAPS = KERNEL**2
OFFSETS = 2 * TAPS
CORNERS = 4  # a sample is the weighted sum of four pixels (scd2018, Eq. 3-4)
FLOAT = 4  # bytes

# Numbers per pixel that a form writes to memory between x and y, and reads again: offsets, then their grid or map,
# then the samples under all taps of C channels (`SAMPLES` times C).
BETWEEN = {"plain": 0, "native": 0, "triton": OFFSETS, "torchvision": OFFSETS, "kornia": 2 * OFFSETS}
BETWEEN["kornia3"] = BETWEEN["kornia"]
SAMPLES = {"kornia": TAPS, "kornia3": TAPS, "torchvision": TAPS}


@dataclass(frozen=True)
class Layer:
    """A 3x3 convolution of a network, from ``(B, C, H, W)`` to ``(B, O, H, W)`` or, transposed, ``(B, O, 2H, 2W)``.

    Args:
        batch: images.
        channels: C.
        outputs: O.
        height: H.
        width: W.
        transposed: whether it is a transposed convolution of stride 2, plain in every network.
        input_gradient: whether something trainable lies before it.
    """

    batch: int
    channels: int
    outputs: int
    height: int
    width: int
    transposed: bool = False
    input_gradient: bool = True

    @property
    def pixels(self) -> int:
        """Pixels of x in the batch."""
        return self.batch * self.height * self.width

    def __str__(self) -> str:
        return f"{self.channels}->{self.outputs} @{self.height}x{self.width} B{self.batch}"


def layers_of_unet(size: int, batch: int, *, width: int, levels: int = 3, classes: int = 2) -> list[Layer]:
    """Convolutions of the U-Net in the order they run, seen by hooks on a real one."""
    seen: list[Layer] = []

    def note(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        x = inputs[0]
        transposed = isinstance(module, nn.ConvTranspose2d)
        channels, height, width = x.shape[1:]
        seen.append(Layer(batch, channels, output.shape[1], height, width, transposed, x.requires_grad))

    network = UNet(3, classes, width=width, levels=levels)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(note)
    network(torch.zeros(1, 3, size, size))
    return seen


def operations(layer: Layer, form: str, *, training: bool) -> dict[str, int]:
    """Multiply-adds by part, of the forward pass or of both passes."""
    product = layer.pixels * TAPS * layer.channels * layer.outputs
    parts = {"product": product}
    deformable = form != "plain" and not layer.transposed
    if deformable:
        parts["offset_convolution"] = layer.pixels * TAPS * layer.channels * OFFSETS
        parts["sampling"] = layer.pixels * TAPS * layer.channels * CORNERS
    if not training:
        return parts
    forward = dict(parts)
    parts["gradient_of_kernel"] = product
    if deformable:
        parts["gradient_of_samples"] = product
        parts["gradient_of_offsets"] = forward["sampling"]  # each corner by the sample's gradient, over channels
        parts["gradient_of_offset_kernel"] = forward["offset_convolution"]
        parts["recomputed"] = sum(forward[name] for name in recomputed(layer, form))
    if layer.input_gradient:
        parts["gradient_of_input"] = forward["sampling"] + forward["offset_convolution"] if deformable else product
    return parts


def recomputed(layer: Layer, form: str) -> tuple[str, ...]:
    """What a form computes a second time in its backward pass, because it did not keep it."""
    if form == "native" and not _native_keeps(layer):
        return ("offset_convolution", "sampling")
    return ("sampling",) if form in ("native", "triton", "torchvision") else ()


def _native_keeps(layer: Layer) -> bool:
    """Whether the native form keeps the offsets of a training step."""
    return min(layer.channels, layer.outputs) >= KEPT_FROM


def moved_bytes(layer: Layer, form: str, *, training: bool) -> int:
    """Bytes of x and y, and of what a form keeps in memory between them, each written once and read once.

    Training adds x and the gradient of y, read, the gradient of x, written, what lies between, read, and its
    gradients, written and read. Kernels are some kilobytes and are left out.
    """
    growth = 4 if layer.transposed else 1
    deformable = not layer.transposed
    between = (BETWEEN[form] + SAMPLES.get(form, 0) * layer.channels) if deformable else 0
    numbers = layer.channels + growth * layer.outputs + 2 * between
    if training:
        numbers += 2 * OFFSETS if deformable and form == "native" and _native_keeps(layer) else 0
        numbers += layer.channels * (1 + layer.input_gradient) + growth * layer.outputs + 3 * between
    return FLOAT * layer.pixels * numbers


def total(layers: Iterable[Layer], form: str, *, training: bool) -> tuple[int, int]:
    """Multiply-adds and bytes of several layers."""
    layers = list(layers)
    work = sum(sum(operations(layer, form, training=training).values()) for layer in layers)
    return work, sum(moved_bytes(layer, form, training=training) for layer in layers)


def floor(work: int, moved: int, peaks: dict[str, float]) -> dict[str, float]:
    """Seconds below which the machine's peaks let nobody come, by operations and by bytes."""
    return {"operations": 2 * work / peaks["flops"], "bytes": moved / peaks["bytes"]}
