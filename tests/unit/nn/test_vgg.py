"""The VGG encoder: what it passes on, and how its weights are drawn."""

from itertools import pairwise
from math import sqrt

import pytest
import torch
from torch import nn

from hemoseg.nn.vgg import VGG, draw, fill_up, vgg11_blocks, vgg16_blocks

torch.set_num_threads(1)  # the tensors are tiny


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("blocks", "pools", "sides"),
    [(vgg16_blocks(2), (2, 2, 2, 4), [1, 2, 4, 8, 32]), (vgg11_blocks(2), (2,) * 5, [1, 2, 4, 8, 16, 32])],
)
def test_features_are_what_each_pooling_is_given_and_what_comes_out_last(blocks, pools, sides):
    network = VGG(1, blocks, pools)
    found = network(numbers(1, 1, 64, 96))
    ends = [block[-1] for block in blocks]
    channels = ends if len(pools) < len(blocks) else [*ends, ends[-1]]
    assert [tuple(one.shape) for one in found] == [
        (1, c, 64 // side, 96 // side) for c, side in zip(channels, sides, strict=True)
    ]
    assert all((one >= 0).all() for one in found)  # after the ReLU


def test_a_pooling_of_four_takes_the_largest_of_sixteen():
    network = VGG(1, [[3], [2]], (4,))
    first, last = network(numbers(2, 1, 8, 12))
    blocks = first.reshape(2, 3, 2, 4, 3, 4).amax(dim=(3, 5))
    assert torch.equal(last, network.features[4](network.features[3](blocks)))


@pytest.mark.parametrize(
    ("layer", "summed"),
    [
        (nn.Conv2d(64, 128, 3), 64 * 9),
        (nn.Conv2d(300, 100, 1), 300),
        (nn.ConvTranspose2d(96, 48, 3, stride=2), 96 * 9 / 4),  # of nine taps a fourth meets an output, on average
    ],
)
def test_weights_are_drawn_by_the_numbers_that_an_output_sums_up(layer, summed):
    torch.manual_seed(0)
    nn.init.ones_(layer.bias)
    draw(nn.Sequential(nn.ReLU(), layer))
    weight, count = layer.weight.detach(), layer.weight.numel()
    assert float(weight.std()) == pytest.approx(sqrt(2 / summed), rel=4 / sqrt(2 * count))
    assert abs(float(weight.mean())) < 4 * sqrt(2 / summed) / sqrt(count)
    assert not layer.bias.any()


def test_drawn_weights_keep_the_size_of_the_numbers_through_layers_and_their_relus():
    """He et al., 2015, Eq. 10: a convolution puts out the mean square that the one before it put out."""
    torch.manual_seed(0)
    steps = [nn.Conv2d(128, 128, 3, padding=1, padding_mode="circular") for _ in range(4)]
    up = nn.ConvTranspose2d(128, 128, 3, stride=2, padding=1, output_padding=1)
    network = nn.Sequential(*(layer for step in steps for layer in (step, nn.ReLU())), up)
    draw(network)
    y, squares = numbers(1, 128, 16, 16), []
    with torch.no_grad():
        for layer in network:
            y = layer(y)
            if not isinstance(layer, nn.ReLU):
                squares.append(float(y[..., 1:-1, 1:-1].square().mean()))
    assert [after / before for before, after in pairwise(squares)] == pytest.approx([1] * 4, rel=0.4)


@pytest.mark.parametrize("side", [1, 31, 32, 33])
def test_sides_are_filled_to_the_stride_with_the_last_row_and_column(side):
    x = numbers(2, 3, side, 40)
    filled = fill_up(x, 32)
    assert filled.shape == (2, 3, 64 if side == 33 else 32, 64)
    rows, columns = torch.arange(filled.shape[2]).clamp(max=side - 1), torch.arange(64).clamp(max=39)
    assert torch.equal(filled, x[:, :, rows][..., columns])
