"""Non-maximum suppression against the greedy rule in plain loops, and kornia's."""

import random

import pytest
import torch
from kornia.geometry.bbox import nms

from hemoseg.nn.suppression import suppress
from tests.plain_boxes import share

torch.set_num_threads(1)  # the tensors are tiny


def loops(boxes, scores, overlap, most=None):
    stay = []
    for number in sorted(range(len(boxes)), key=lambda number: (-scores[number], number))[:most]:
        if all(share(boxes[number], boxes[better]) <= overlap for better in stay):
            stay.append(number)
    return stay


def drawn(number, seed, *, scores=5, most=12, least_side=0):
    """Boxes of whole numbers, some without area, with few different scores."""
    draw = random.Random(seed)
    boxes = []
    for _ in range(number):
        x, y = draw.randint(0, most), draw.randint(0, most)
        boxes.append([x, y, x + draw.randint(least_side, 7), y + draw.randint(least_side, 7)])
    return boxes, [draw.randrange(scores) / scores for _ in range(number)]


def tensors(boxes, scores):
    return torch.tensor(boxes, dtype=torch.float64).view(-1, 4), torch.tensor(scores, dtype=torch.float64)


@pytest.mark.parametrize("block", [1, 3, 16, 1024])
@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 1.0])
def test_the_boxes_that_stay_are_those_of_loops(block, overlap):
    for seed, number in enumerate((0, 1, 2, 17, 60, 60, 60)):
        for most in (None, 25):
            boxes, scores = drawn(number, seed)
            found = suppress(*tensors(boxes, scores), overlap, most=most, block=block)
            assert found.tolist() == loops(boxes, scores, overlap, most)


@pytest.mark.parametrize("block", [4, 1024])
def test_a_chain_is_decided_from_its_best_end(block):
    # Each box shares more than a third with its two neighbours only: every other one stays.
    boxes = [[2 * place, 0, 2 * place + 5, 1] for place in range(40)]
    scores = [1 - place / 40 for place in range(40)]
    assert suppress(*tensors(boxes, scores), 0.3, block=block).tolist() == list(range(0, 40, 2))


def test_exactly_as_much_as_allowed_is_allowed():
    boxes = [[0, 0, 4, 1], [0, 0, 2, 1]]  # share a half
    assert suppress(*tensors(boxes, [0.9, 0.8]), 0.5).tolist() == [0, 1]
    assert suppress(*tensors(boxes, [0.9, 0.8]), 0.499).tolist() == [0]


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.7])
def test_kornia_agrees_where_no_scores_are_equal_and_no_box_is_empty(overlap):
    for seed in range(5):
        boxes, _ = drawn(80, seed, least_side=1)
        scores = random.Random(seed).sample([place / 80 for place in range(80)], 80)
        assert suppress(*tensors(boxes, scores), overlap).tolist() == nms(*tensors(boxes, scores), overlap).tolist()


def test_empty_boxes_share_nothing():
    boxes = [[2, 2, 2, 5], [2, 2, 2, 5]]  # kornia divides 0 by 0 here and drops one
    assert suppress(*tensors(boxes, [0.9, 0.8]), 0.3).tolist() == [0, 1]
