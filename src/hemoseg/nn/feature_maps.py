"""What the first convolution of a network puts out and what its head reads, seen by hooks in any network."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hemoseg.nn.deform_conv import DeformConv2d

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, DeformConv2d)
LEVELS = ("low", "high")
STRIDES = (1, 2, 4, 8, 16, 32, 64)


class FeatureMap(NamedTuple):
    """Maps ``(C, h, w)`` over an image: of which layer, and how many pixels of the image a pixel of theirs is wide."""

    layer: str
    stride: int
    values: Tensor


@torch.no_grad()
def feature_maps(network: nn.Module, image: Tensor) -> dict[str, FeatureMap]:
    """Low-level and high-level features of one image.

    ``low`` is what the first convolution puts out, before any norm and activation; ``high`` is what the last one reads,
    which makes the logits. Convolutions are counted in the order in which they run, those that run once over the whole
    image: the heads of a detector, which run on its boxes, are not among them. What a network fills up below and to the
    right of the image is cut off again.

    Args:
        network: in evaluation mode.
        image: normalised, ``(1, C, H, W)``.

    Returns:
        A map for each of `LEVELS`.

    Raises:
        ValueError: no convolution of the network runs over the image.
    """
    names = {module: name for name, module in network.named_modules()}
    offsets = {layer.offset for layer in names if isinstance(layer, DeformConv2d)}
    found: dict[str, FeatureMap] = {}
    filled: list[tuple[int, int]] = []

    def note(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        filled.append(tuple(given[0].shape[-2:]))
        before, after = (_stride(values, filled[0]) for values in (given[0], made))
        if before and after:
            # The activation that follows may write into the same memory.
            found.setdefault("low", FeatureMap(names[module], after, made[0].clone()))
            found["high"] = FeatureMap(names[module], before, given[0][0])

    layers = [layer for layer in names if isinstance(layer, LAYERS) and layer not in offsets]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        network(image)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise ValueError("no convolution of it runs over the whole image")
    return {level: _cut(found[level], image.shape[-2:]) for level in LEVELS}


def _stride(values: Tensor, filled: tuple[int, int]) -> int:
    """Pixels of the filled image per pixel of a map; 0 where the map lies over no whole image."""
    if values.dim() != 4 or len(values) != 1:
        return 0
    fitting = (s for s in STRIDES if tuple(values.shape[-2:]) == tuple(-(-side // s) for side in filled))
    return next(fitting, 0)


def _cut(one: FeatureMap, size: tuple[int, int]) -> FeatureMap:
    """The maps over the image of this size alone."""
    height, width = (-(-side // one.stride) for side in size)
    return one._replace(values=one.values[:, :height, :width].float())
