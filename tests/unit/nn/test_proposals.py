"""Matching and drawing against plain loops over all pairs, and their edge cases."""

import random

import pytest
import torch

from hemoseg.nn import proposals
from hemoseg.nn.anchors import anchor_boxes, anchor_sizes
from hemoseg.nn.proposals import IGNORED, NEGATIVE, match, sample
from tests.plain_boxes import share

torch.set_num_threads(1)  # the tensors are tiny


def loops(anchors, boxes, positive, negative):
    """The rule, one pair after the other."""
    shared = [[share(a, b) for b in boxes] for a in anchors]
    partner = []
    for row in shared:
        top = max(row, default=0.0)
        partner.append(row.index(top) if row and top >= positive else NEGATIVE if top < negative else IGNORED)
    claims = {}
    for number in range(len(boxes)):
        column = [row[number] for row in shared]
        if column and max(column) > 0:
            claims.setdefault(column.index(max(column)), []).append(number)
    for anchor, numbers in claims.items():
        partner[anchor] = max(numbers, key=lambda number: (shared[anchor][number], -number))
    return partner


def drawn(number, seed, most=8):
    draw = random.Random(seed)
    corners = [(draw.randint(0, most), draw.randint(0, most)) for _ in range(number)]
    return [[x, y, x + draw.randint(1, 5), y + draw.randint(1, 5)] for x, y in corners]


def boxes_of(rows):
    return torch.tensor(rows, dtype=torch.float64).view(-1, 4)


@pytest.mark.parametrize("pairs", [1, 7, 2**22])  # how many are held at once
@pytest.mark.parametrize(("positive", "negative"), [(0.7, 0.3), (0.5, 0.5), (0.25, 0.2)])
def test_matching_is_that_of_loops(monkeypatch, pairs, positive, negative):
    monkeypatch.setattr(proposals, "PAIRS_AT_ONCE", pairs)
    kinds, shared_best = set(), 0
    for seed in range(15):
        anchors, boxes = drawn(40, 2 * seed), drawn(seed, 2 * seed + 1)
        anchors += boxes[:2]  # some that fit exactly
        found = match(boxes_of(anchors), boxes_of(boxes), positive=positive, negative=negative).tolist()
        assert found == loops(anchors, boxes, positive, negative)
        kinds |= {min(one, 0) for one in found}
        shared_best += len(set(range(len(boxes))) - set(found))
    assert kinds >= {0, NEGATIVE}
    assert shared_best  # boxes that lost their best anchor to another one were among them


def test_a_box_gets_its_best_anchor_however_little_they_share():
    anchors = boxes_of([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10]])
    assert match(anchors, boxes_of([[29, 9, 31, 11]])).tolist() == [NEGATIVE, 0, NEGATIVE]


def test_an_anchor_that_is_the_best_of_two_boxes_is_that_of_the_better_fit():
    anchors = boxes_of([[0, 0, 10, 10], [50, 50, 60, 60]])
    far, near = [8, 8, 12, 12], [0, 0, 10, 9]
    assert match(anchors, boxes_of([far, near])).tolist() == [1, NEGATIVE]
    assert match(anchors, boxes_of([near, near])).tolist() == [0, NEGATIVE]


def test_without_a_box_everything_is_background():
    anchors = anchor_boxes(anchor_sizes(20.0, (1.0,), (1.0, 2.0)), 16, 48, 64)
    assert match(anchors, boxes_of([])).tolist() == [NEGATIVE] * 24
    assert match(anchors[:0], boxes_of([[0, 0, 4, 4]])).tolist() == []


def test_a_box_off_the_anchors_matches_none():
    anchors = anchor_boxes(anchor_sizes(20.0, (1.0,), (1.0,)), 16, 48, 64)
    assert set(match(anchors, boxes_of([[500, 500, 520, 520], [-90, -90, -80, -80]])).tolist()) == {NEGATIVE}


def test_a_box_over_the_whole_frame_gets_one_anchor():
    anchors = anchor_boxes(anchor_sizes(20.0, (1.0,), (1.0,)), 16, 64, 64)
    found = match(anchors, boxes_of([[0, 0, 64, 64]])).tolist()
    # The first of the inner ones, which lie in the frame with all of their area.
    assert [place for place, one in enumerate(found) if one == 0] == [5]


def test_anchors_that_cross_the_frame_learn_too():
    anchors = anchor_boxes(anchor_sizes(20.0, (1.0,), (1.0,)), 16, 64, 64)
    assert float(anchors[0].min()) < 0
    assert match(anchors, boxes_of([[0, 0, 18, 18]])).tolist()[0] == 0


def partners(positive, negative, ignored):
    rows = torch.tensor([3] * positive + [NEGATIVE] * negative + [IGNORED] * ignored)
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))]


@pytest.mark.parametrize("counts", [(0, 0, 0), (0, 9, 3), (5, 0, 3), (2, 30, 4), (30, 30, 4), (30, 3, 0), (4, 4, 50)])
@pytest.mark.parametrize("number", [1, 8, 9, 256])
def test_as_many_are_drawn_as_there_are_and_half_of_them_are_positive_at_most(counts, number):
    partner = partners(*counts)
    chosen = partner[sample(partner, number=number)]
    positive = min(counts[0], number // 2)
    assert int((chosen >= 0).sum()) == positive
    assert int((chosen == NEGATIVE).sum()) == min(counts[1], number - positive)
    assert int((chosen == IGNORED).sum()) == 0


def test_a_seed_draws_the_same_and_another_one_other_anchors():
    partner, draws = partners(40, 400, 60), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(sample(partner, number=64))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_every_anchor_of_a_kind_is_drawn_as_often():
    partner = partners(20, 60, 5)
    torch.manual_seed(0)
    count = sum(sample(partner, number=20).double() for _ in range(2000))
    for kind, chance in ((partner >= 0, 10 / 20), (partner == NEGATIVE, 10 / 60)):
        # Five standard deviations of a binomial count.
        assert (count[kind] - 2000 * chance).abs().max() < 5 * (2000 * chance * (1 - chance)) ** 0.5
