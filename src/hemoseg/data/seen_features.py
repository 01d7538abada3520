"""Feature maps of networks over one sample: from `explain` to the figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SeenFeatures:
    """Some of the maps that a trained network makes of a sample.

    Attributes:
        model: key of the row.
        seed: of its training.
        sample: id.
        level: ``low``, what the first convolution puts out, or ``high``, what the last one reads.
        layer: name of that convolution in the network.
        stride: sample pixels per pixel of a map.
        of: how many channels the layer has.
        channels: which of them are kept, n.
        maps: float32 ``(n, h, w)``; a map begins at the sample's first pixel.
    """

    model: str
    seed: int
    sample: str
    level: str
    layer: str
    stride: int
    of: int
    channels: list[int]
    maps: np.ndarray


def to_arrays(found: Sequence[SeenFeatures]) -> dict[str, np.ndarray]:
    """Maps of several networks as the plain arrays of one ``.npz`` file."""
    named = {
        f"{name}_{number}": np.array(value) for number, one in enumerate(found) for name, value in vars(one).items()
    }
    return {"seen": np.array(len(found))} | named


def from_arrays(arrays: dict[str, np.ndarray]) -> list[SeenFeatures]:
    """The inverse of `to_arrays`."""
    return [_one(arrays, number) for number in range(int(arrays["seen"]))]


def _one(arrays: dict[str, np.ndarray], number: int) -> SeenFeatures:
    content = {name: arrays[f"{name}_{number}"] for name in SeenFeatures.__dataclass_fields__}
    return SeenFeatures(**{name: value if name == "maps" else value.tolist() for name, value in content.items()})
