"""Anchors against their definition, place by place."""

import pytest
import torch

from hemoseg.nn.anchors import anchor_boxes, anchor_sizes, places

torch.set_num_threads(1)  # the tensors are tiny
SCALES, RATIOS = (0.5, 1.0, 2.0), (0.5, 1.0, 2.0)


def test_a_size_has_the_area_of_its_square_and_its_ratio():
    sizes = anchor_sizes(30.0, SCALES, RATIOS).tolist()
    wanted = [(scale, ratio) for scale in SCALES for ratio in RATIOS]
    for (width, height), (scale, ratio) in zip(sizes, wanted, strict=True):
        assert width * height == pytest.approx((30 * scale) ** 2)
        assert height / width == pytest.approx(ratio)


@pytest.mark.parametrize("stride", [1, 2, 3, 16])
def test_a_place_is_a_cell_whose_centre_lies_in_the_image(stride):
    for length in range(1, 5 * stride + 2):
        assert places(length, stride) == sum(stride * (i + 0.5) < length for i in range(length + 1))


@pytest.mark.parametrize("size", [(48, 32), (41, 40), (7, 30), (1, 1)])
def test_anchors_lie_round_the_centres_of_the_cells_row_by_row(size):
    sizes = anchor_sizes(20.0, (1.0, 2.0), (0.5, 2.0))
    wanted = []
    for row in range(places(size[0], 16)):
        for column in range(places(size[1], 16)):
            for width, height in sizes.tolist():
                x, y = 16 * column + 8, 16 * row + 8
                wanted.append([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    found = anchor_boxes(sizes, 16, *size)
    assert found.dtype == torch.float64
    assert found.shape == (len(wanted), 4)
    assert torch.allclose(found, torch.tensor(wanted, dtype=torch.float64).view(-1, 4), rtol=1e-12)


@pytest.mark.parametrize("given", [(0.0, SCALES, RATIOS), (8.0, (), RATIOS), (8.0, SCALES, ()), (8.0, (1, -1), RATIOS)])
def test_anchors_without_area_are_refused(given):
    with pytest.raises(ValueError, match="anchors"):
        anchor_sizes(*given)
