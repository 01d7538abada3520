"""Where the last convolutions of a U-Net sample: the points of their kernels, composed layer by layer.

A pixel of the last layer reads the map before it at nine points (scd2018, Eq. 1: ``p0 + p_n + dp_n``), each of these
points reads the map before that at nine points, and so on; a point of weight w is reached on w ways. Points are
(row, column) float64 ``(N, 2)``, the middle of the first pixel is (0, 0). A point that blends no pixel of its map
reads zeros and is left out, so near the image's border the weights sum to less than ``9 ** depth``. That the offsets
depend on the input themselves is not drawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from torch import Tensor, nn

from hemoseg.nn.deform_conv import DeformConv2d
from hemoseg.nn.unet import UNet

PATHS = ("skip", "up")
OFFSETS = ("interpolated", "neighbours")
SAME = 9  # decimals of a pixel: nearer points are one


class Layer(NamedTuple):
    """A 3x3 convolution: its module's name, sample pixels per pixel of its map, what it is called, the module."""

    name: str
    stride: int
    words: str
    module: nn.Module


class Points(NamedTuple):
    """Points ``(N, 2)`` and on how many ways each is reached ``(N,)``."""

    at: np.ndarray
    weight: np.ndarray


def layers_of(network: nn.Module) -> list[Layer]:
    """The 3x3 convolutions of a U-Net in the order of the data.

    Raises:
        ValueError: the network is no U-Net of plain or deformable convolutions.
    """
    if not isinstance(network, UNet):
        raise ValueError("it is no U-Net of plain or deformable 3x3 convolutions")
    levels = len(network.down)
    parts = [(level, 2**i, f"encoder {i + 1}") for i, level in enumerate(network.down)]
    parts += [(network.bottom, 2**levels, "bottom")]
    parts += [(level, 2 ** (levels - 1 - i), f"decoder {levels - i}") for i, level in enumerate(network.decode)]
    names = {module: name for name, module in network.named_modules()}
    found = []
    for level, stride, words in parts:
        pair = [part for part in level if _samples(part)]
        if len(pair) != 2:
            raise ValueError("its levels are no pairs of plain or deformable 3x3 convolutions")
        found += [Layer(names[one], stride, f"{words}, {nth}", one) for one, nth in zip(pair, "ab", strict=True)]
    return found


def _samples(module: nn.Module) -> bool:
    plain = isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3)
    return plain or (isinstance(module, DeformConv2d) and module.weight.shape[-1] == 3)


def last_layers(network: nn.Module, path: str = "skip") -> list[Layer]:
    """The 3x3 convolutions from the output back to the image (``skip``) or to the bottom (``up``), last first.

    Where the decoder joins two maps the way back follows the encoder's (``skip``: first decoder level, then first
    encoder level, all at full resolution) or the transposed convolution's (``up``: level by level down to the bottom).

    Raises:
        ValueError: an unknown path, or a network that `layers_of` refuses.
    """
    if path not in PATHS:
        raise ValueError(f"unknown path {path!r}; the paths are {', '.join(PATHS)}")
    layers = layers_of(network)
    bottom = 2 * len(network.down)
    return layers[:-3:-1] + (layers[1::-1] if path == "skip" else layers[-3 : bottom - 1 : -1])


@torch.no_grad()
def layer_inputs(network: nn.Module, images: Tensor) -> Iterator[tuple[str, DeformConv2d, Tensor]]:
    """Name, layer and input of each deformable layer in a pass over images ``(B, C, H, W)``.

    The compiled forms compute offsets inside the layer, so the input is caught, from which `DeformConv2d.offsets`
    makes them anew. Batch norms stay where they are: call it on a network in evaluation mode.
    """
    caught: list[tuple[str, DeformConv2d, Tensor]] = []
    hooks = [
        module.register_forward_pre_hook(lambda layer, given, name=name: caught.append((name, layer, given[0].clone())))
        for name, module in network.named_modules()
        if isinstance(module, DeformConv2d)
    ]
    try:
        network(images)
    finally:
        for hook in hooks:
            hook.remove()
    yield from caught


def sampling_points(
    pixel: tuple[int, int],
    layers: Sequence[Layer],
    offsets: Mapping[str, np.ndarray],
    size: tuple[int, int],
    *,
    read: str = "interpolated",
) -> Points:
    """The points at which the last of ``layers`` samples its input for the value of one output pixel.

    Args:
        pixel: row and column of the output.
        layers: from the output back (`last_layers`), as many as the composition is deep.
        offsets: of each deformable layer by name, ``(18, h, w)`` in pixels of its map; a plain layer has none.
        size: rows and columns of the network's full-resolution maps, a multiple of its stride.
        read: how a layer that is sampled between its pixels moves its own taps. ``interpolated``: by the offsets
            interpolated there, a point per way, as the papers draw them. ``neighbours``: the point is the blend of
            four pixels (Eq. 4), each with its own offsets, which is what the network computes.

    Returns:
        Points in sample pixels: a pixel of a map of stride s lies in the middle of s by s of them.

    Raises:
        ValueError: an unknown way to read, or no layer.
    """
    if read not in OFFSETS or not layers:
        raise ValueError(f"read is {read!r}, one of {', '.join(OFFSETS)}; {len(layers)} layers, at least 1")
    points, stride = Points(np.array([pixel], np.float64), np.ones(1)), 1
    for layer in layers:
        if layer.stride != stride:
            points = _before_upsampling(at_pixels(points, _divided(size, stride)))
            stride = layer.stride
        here = _divided(size, stride)
        points = at_pixels(points, here) if read == "neighbours" else _reading(points, here)
        points = _taps(points, offsets.get(layer.name))
    points = _reading(_merged(points), _divided(size, stride))
    return Points((points.at + 0.5) * stride - 0.5, points.weight)


def at_pixels(points: Points, size: tuple[int, int]) -> Points:
    """Points as the pixels that they blend (scd2018, Eq. 4); pixels outside ``size`` add nothing."""
    base = np.floor(points.at)
    part = points.at - base
    pixels, weights = [], []
    for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = np.prod(np.where(corner, part, 1 - part), axis=1)
        pixels.append(base + corner)
        weights.append(points.weight * share)
    at, weight = np.concatenate(pixels), np.concatenate(weights)
    kept = (weight > 0) & np.all((at >= 0) & (at < size), axis=1)
    return _merged(Points(at[kept], weight[kept]))


def _taps(points: Points, offset: np.ndarray | None) -> Points:
    """The nine points that each point's kernel reads."""
    grid = np.stack(np.meshgrid((-1, 0, 1), (-1, 0, 1), indexing="ij"), axis=-1).reshape(1, 9, 2)
    at = points.at[:, None] + grid
    if offset is not None:
        # Beyond the last pixel the field goes on as it ends.
        moved = [map_coordinates(field, points.at.T, np.float64, order=1, mode="nearest") for field in offset]
        at = at + np.stack(moved, axis=-1).reshape(-1, 9, 2)
    return Points(at.reshape(-1, 2), np.repeat(points.weight, 9))


def _before_upsampling(pixels: Points) -> Points:
    """Pixels of the input that a 3x3 transposed convolution of stride 2 (padding 1) blends to pixels of its output."""
    sides = []
    for axis in (0, 1):
        at = pixels.at[:, axis]
        odd = at % 2  # an even position is reached by the middle tap alone, an odd one by the two outer taps
        sides.append(((at - odd) / 2, (at + odd) / 2, odd > 0))
    at, weight = [], []
    for rows, row_counts in ((sides[0][0], True), (sides[0][1], sides[0][2])):
        for columns, column_counts in ((sides[1][0], True), (sides[1][1], sides[1][2])):
            at.append(np.stack([rows, columns], axis=1))
            weight.append(pixels.weight * (row_counts & column_counts))
    joined = Points(np.concatenate(at), np.concatenate(weight))
    kept = joined.weight > 0
    return _merged(Points(joined.at[kept], joined.weight[kept]))


def _reading(points: Points, size: tuple[int, int]) -> Points:
    """The points that blend a pixel of a map at all."""
    kept = np.all((points.at > -1) & (points.at < size), axis=1)
    return Points(points.at[kept], points.weight[kept])


def _merged(points: Points) -> Points:
    at, which = np.unique(np.round(points.at, SAME) + 0.0, axis=0, return_inverse=True)
    return Points(at, np.bincount(which.ravel(), points.weight, minlength=len(at)))


def _divided(size: tuple[int, int], stride: int) -> tuple[int, int]:
    return size[0] // stride, size[1] // stride
