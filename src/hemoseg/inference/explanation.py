"""What figures need from trained U-Nets: sampling points of chosen pixels, offsets by distance to cells."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from hemoseg.data.offset_sums import SUMS
from hemoseg.inference.border_following import (
    EDGES,
    Borders,
    borders_of,
    offsets_by,
    on_layer,
    random_kernel,
    tally,
)
from hemoseg.inference.chosen_pixels import Pixel
from hemoseg.nn.deform_conv import DeformConv2d
from hemoseg.nn.sampling import last_layers, layer_inputs, layers_of, sampling_points

COLUMNS = ("model", "seed", "kind", "sample", "pixel_row", "pixel_column", "depth", "row", "column", "weight")
OTHERS = 4  # other images whose borders an image's offsets are held against


class Explained(NamedTuple):
    """A trained network in evaluation mode, the row and seed that it is of, and what makes its input ``(C, H, W)``."""

    model: str
    seed: int
    network: nn.Module
    normalise: Callable[[Tensor], Tensor]


class Test(NamedTuple):
    """A test sample: id, image ``(C, H, W)`` in the source's numbers, true cells ``(H, W)``."""

    sample: str
    image: Tensor
    cells: np.ndarray


def sampling(
    one: Explained, pixels: Sequence[Pixel], images: dict[str, Tensor], depths: Sequence[int], path: str, read: str
) -> pd.DataFrame:
    """Points at which a network samples for each pixel, a row per point, in sample pixels.

    Returns:
        The columns `COLUMNS`; no row where there is no pixel.

    Raises:
        ValueError: a depth of more layers than the path has.
    """
    layers = last_layers(one.network, path)
    if max(depths) > len(layers):
        raise ValueError(f"{one.model}: the path {path!r} has {len(layers)} layers, not {max(depths)}")
    tables = [pd.DataFrame(columns=list(COLUMNS))]
    for name in dict.fromkeys(pixel.sample for pixel in pixels):
        fields = {found: layer.offsets(x)[0].numpy() for found, layer, x in _pass(one, images[name])}
        size = _filled(images[name], one.network)
        for pixel in (pixel for pixel in pixels if pixel.sample == name):
            for depth in depths:
                points = sampling_points((pixel.row, pixel.column), layers[:depth], fields, size, read=read)
                at = {"row": points.at[:, 0], "column": points.at[:, 1], "weight": points.weight}
                of = {"model": one.model, "seed": one.seed, "kind": pixel.kind, "sample": name}
                of |= {"pixel_row": pixel.row, "pixel_column": pixel.column, "depth": depth}
                tables.append(pd.DataFrame(of | at, index=range(len(points.at))))
    return pd.concat(tables[1:] or tables, ignore_index=True)[list(COLUMNS)]


def is_deformable(network: nn.Module) -> bool:
    """Whether a layer of a network has offsets."""
    return any(isinstance(part, DeformConv2d) for part in network.modules())


def offset_sums(
    one: Explained, tests: Sequence[Test], radius: float, draws: int, shown: Sequence[str]
) -> dict[str, Any]:
    """Offsets of a deformable network by distance to cell borders, with what chance would give.

    Args:
        one: a U-Net of deformable convolutions.
        tests: the test samples.
        radius: of the median cell, in sample pixels.
        draws: offset kernels drawn at random for each layer, the same for all samples.
        shown: samples whose maps are kept.

    Returns:
        ``layers``, ``strides``, ``own``, ``others``, ``random``, ``map_ids``, ``maps`` of
        `hemoseg.data.offset_sums.OffsetSums`; sums against borders that are not there are 0.
    """
    layers = [layer for layer in layers_of(one.network) if isinstance(layer.module, DeformConv2d)]
    generator = torch.Generator().manual_seed(one.seed)
    kernels = [[random_kernel(layer.module, generator) for _ in range(draws)] for layer in layers]
    borders = [borders_of(test.cells) for test in tests]
    sums = (len(layers), len(EDGES) - 1, len(SUMS))
    own, others, random = (np.zeros((len(tests), *many, *sums)) for many in ((), (OTHERS,), (draws,)))
    maps: dict[str, list[np.ndarray]] = {}
    for i, test in enumerate(tests):
        near = _others(i, tests, borders)
        for k, (layer, (_, module, x)) in enumerate(zip(layers, _pass(one, test.image), strict=True)):
            field = module.offsets(x)[0].numpy()
            if test.sample in shown:
                length = np.hypot(field[0::2], field[1::2]).mean(axis=0)
                maps.setdefault(test.sample, []).append(length.astype(np.float32))
            for n, other in enumerate(near):
                others[i, n, k] = tally(field, layer.stride, on_layer(other, layer.stride), radius)
            if borders[i] is not None:
                at = on_layer(borders[i], layer.stride)
                own[i, k] = tally(field, layer.stride, at, radius)
                for draw, kernel in enumerate(kernels[k]):
                    random[i, draw, k] = tally(offsets_by(kernel, module, x)[0].numpy(), layer.stride, at, radius)
    named = {"layers": [layer.words for layer in layers], "strides": [layer.stride for layer in layers]}
    return named | {"own": own, "others": others, "random": random, "map_ids": list(maps), "maps": list(maps.values())}


def _others(i: int, tests: Sequence[Test], borders: Sequence[Borders | None]) -> list[Borders]:
    """Borders of the next samples of the same size, round the end."""
    turned = [(i + step) % len(tests) for step in range(1, len(tests))]
    fit = [j for j in turned if borders[j] is not None and tests[j].cells.shape == tests[i].cells.shape]
    return [borders[j] for j in fit[:OTHERS]]


@torch.no_grad()
def _pass(one: Explained, image: Tensor) -> list[tuple[str, DeformConv2d, Tensor]]:
    return list(layer_inputs(one.network, one.normalise(image)[None]))


def _filled(image: Tensor, network: nn.Module) -> tuple[int, int]:
    """Rows and columns of the network's maps: what the poolings do not divide is filled up."""
    height, width = image.shape[-2:]
    return height + -height % network.stride, width + -width % network.stride
