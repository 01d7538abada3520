"""Pyramid pooling against naive sums and torch's own, and what the pyramids do in a batch of one image."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hemoseg.nn.pyramid import AtrousPyramid, PyramidPooling, pool, unit

torch.set_num_threads(1)  # the tensors are tiny
SIZES = [(7, 9), (12, 12), (5, 13), (2, 2), (3, 17), (1, 1)]


def features(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
@pytest.mark.parametrize("size", SIZES)
def test_a_bin_is_the_mean_of_its_region(size, bins):
    x = features(2, 3, *size)
    wanted = torch.zeros(2, 3, bins, bins, dtype=torch.float64)
    for i in range(bins):
        for j in range(bins):
            rows = range(math.floor(i * size[0] / bins), math.ceil((i + 1) * size[0] / bins))
            columns = range(math.floor(j * size[1] / bins), math.ceil((j + 1) * size[1] / bins))
            cells = [x[:, :, r, c] for r in rows for c in columns]
            wanted[:, :, i, j] = sum(cells) / len(cells)
    assert torch.allclose(pool(x, bins), wanted, rtol=1e-12, atol=1e-12)
    assert torch.allclose(pool(x, bins), F.adaptive_avg_pool2d(x, bins), rtol=1e-12, atol=1e-12)


def test_pooling_keeps_its_gradient():
    x = features(1, 2, 5, 7).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: pool(x, 3), (x,))


def test_pyramid_pooling_joins_the_features_with_their_means():
    pyramid = PyramidPooling(8).double().eval()
    for branch in pyramid.branches:  # each passes its first two channels on, shifted so that ReLU leaves them alone
        branch[0].weight.data.copy_(torch.eye(8)[:2].view(2, 8, 1, 1))
    x = 10 + features(2, 8, 6, 12)
    with torch.no_grad():
        y = pyramid(x)
    assert y.shape == (2, 16, 6, 12) == (2, pyramid.out_channels, 6, 12)
    assert torch.equal(y[:, :8], x)
    bias = pyramid.branches[0][0].bias.view(1, -1, 1, 1)
    assert torch.allclose(y[:, 8:10], (x[:, :2].mean((2, 3), keepdim=True) + bias).expand(-1, -1, 6, 12))
    for number, bins in ((1, 2), (2, 3), (3, 6)):
        resized = F.interpolate(F.adaptive_avg_pool2d(x[:, :2], bins), size=(6, 12), mode="bilinear")
        scaled = resized / math.sqrt(1 + 1e-5)  # the batch norm of an untrained network
        assert torch.allclose(y[:, 8 + 2 * number : 10 + 2 * number], scaled, rtol=1e-9)


def test_a_pyramid_of_a_constant_is_constant():
    x = features(1, 8, 1, 1).expand(1, 8, 9, 14)
    for pyramid in (PyramidPooling(8), unit(8, 4)):
        with torch.no_grad():
            y = pyramid.double().eval()(x)
        assert torch.allclose(y, y[..., :1, :1].expand_as(y), atol=1e-12)


def test_mirrored_features_have_mirrored_means():
    pyramid = PyramidPooling(8).double().eval()
    x = features(1, 8, 7, 10)
    with torch.no_grad():
        assert torch.allclose(pyramid(x.flip(3)), pyramid(x).flip(3), atol=1e-12)
        assert torch.allclose(pyramid(x.flip(2)), pyramid(x).flip(2), atol=1e-12)


def test_atrous_branches_read_what_lies_a_rate_away():
    rates = (1, 2, 4)
    pyramid = AtrousPyramid(2, 3, rates).double().eval()
    x = torch.zeros(1, 2, 15, 15, dtype=torch.float64, requires_grad=True)
    for branch, rate in zip(pyramid.branches[1:], rates, strict=True):
        (seen,) = torch.autograd.grad(branch[0](x)[0, :, 7, 7].sum(), x)
        rows, columns = seen.abs().sum((0, 1)).nonzero().T
        assert set(rows.tolist()) == set(columns.tolist()) == {7 - rate, 7, 7 + rate}
    (seen,) = torch.autograd.grad(pyramid.branches[0][0](x)[0, :, 7, 7].sum(), x)
    assert seen.abs().sum((0, 1)).nonzero().tolist() == [[7, 7]]


def test_an_atrous_branch_is_a_naive_sum_over_its_taps():
    branch = AtrousPyramid(2, 3, (2,)).double().branches[1][0]
    x, kernel = features(1, 2, 6, 5), branch.weight.detach()
    wanted = torch.zeros(1, 3, 6, 5, dtype=torch.float64)
    for r in range(6):
        for c in range(5):
            for i in range(3):
                for j in range(3):
                    y, z = r + 2 * (i - 1), c + 2 * (j - 1)
                    if 0 <= y < 6 and 0 <= z < 5:
                        wanted[0, :, r, c] += kernel[:, :, i, j] @ x[0, :, y, z]
    with torch.no_grad():
        assert torch.allclose(branch(x), wanted, rtol=1e-10, atol=1e-12)


def test_the_image_branch_reaches_every_position_alike():
    pyramid = AtrousPyramid(4, 3, (1, 2)).double().eval()
    for branch in pyramid.branches:
        nn.init.zeros_(branch[0].weight)
    x = features(2, 4, 5, 8)
    with torch.no_grad():
        y, mean = pyramid(x), pyramid.image(x.mean((2, 3), keepdim=True))
        assert torch.allclose(y, y[..., :1, :1].expand_as(y), atol=1e-12)
        joined = torch.cat([torch.zeros(2, 9, 1, 1, dtype=torch.float64), mean], 1)
        assert torch.allclose(y[..., :1, :1], pyramid.join(joined), atol=1e-12)


@pytest.mark.parametrize("make", [lambda: PyramidPooling(8), lambda: AtrousPyramid(8, 4, (1, 2))])
def test_a_single_image_has_statistics_enough_to_train_on(make):
    pyramid = make().train()
    y = pyramid(features(1, 8, 2, 2).float())
    y.sum().backward()
    assert torch.isfinite(y).all()
