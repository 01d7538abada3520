"""RoIAlign against bilinear samples in plain loops, and its laws."""

import math
from itertools import product

import pytest
import torch

from hemoseg.nn.roi_align import levels_of, pyramid_align, roi_align, sample_points

torch.set_num_threads(1)  # the tensors are tiny
BOXES = torch.tensor(
    [[3.0, 5.0, 21.5, 17.25], [0.0, 0.0, 28.0, 20.0], [10.1, 2.3, 11.4, 19.9], [26.0, 18.0, 28.0, 20.0]],
    dtype=torch.float64,
)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def bilinear(plane, row, column):
    """The value at a place in the counting of features, held at the outermost ones."""
    height, width = len(plane), len(plane[0])
    row, column = min(max(row, 0), height - 1), min(max(column, 0), width - 1)
    total = 0.0
    for r, c in product(range(height), range(width)):
        total += max(0, 1 - abs(r - row)) * max(0, 1 - abs(c - column)) * plane[r][c]
    return total


def loops(features, boxes, side, stride, points):
    result = []
    for x0, y0, x1, y1 in boxes.tolist():
        for plane in features.tolist():
            for i, j in product(range(side), repeat=2):
                value = 0.0
                for a, b in product(range(points), repeat=2):
                    y = y0 + (y1 - y0) * (i + (a + 0.5) / points) / side
                    x = x0 + (x1 - x0) * (j + (b + 0.5) / points) / side
                    # Feature r has its middle at pixel (r + 1/2) stride.
                    value += bilinear(plane, y / stride - 0.5, x / stride - 0.5)
                result.append(value / points**2)
    return torch.tensor(result, dtype=torch.float64).view(len(boxes), len(features), side, side)


@pytest.mark.parametrize(("side", "stride", "points"), [(3, 4, 2), (2, 4, 1), (1, 4, 3), (4, 2, 2)])
def test_every_bin_is_the_mean_of_its_points(side, stride, points):
    features = drawn(2, 20 // stride, 28 // stride)
    found = roi_align(features, BOXES, side, stride=stride, points=points)
    assert torch.allclose(found, loops(features, BOXES, side, stride, points), rtol=1e-12, atol=1e-12)


def test_a_box_of_whole_features_reads_them_as_they_are():
    features = drawn(3, 5, 7)
    found = roi_align(features, torch.tensor([[8.0, 4.0, 20.0, 16.0]]).double(), 3, stride=4, points=1)
    assert torch.allclose(found[0], features[:, 1:4, 2:5], rtol=0, atol=1e-12)


def test_a_plane_is_read_at_the_middles_of_the_bins():
    rows, columns = torch.meshgrid(torch.arange(10.0), torch.arange(12.0), indexing="ij")
    plane = (3 * (rows + 0.5) * 4 - 2 * (columns + 0.5) * 4).double()[None]
    box = torch.tensor([[7.3, 6.1, 33.2, 29.7]], dtype=torch.float64)
    x, y = sample_points(box, 5)
    assert torch.allclose(roi_align(plane, box, 5, stride=4)[0, 0], 3 * y[0][:, None] - 2 * x[0], atol=1e-9)


def test_box_and_features_shifted_together_read_the_same():
    features, box = drawn(2, 12, 12), torch.tensor([[9.7, 13.1, 21.3, 22.8]], dtype=torch.float64)
    wanted = roi_align(features, box, 4, stride=4)
    found = roi_align(features.roll((2, 1), (1, 2)), box + torch.tensor([4.0, 8.0, 4.0, 8.0]), 4, stride=4)
    assert torch.allclose(found, wanted, rtol=0, atol=1e-12)


def test_the_gradient_is_that_of_the_values():
    features = drawn(1, 3, 4).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: roi_align(x, BOXES[:2], 2, stride=7), (features,))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_features_are_read_in_float32(dtype):
    features = drawn(1, 5, 7).to(dtype)
    found = roi_align(features, BOXES.float(), 2, stride=4)
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), loops(features.double(), BOXES, 2, 4, 2), atol=1e-5)


def test_a_box_is_read_from_the_level_of_its_side():
    sides = [1, 20, 111.9, 112, 223.9, 224, 300, 448, 5000]
    wanted = [min(max(math.floor(4 + math.log2(side / 224)) - 2, 0), 3) for side in sides]
    boxes = torch.tensor([[5.0, 7.0, 5 + 2 * side, 7 + side / 2] for side in sides], dtype=torch.float64)
    assert levels_of(boxes, 4).tolist() == wanted == [0, 0, 0, 1, 1, 2, 2, 3, 3]


def test_boxes_of_a_batch_keep_their_order_whatever_their_levels():
    maps = [drawn(2, 3, 512 // stride, 512 // stride, seed=stride) for stride in (4, 8)]
    large, small = [10.0, 20.0, 330.0, 420.0], [30.0, 8.0, 61.5, 47.0]
    boxes = [torch.tensor([large, small, large, small]).double(), torch.tensor([small]).double()]
    found = pyramid_align(maps, boxes, 2, strides=(4, 8))
    wanted = [roi_align(maps[1 - i % 2][0], boxes[0][i : i + 1], 2, stride=(8, 4)[i % 2]) for i in (0, 1, 0, 1)]
    wanted.append(roi_align(maps[0][1], boxes[1], 2, stride=4))
    assert torch.equal(found, torch.cat(wanted))


def test_no_box_reads_nothing():
    maps, none = [drawn(2, 3, 8, 8)], torch.zeros(0, 4, dtype=torch.float64)
    assert pyramid_align(maps, [none, none], 7, strides=(4,)).shape == (0, 3, 7, 7)
