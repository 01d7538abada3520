"""The feature pyramid against its definition written out, and its sizes."""

import pytest
import torch
from torch.nn import functional as F

from hemoseg.nn.feature_pyramid import STRIDES, FeaturePyramid, ResidualPyramid

torch.set_num_threads(1)  # the tensors are tiny


def test_a_level_is_the_smoothed_sum_of_its_stage_and_the_level_above():
    torch.manual_seed(0)
    network = FeaturePyramid((2, 3, 5), 4).double()
    stages = [torch.randn(2, c, *size).double() for c, size in ((2, (12, 8)), (3, (6, 4)), (5, (3, 2)))]
    flat = [
        torch.einsum("bchw,oc->bohw", x, one.weight[:, :, 0, 0]) for x, one in zip(stages, network.lateral, strict=True)
    ]
    sums = [None, None, flat[2]]
    for level in (1, 0):
        height, width = stages[level].shape[2:]
        sums[level] = torch.stack(
            [
                torch.stack([flat[level][:, :, r, c] + sums[level + 1][:, :, r // 2, c // 2] for c in range(width)], -1)
                for r in range(height)
            ],
            dim=-2,
        )
    for found, x, smooth in zip(network(stages), sums, network.smooth, strict=True):
        assert torch.allclose(found, F.conv2d(x, smooth.weight, padding=1), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("size", [(64, 96), (65, 33), (1, 1), (7, 130)])
def test_levels_cover_images_of_any_size(size):
    network = ResidualPyramid(2, "resnet18", width=2, channels=3).train()
    for stride, level in zip(STRIDES, network(torch.randn(1, 2, *size)), strict=True):
        assert level.shape[:2] == (1, 3)
        assert all(stride * n >= side for n, side in zip(level.shape[2:], size, strict=True))
        assert all(stride * n == max(64, side + -side % 32) for n, side in zip(level.shape[2:], size, strict=True))


def test_what_an_image_is_filled_up_with_is_its_last_row_and_column():
    network = ResidualPyramid(1, "resnet18", width=2, channels=3).eval()
    image = torch.randn(1, 1, 70, 90)
    whole = torch.cat([image, image[:, :, -1:].expand(-1, -1, 26, -1)], dim=2)
    whole = torch.cat([whole, whole[..., -1:].expand(-1, -1, -1, 6)], dim=3)
    for one, other in zip(network(image), network(whole), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(("given", "words"), [({"channels": 0}, "channels must be from 1"), ({"width": 0}, "width")])
def test_numbers_that_make_no_pyramid_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        ResidualPyramid(1, "resnet18", **({"width": 2, "channels": 2} | given))
