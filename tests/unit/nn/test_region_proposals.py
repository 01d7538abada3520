"""Proposals of a pyramid against plain loops."""

import math

import pytest
import torch

from hemoseg.nn.anchors import anchor_boxes, anchor_sizes
from hemoseg.nn.region_proposals import PyramidProposals, large_enough, proposals
from tests.plain_boxes import share

torch.set_num_threads(1)  # the tensors are tiny
STRIDES = (4, 8)


def head(seed=0):
    torch.manual_seed(seed)
    return PyramidProposals(3, anchor_sizes(9.0, (1.0,), (0.5, 2.0)), STRIDES)


def loops(scores, deltas, anchors, height, width, most, overlap):
    found = []
    for level in zip(scores, deltas, anchors, strict=True):
        ranked, kept = [], []
        for (background, cell), (tx, ty, tw, th), (x0, y0, x1, y1) in zip(
            *(one.tolist() for one in level), strict=True
        ):
            w, h = (x1 - x0) * math.exp(min(tw, math.log(62.5))), (y1 - y0) * math.exp(min(th, math.log(62.5)))
            x, y = (x0 + x1) / 2 + tx * (x1 - x0), (y0 + y1) / 2 + ty * (y1 - y0)
            box = [min(max(x - w / 2, 0), width), min(max(y - h / 2, 0), height)]
            box += [min(max(x + w / 2, 0), width), min(max(y + h / 2, 0), height)]
            ranked.append([*box, 1 / (1 + math.exp(background - cell))])
        for box in sorted(ranked, key=lambda one: -one[4])[:most]:
            wide = box[2] - box[0] >= 1 and box[3] - box[1] >= 1
            if wide and all(share(box, other) <= overlap for other in kept):
                kept.append(box)
        found += kept
    return sorted(found, key=lambda one: -one[4])[:most]


@pytest.mark.parametrize("size", [(40, 52), (23, 41)])
@pytest.mark.parametrize(("most", "overlap"), [(1000, 0.7), (1000, 0.2), (25, 0.7)])
def test_proposals_are_those_of_loops(size, most, overlap):
    generator = torch.Generator().manual_seed(1)
    anchors = head().anchors(*size, torch.zeros(0, dtype=torch.float64))
    scores, deltas = (
        [1.5 * torch.randn(len(one), n, generator=generator, dtype=torch.float64) for one in anchors] for n in (2, 4)
    )
    boxes, chances = proposals(scores, deltas, anchors, *size, most=most, overlap=overlap)
    wanted = torch.tensor(loops(scores, deltas, anchors, *size, most, overlap), dtype=torch.float64)
    assert 5 < len(wanted) <= most
    assert torch.allclose(torch.cat([boxes, chances[:, None]], dim=1), wanted, rtol=1e-9, atol=1e-9)


def test_anchors_double_with_the_stride_and_answers_have_their_order():
    network, (height, width) = head().double(), (19, 30)
    anchors = network.anchors(height, width, torch.zeros(0))
    for level, (stride, factor) in enumerate(zip(STRIDES, (1, 2), strict=True)):
        wanted = anchor_boxes(network.sizes * factor, stride, height, width)
        assert torch.allclose(anchors[level].double(), wanted, atol=1e-4)
    maps = [torch.randn(2, 3, 8, 8).double(), torch.randn(2, 3, 4, 4).double()]
    scores, deltas = network(maps, height, width)
    assert [one.shape for one in scores] == [(2, len(one), 2) for one in anchors]
    assert [one.shape for one in deltas] == [(2, len(one), 4) for one in anchors]
    # Feature (1, 3) alone is changed: only the answers of the 3x3 places round it change.
    maps[0][0, :, 1, 3] += 1
    changed = (network(maps, height, width)[1][0] != deltas[0])[0].any(dim=1)
    centres = (anchors[0][:, :2] + anchors[0][:, 2:]) / 2
    near = ((centres / 4 - torch.tensor([3.5, 1.5])).abs() < 1.1).all(dim=1)
    assert torch.equal(changed, near)


def test_answers_that_are_no_numbers_propose_nothing():
    anchors = head().anchors(40, 52, torch.zeros(0))
    scores, deltas = ([torch.zeros(len(one), n) for one in anchors] for n in (2, 4))
    scores[0][:] = float("nan")
    deltas[1][:] = float("nan")
    boxes, chances = proposals(scores, deltas, anchors, 40, 52)
    assert boxes.shape == (0, 4)
    assert chances.shape == (0,)


def test_of_two_that_are_both_sure_the_surer_one_stays():
    anchor, deltas = torch.tensor([[2.0, 2, 12, 12], [3, 2, 13, 12]]), torch.zeros(2, 4)
    scores = torch.tensor([[-20.0, 20], [-21, 21]])
    assert (scores.softmax(1)[:, 1] == 1).all()
    boxes, chances = proposals([scores], [deltas], [anchor], 40, 52)
    assert torch.equal(boxes, anchor[1:])
    assert chances.tolist() == [1]


def test_answers_that_are_no_numbers_crowd_no_other_out():
    anchors = head().anchors(40, 52, torch.zeros(0))[:1]
    scores, deltas = [torch.randn(len(anchors[0]), 2)], [torch.zeros(len(anchors[0]), 4)]
    scores[0][::2] = float("nan")
    found = proposals(scores, deltas, anchors, 40, 52, most=20)
    wanted = proposals(*([one[0][1::2]] for one in (scores, deltas, anchors)), 40, 52, most=20)
    assert len(wanted[0]) > 5
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_a_box_is_large_enough_from_one_pixel_on():
    boxes = torch.tensor([[0, 0, 1, 1], [0, 0, 0.99, 9], [3, 3, 9, 3.5], [0, 0, float("nan"), 9]])
    assert large_enough(boxes).tolist() == [True, False, False, False]
