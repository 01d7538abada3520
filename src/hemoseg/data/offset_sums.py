"""Offsets of deformable networks, summed by distance to the borders of cells: from `explain` to the figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hemoseg.data.samples import pack, unpack

SUMS = ("pixels", "magnitude", "length", "normal", "along")


@dataclass(frozen=True)
class OffsetSums:
    """Offsets of one trained network on the test samples of a split.

    Attributes:
        model: key of the row.
        seed: of its training.
        split: name of the split.
        ids: of the N test samples.
        frames: that they were cut from.
        layers: names for people of the L deformable layers, in the order of the data.
        strides: sample pixels per pixel of each layer.
        radius: of the median cell, in sample pixels.
        edges: of the bins of signed distance to the nearest border (negative within a cell), in radii; bins + 1.
        own: sums ``(N, L, bins, 5)`` in the order of `SUMS`, against the sample's own borders. Lengths are in sample
            pixels: the mean length of a pixel's nine offsets; the length of their mean, which is the kernel's shift;
            the shift's part along the normal, away from the cell; its part along the border.
        others: the same offsets against the borders of other samples, ``(N, others, L, bins, 5)``.
        random: offsets by kernels drawn at random against the sample's own borders, ``(N, draws, L, bins, 5)``.
        map_ids: samples whose maps are kept.
        maps: of each of them and each layer the mean length of the nine offsets, float32 ``(h, w)``, in layer pixels.
    """

    model: str
    seed: int
    split: str
    ids: list[str]
    frames: list[str]
    layers: list[str]
    strides: list[int]
    radius: float
    edges: np.ndarray
    own: np.ndarray
    others: np.ndarray
    random: np.ndarray
    map_ids: list[str]
    maps: list[list[np.ndarray]]


def to_arrays(found: Sequence[OffsetSums]) -> dict[str, np.ndarray]:
    """Sums of several networks as the plain arrays of one ``.npz`` file."""
    arrays = {"networks": np.array(len(found))}
    for number, one in enumerate(found):
        content = {name: np.array(value) for name, value in vars(one).items() if name != "maps"}
        packed = pack([field for fields in one.maps for field in fields])
        content |= {f"maps_{key}": array for key, array in packed.items()}
        arrays |= {f"{name}_{number}": array for name, array in content.items()}
    return arrays


def from_arrays(arrays: dict[str, np.ndarray]) -> list[OffsetSums]:
    """The inverse of `to_arrays`."""
    return [_one(arrays, number) for number in range(int(arrays["networks"]))]


def _one(arrays: dict[str, np.ndarray], number: int) -> OffsetSums:
    content = {name: arrays[f"{name}_{number}"] for name in OffsetSums.__dataclass_fields__ if name != "maps"}
    flat = unpack(arrays[f"maps_values_{number}"], arrays[f"maps_shapes_{number}"])
    layers = len(content["layers"])
    content["maps"] = [flat[begin : begin + layers] for begin in range(0, len(flat), layers)] if layers else []
    for name in ("ids", "frames", "layers", "strides", "map_ids", "model", "seed", "split", "radius"):
        content[name] = content[name].tolist()
    return OffsetSums(**content)
