"""Distances and normals against a search over all pixels; sums of offsets that are known."""

import numpy as np
import pytest
import torch

from hemoseg.data.offset_sums import SUMS
from hemoseg.inference.border_following import EDGES, borders_of, offsets_by, on_layer, random_kernel, tally
from hemoseg.nn.deform_conv import DeformConv2d


def random_cells(seed, shape=(17, 21)):
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    for number in range(1, 6):
        row, column = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        height, width = rng.integers(1, 9, 2)
        labels[row : row + height, column : column + width] = number * 7
    return labels


@pytest.mark.parametrize("seed", range(8))
def test_distance_and_normal_are_those_of_the_nearest_pixel_beyond_the_border(seed):
    labels = random_cells(seed)
    borders = borders_of(labels)
    at = np.indices(labels.shape).reshape(2, -1).T
    for row, column in at:
        own = labels[row, column]
        beyond = at[(labels.ravel() != own) if own else (labels.ravel() > 0)]
        away = np.hypot(*(beyond - (row, column)).T)
        sign = -1 if own else 1
        assert borders.distance[row, column] == pytest.approx(sign * (away.min() - 0.5))
        nearest = beyond[np.isclose(away, away.min())] - (row, column)
        normals = -sign * nearest / away.min()
        assert min(np.abs(normals - borders.normal[:, row, column]).max(axis=1)) < 1e-9


def test_an_image_without_a_cell_has_no_border():
    assert borders_of(np.zeros((4, 5), np.int32)) is None


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_offsets_along_the_normal_are_all_normal(stride):
    labels = np.zeros((32, 32), np.int32)
    labels[8:24, 8:24] = 1
    borders = on_layer(borders_of(labels), stride)
    offsets = np.tile(0.5 * borders.normal, (9, 1, 1))
    pixels, magnitude, length, normal, along = tally(offsets, stride, borders, radius=8.0).T
    inside = (borders.distance / 8 >= EDGES[0]) & (borders.distance / 8 < EDGES[-1])
    assert pixels.sum() == inside.sum()
    assert np.allclose(magnitude, 0.5 * stride * pixels)
    assert np.allclose(length, magnitude)
    assert np.allclose(normal, length)
    assert np.allclose(along, 0)


def test_a_kernel_that_only_grows_is_long_but_goes_nowhere():
    labels = np.zeros((20, 20), np.int32)
    labels[5:15, 5:15] = 1
    grid = np.stack(np.meshgrid((-1, 0, 1), (-1, 0, 1), indexing="ij"), axis=-1).reshape(18, 1, 1)
    sums = tally(np.broadcast_to(grid, (18, 20, 20)), 1, borders_of(labels), 5.0).sum(axis=0)
    named = dict(zip(SUMS, sums, strict=True))
    assert named["magnitude"] == pytest.approx(named["pixels"] * (4 + 4 * np.sqrt(2)) / 9)
    assert [named[name] for name in ("length", "normal", "along")] == pytest.approx([0, 0, 0], abs=1e-9)


def test_turning_image_and_offsets_turns_nothing():
    labels, rng = random_cells(3, (20, 20)), np.random.default_rng(0)
    field = rng.normal(size=(9, 2, 20, 20))
    turned = np.rot90(field, axes=(2, 3))
    turned = np.stack([-turned[:, 1], turned[:, 0]], axis=1)  # a quarter turn takes (dr, dc) to (-dc, dr)
    # Where several pixels are equally near, which one is taken may turn round: only single ones are compared.
    one = tally(field.reshape(18, 20, 20), 1, borders_of(labels), 4.0)
    two = tally(turned.reshape(18, 20, 20), 1, borders_of(np.rot90(labels).copy()), 4.0)
    assert np.allclose(one[:, :3], two[:, :3])
    row = np.zeros((20, 20), np.int32)
    row[:, :10] = 1
    one = tally(field.reshape(18, 20, 20), 1, borders_of(row), 4.0)
    two = tally(turned.reshape(18, 20, 20), 1, borders_of(np.rot90(row).copy()), 4.0)
    assert np.allclose(one, two)


def test_a_random_kernel_has_the_norms_of_the_trained_one():
    layer = DeformConv2d(3, 4, backend="kornia")
    x = torch.rand(1, 3, 8, 9)
    untrained = random_kernel(layer, torch.Generator().manual_seed(0))
    assert not untrained.any()
    assert not offsets_by(untrained, layer, x).any()
    layer.offset.weight.data.normal_(generator=torch.Generator().manual_seed(1))
    kernels = [random_kernel(layer, torch.Generator().manual_seed(seed)) for seed in (2, 2, 3)]
    assert torch.equal(kernels[0], kernels[1])
    assert not torch.equal(kernels[0], kernels[2])
    norms = layer.offset.weight.flatten(1).norm(dim=1)
    assert torch.allclose(kernels[0].flatten(1).norm(dim=1), norms)
    assert torch.allclose(offsets_by(layer.offset.weight, layer, x), layer.offsets(x), atol=1e-6)
