"""Boxes against sets of pixels and plain loops."""

import math
import random

import pytest
import torch

from hemoseg.nn.boxes import MOST_GROWTH, areas, boxes_of_labels, clip, decode, encode, iou

torch.set_num_threads(1)  # the tensors are tiny


def drawn(number, seed, *, least=-4, most=12):
    """Boxes with whole numbers; some are empty, some the wrong way round."""
    draw = random.Random(seed)
    return [[draw.randint(least, most) for _ in range(4)] for _ in range(number)]


def pixels(box):
    x0, y0, x1, y1 = (int(side) for side in box)
    return {(r, c) for r in range(y0, y1) for c in range(x0, x1)}


def sides_above_0(number, seed):
    generator = torch.Generator().manual_seed(seed)
    begin = 200 * torch.rand(number, 2, generator=generator, dtype=torch.float64) - 50
    size = torch.exp(4 * torch.rand(number, 2, generator=generator, dtype=torch.float64) - 0.5)
    return torch.cat([begin, begin + size], dim=1)


@pytest.mark.parametrize("seed", range(3))
def test_iou_counts_pixels(seed):
    a, b = drawn(30, 2 * seed), drawn(20, 2 * seed + 1)
    found = iou(torch.tensor(a).double(), torch.tensor(b).double())
    for i, one in enumerate(map(pixels, a)):
        for j, other in enumerate(map(pixels, b)):
            assert float(found[i, j]) == (len(one & other) / len(one | other) if one | other else 0)
    assert areas(torch.tensor(a)).tolist() == [len(pixels(box)) for box in a]


def test_no_box_shares_nothing():
    assert iou(torch.zeros(0, 4), torch.rand(3, 4)).shape == (0, 3)
    assert iou(torch.rand(3, 4), torch.zeros(0, 4)).shape == (3, 0)


def test_code_of_a_box_is_the_sources_formula():
    boxes, anchors = sides_above_0(50, 1), sides_above_0(50, 2)
    for found, box, anchor in zip(encode(boxes, anchors).tolist(), boxes.tolist(), anchors.tolist(), strict=True):
        (x, y, w, h), (xa, ya, wa, ha) = (((a + c) / 2, (b + d) / 2, c - a, d - b) for a, b, c, d in (box, anchor))
        wanted = [(x - xa) / wa, (y - ya) / ha, math.log(w / wa), math.log(h / ha)]
        assert found == pytest.approx(wanted, rel=1e-12, abs=1e-12)


def test_decoding_undoes_encoding_and_encoding_decoding():
    boxes, anchors = sides_above_0(200, 3), sides_above_0(200, 4)
    code = encode(boxes, anchors)
    assert float(code[:, 2:].max()) < MOST_GROWTH
    assert torch.allclose(decode(code, anchors), boxes, rtol=1e-12, atol=1e-10)
    assert torch.allclose(encode(decode(code, anchors), anchors), code, rtol=1e-9, atol=1e-10)


def test_an_untrained_number_decodes_to_a_finite_box():
    found = decode(torch.tensor([[0.0, 0.0, 1e30, -1e30]]), torch.tensor([[4.0, 4.0, 12.0, 12.0]]))
    assert torch.isfinite(found).all()
    assert float(found[0, 2] - found[0, 0]) == pytest.approx(8 * 62.5, rel=1e-5)
    assert float(found[0, 3] - found[0, 1]) == 0


def test_a_clipped_box_has_the_pixels_that_lie_in_the_image():
    height, width = 5, 7
    image = pixels((0, 0, width, height))
    boxes = drawn(100, 5)
    for box, found in zip(boxes, clip(torch.tensor(boxes).double(), height, width).tolist(), strict=True):
        assert pixels(found) == pixels(box) & image
        assert min(found) >= 0
        assert max(found[0], found[2]) <= width
        assert max(found[1], found[3]) <= height


def loops(instances, least_side=1, least_area=1):
    """Number and box of each cell, pixel by pixel."""
    cells = {}
    for r, row in enumerate(instances.tolist()):
        for c, number in enumerate(row):
            if number:
                x0, y0, x1, y1, area = cells.get(number, (c, r, c + 1, r + 1, 0))
                cells[number] = (min(x0, c), min(y0, r), max(x1, c + 1), max(y1, r + 1), area + 1)
    kept = {
        number: list(box)
        for number, (*box, area) in sorted(cells.items())
        if min(box[2] - box[0], box[3] - box[1]) >= least_side and area >= least_area
    }
    return list(kept), list(kept.values())


@pytest.mark.parametrize("least", [{}, {"least_side": 3}, {"least_side": 2.5, "least_area": 4}, {"least_area": 5}])
@pytest.mark.parametrize("density", [0.02, 0.3])
def test_boxes_of_cells_are_those_of_loops(density, least):
    generator = torch.Generator().manual_seed(6)
    some = torch.tensor([1, 2, 3, 7, 900, 2**31 - 1])  # numbers with gaps, cells in several parts
    for size in ((1, 1), (6, 9), (12, 5)):
        instances = some[torch.randint(len(some), size, generator=generator)]
        instances[torch.rand(size, generator=generator) > density] = 0
        ids, boxes = boxes_of_labels(instances, **least)
        assert (ids.tolist(), boxes.tolist()) == loops(instances, **least)
        assert boxes.dtype == torch.float32
        assert boxes.shape == (len(ids), 4)


def test_extreme_cells_have_boxes():
    assert boxes_of_labels(torch.zeros(4, 6, dtype=torch.int64))[1].shape == (0, 4)
    assert boxes_of_labels(torch.ones(4, 6, dtype=torch.int32))[1].tolist() == [[0, 0, 6, 4]]
    one = torch.zeros(4, 6, dtype=torch.int64)
    one[3, 5] = 5
    assert boxes_of_labels(one)[1].tolist() == [[5, 3, 6, 4]]
