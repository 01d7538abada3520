"""Composed sampling points against grids, shifts and the gradients of tiny networks."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from hemoseg.nn.deform_conv import DeformConv2d
from hemoseg.nn.sampling import at_pixels, last_layers, layer_inputs, layers_of, sampling_points
from hemoseg.nn.unet import UNet

SIZE = (24, 32)
READ = ("interpolated", "neighbours")


def network(levels=2, width=1, **own):
    return UNet(1, 1, convolution=partial(DeformConv2d, backend="kornia"), levels=levels, width=width, **own).eval()


def constant(value, layers):
    field = np.empty((18, *SIZE))
    field[0::2], field[1::2] = value[0], value[1]
    return {layer.name: field for layer in layers}


def as_map(points):
    points = at_pixels(points, SIZE)
    found = np.zeros(SIZE)
    found[tuple(points.at.astype(int).T)] = points.weight
    return found


def grid_map(pixel, depth):
    """Ways of a stack of plain 3x3 kernels of ones, by convolving."""
    found = np.zeros(SIZE)
    found[pixel] = 1
    for _ in range(depth):
        padded = np.pad(found, 1)
        found = sum(padded[r : r + SIZE[0], c : c + SIZE[1]] for r in range(3) for c in range(3))
    return found


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("pixel", [(12, 15), (0, 0), (23, 1)])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_without_offsets_the_points_are_the_plain_grid(read, pixel, depth):
    layers = last_layers(network())[:depth]
    for offsets in ({}, constant((0.0, 0.0), layers)):
        points = sampling_points(pixel, layers, offsets, SIZE, read=read)
        assert np.array_equal(as_map(points), grid_map(pixel, depth))
        assert np.array_equal(points.at, np.round(points.at))
        assert len(points.at) == np.count_nonzero(grid_map(pixel, depth))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_constant_offsets_shift_the_grid(depth):
    layers, pixel = last_layers(network())[:depth], (12, 15)
    plain = sampling_points(pixel, layers, {}, SIZE)
    for read, shift in (("interpolated", (0.375, -1.25)), ("neighbours", (1.0, -2.0))):
        moved = sampling_points(pixel, layers, constant(shift, layers), SIZE, read=read)
        assert np.allclose(moved.at, plain.at + depth * np.array(shift), atol=1e-8)
        assert np.array_equal(moved.weight, plain.weight)
    blurred = sampling_points(pixel, layers, constant((0.375, -1.25), layers), SIZE, read="neighbours")
    assert blurred.weight.sum() == pytest.approx(9**depth)
    mean = (blurred.at * blurred.weight[:, None]).sum(axis=0) / 9**depth
    assert mean == pytest.approx(np.array(pixel) + depth * np.array((0.375, -1.25)))


def ones_network(path, levels, seed=0):
    """Kernels of ones, one way at the join, offsets that vary from pixel to pixel and count as constants."""
    made = network(levels).double()
    for module in made.modules():
        if isinstance(module, DeformConv2d | nn.ConvTranspose2d):
            module.weight.data.fill_(1.0)
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
        if isinstance(module, DeformConv2d):
            generator = torch.Generator().manual_seed(seed)
            module.offset.weight.data.copy_(torch.randn(module.offset.weight.shape, generator=generator) * 0.7)
            module.offsets = lambda x, layer=module: DeformConv2d.offsets(layer, x / x.amax()).detach()
    for level in made.decode:
        channels = level[0].weight.shape[1] // 2
        level[0].weight.data[:, channels if path == "skip" else 0 :][:, :channels] = 0.0
    return made


@pytest.mark.parametrize(("path", "levels"), [("skip", 1), ("skip", 2), ("up", 1), ("up", 2)])
@pytest.mark.parametrize("pixel", [(11, 14), (0, 31)])
def test_weights_are_the_gradients_of_a_network_of_ones(path, levels, pixel):
    made = ones_network(path, levels)
    image = torch.rand(1, 1, *SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.1
    layers = last_layers(made, path)
    offsets = {name: layer.offsets(x)[0].numpy() for name, layer, x in layer_inputs(made, image)}
    assert min(np.abs(field).max() for field in offsets.values()) > 0.5
    caught = {}
    for layer in layers:
        layer.module.register_forward_pre_hook(
            lambda module, given, name=layer.name: caught.update({name: given[0].requires_grad_()})
        )
    logit = made(image)[0, 0, pixel[0], pixel[1]]
    for depth, layer in enumerate(layers, 1):
        (gradient,) = torch.autograd.grad(logit, caught[layer.name], retain_graph=True)
        points = sampling_points(pixel, layers[:depth], offsets, SIZE, read="neighbours")
        inner = points._replace(at=(points.at + 0.5) / layer.stride - 0.5)
        found = np.zeros(gradient.shape[-2:])
        read = at_pixels(inner, found.shape)
        found[tuple(read.at.astype(int).T)] = read.weight
        # Channels of a map that all have kernels of ones: as many ways as the channels on the way multiply.
        gradient = gradient[0, 0].numpy() if path == "skip" else gradient[0, -1].numpy()
        ways = gradient.sum() / found.sum()
        assert np.allclose(found * ways, gradient, rtol=1e-7, atol=1e-7 * ways)
        assert np.array_equal(found > 1e-6, gradient > 1e-6 * ways)
        assert ways == pytest.approx(round(ways))


def test_the_two_ways_to_read_agree_on_the_mean_of_smooth_offsets():
    layers, rows = last_layers(network())[:2], np.arange(SIZE[0])[:, None]
    field = np.zeros((18, *SIZE))
    field[0::2] = 0.05 * rows  # linear between pixels, so that interpolating and blending agree
    offsets = {layer.name: field for layer in layers}
    means = [
        np.average(points.at, axis=0, weights=points.weight)
        for points in (sampling_points((9, 9), layers, offsets, SIZE, read=read) for read in READ)
    ]
    assert means[0] == pytest.approx(means[1])


def test_layers_are_in_the_order_of_the_data():
    made = network(levels=3)
    names = [name for name, _, _ in layer_inputs(made, torch.rand(1, 1, 16, 16))]
    layers = layers_of(made)
    assert [layer.name for layer in layers] == names
    assert [layer.stride for layer in layers] == [1, 1, 2, 2, 4, 4, 8, 8, 4, 4, 2, 2, 1, 1]
    assert layers[-1].words == "decoder 1, b"
    assert [layer.words for layer in last_layers(made)] == [
        "decoder 1, b",
        "decoder 1, a",
        "encoder 1, b",
        "encoder 1, a",
    ]
    assert [layer.stride for layer in last_layers(made, "up")] == [1, 1, 2, 2, 4, 4, 8, 8]
    assert len(layers_of(network(head="conv1x1"))) == 10
    assert last_layers(network(head="conv1x1"))[0].name == "decode.1.3"


def test_another_network_is_refused():
    with pytest.raises(ValueError, match="no U-Net"):
        layers_of(nn.Conv2d(1, 1, 3))
    with pytest.raises(ValueError, match="no pairs of plain or deformable"):
        layers_of(UNet(1, 2, convolution=lambda a, b: nn.Conv2d(a, b, 5, padding=2), levels=1))
    with pytest.raises(ValueError, match="the paths are skip, up"):
        last_layers(network(), "down")
    with pytest.raises(ValueError, match="one of interpolated, neighbours"):
        sampling_points((0, 0), last_layers(network()), {}, SIZE, read="nearest")
