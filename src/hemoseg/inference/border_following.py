"""Do offsets follow the borders of cells? Sums over pixels, by distance to the nearest border, that can answer.

The kernel's shift at a pixel is the mean of its nine offsets. It is told in two parts: along the normal, away from the
cell (+) or into it (-), and along the border. All lengths are in sample pixels, distances in radii of the median cell.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt, find_objects
from torch import Tensor
from torch.nn import functional as F

from hemoseg.data.offset_sums import SUMS
from hemoseg.labels.areas import compact
from hemoseg.nn.deform_conv import DeformConv2d

EDGES = np.arange(-1.0, 2.01, 0.25)  # of the bins of distance, in radii of the median cell


class Borders(NamedTuple):
    """Distance of each pixel to the nearest border, negative within a cell, ``(H, W)``; its normal ``(2, H, W)``.

    The normal is (row, column) of length 1 and points away from the cell.
    """

    distance: np.ndarray
    normal: np.ndarray


def borders_of(cells: np.ndarray) -> Borders | None:
    """Borders of true cells, int ``(H, W)``, also between cells that touch; none where there is no cell.

    The border runs between the last pixel of a cell and the first that is not of it: both lie half a pixel from it.
    """
    labels, ids = compact(cells)
    if not len(ids):
        return None
    rows, columns = np.indices(labels.shape)
    distance, nearest = distance_transform_edt(labels == 0, return_indices=True)
    vector = np.stack([rows - nearest[0], columns - nearest[1]]).astype(np.float64)
    for number, box in enumerate(find_objects(labels.astype(np.int32)), 1):
        # The nearest pixel that is not of the cell lies in the cell's box or in the ring round it.
        ring = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
        mask = labels[ring] == number
        if mask.all():
            continue
        inside, out = distance_transform_edt(mask, return_indices=True)
        distance[ring][mask] = -inside[mask]
        towards = np.stack([out[0] + ring[0].start - rows[ring], out[1] + ring[1].start - columns[ring]])
        vector[(slice(None), *ring)][:, mask] = towards[:, mask]
    length = np.maximum(np.hypot(*vector), 1e-9)
    return Borders(distance - 0.5 * np.sign(distance), vector / length)


def on_layer(borders: Borders, stride: int) -> Borders:
    """Means over the ``stride`` by ``stride`` sample pixels of each pixel of a layer; normals keep length 1."""
    if stride == 1:
        return borders
    height, width = (side // stride for side in borders.distance.shape)
    stacked = np.concatenate([borders.distance[None], borders.normal])[:, : height * stride, : width * stride]
    distance, *normal = stacked.reshape(3, height, stride, width, stride).mean(axis=(2, 4))
    return Borders(distance, np.stack(normal) / np.maximum(np.hypot(*normal), 1e-9))


def tally(offsets: np.ndarray, stride: int, borders: Borders, radius: float) -> np.ndarray:
    """Sums over the pixels of a layer by distance to the border, float ``(bins, 5)``.

    Args:
        offsets: ``(18, h, w)`` in pixels of the layer.
        stride: sample pixels per pixel of the layer.
        borders: on the layer (`on_layer`); its size is that of whole pixels within the sample.
        radius: of the median cell, in sample pixels.

    Returns:
        Per bin of `EDGES`, in the order of `hemoseg.data.offset_sums.SUMS`; what lies beyond the bins is left out.
    """
    height, width = borders.distance.shape
    field = offsets[:, :height, :width].astype(np.float64).reshape(9, 2, height, width) * stride
    shift = field.mean(axis=0)
    normal = (shift * borders.normal).sum(axis=0)
    along = shift[1] * borders.normal[0] - shift[0] * borders.normal[1]
    magnitude = np.hypot(field[:, 0], field[:, 1]).mean(axis=0)
    sums = {"pixels": np.ones_like(magnitude), "magnitude": magnitude, "length": np.hypot(*shift)}
    sums |= {"normal": normal, "along": along}
    which = np.digitize(borders.distance / radius, EDGES) - 1
    inside = (which >= 0) & (which < len(EDGES) - 1)
    binned = [np.bincount(which[inside], sums[name][inside], minlength=len(EDGES) - 1) for name in SUMS]
    return np.stack(binned, axis=1)


def random_kernel(layer: DeformConv2d, generator: torch.Generator) -> Tensor:
    """An offset kernel ``(18, C, 3, 3)`` drawn at random, each of the 18 of the norm that the trained one has.

    It tells what reading the same maps gives to filters that learned nothing.
    """
    trained = layer.offset.weight.detach()
    drawn = torch.randn(trained.shape, generator=generator).to(trained)
    norms = [weight.flatten(1).norm(dim=1).view(-1, 1, 1, 1) for weight in (trained, drawn)]
    return drawn * norms[0] / norms[1]


@torch.no_grad()
def offsets_by(kernel: Tensor, layer: DeformConv2d, x: Tensor) -> Tensor:
    """Offsets ``(B, 18, h, w)`` that the layer would have with another offset kernel."""
    return layer.scope * torch.tanh(F.conv2d(x, kernel, padding=layer.offset.padding).float())
