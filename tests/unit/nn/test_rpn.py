"""The head of the proposals and its loss against plain loops in float64."""

import math

import pytest
import torch

from hemoseg.nn.anchors import anchor_boxes, anchor_sizes
from hemoseg.nn.proposals import IGNORED, NEGATIVE, match, sample
from hemoseg.nn.rpn import ProposalHead, image_loss, proposal_loss

torch.set_num_threads(1)  # the tensors are tiny
ANCHORS = anchor_boxes(anchor_sizes(20.0, (0.5, 1.0), (0.5, 2.0)), 16, 48, 64)  # 3 x 4 places, 4 anchors each
TRUE = torch.tensor([[3, 5, 25, 20], [30, 2, 41, 27], [29, 20, 63, 47]], dtype=torch.float64)


def answers(batch, seed=0, spread=1.5):
    generator = torch.Generator().manual_seed(seed)
    scores, deltas = (torch.randn(batch, len(ANCHORS), c, generator=generator, dtype=torch.float64) for c in (2, 4))
    return spread * scores, spread * deltas


def loops(scores, deltas, boxes, partner, locations, balance):
    """The formula, one anchor after the other."""
    drawn = [number for number, one in enumerate(partner) if one != IGNORED]
    log_losses = distances = 0.0
    for number in drawn:
        background, cell = (math.exp(one) for one in scores[number])
        chance = cell / (background + cell)
        log_losses -= math.log(chance if partner[number] >= 0 else 1 - chance)
        if partner[number] >= 0:
            (x, y, w, h), (xa, ya, wa, ha) = (
                ((a + c) / 2, (b + d) / 2, c - a, d - b)
                for a, b, c, d in (boxes[partner[number]], ANCHORS[number].tolist())
            )
            wanted = ((x - xa) / wa, (y - ya) / ha, math.log(w / wa), math.log(h / ha))
            for one, other in zip(deltas[number], wanted, strict=True):
                far = abs(one - other)
                distances += far * far / 2 if far < 1 else far - 0.5
    return log_losses / len(drawn) + balance * distances / locations


@pytest.mark.parametrize("balance", [1.0, 10.0])
def test_the_loss_of_an_image_is_the_formula(balance):
    scores, deltas = (one[0] for one in answers(1))
    partner = match(ANCHORS, TRUE, positive=0.4)
    partner[::5] = IGNORED
    assert {NEGATIVE, IGNORED, 0, 1, 2} == set(partner.tolist())
    found = image_loss(scores, deltas, ANCHORS, TRUE, partner, 12, balance)
    wanted = loops(scores.tolist(), deltas.tolist(), TRUE.tolist(), partner.tolist(), 12, balance)
    assert float(found) == pytest.approx(wanted, rel=1e-12)


def test_the_loss_of_a_batch_is_the_mean_of_its_images():
    scores, deltas = answers(3)
    boxes = [TRUE, TRUE[:0], TRUE[1:]]
    torch.manual_seed(4)
    found = proposal_loss(scores, deltas, ANCHORS, boxes, locations=12)
    torch.manual_seed(4)
    wanted = 0.0
    for one, (image, true) in enumerate(zip(zip(scores, deltas, strict=True), boxes, strict=True)):
        assert len(true) == (3, 0, 2)[one]
        partner = match(ANCHORS, true)
        partner[~sample(partner)] = IGNORED
        wanted += loops(*(each.tolist() for each in image), true.tolist(), partner.tolist(), 12, 10.0) / 3
    assert float(found) == pytest.approx(wanted, rel=1e-12)


def test_the_gradient_is_that_of_the_loss():
    some = ANCHORS[::5]
    scores, deltas = (one[:, ::5].clone().requires_grad_() for one in answers(2, seed=3))

    def loss(scores, deltas):
        torch.manual_seed(1)
        return proposal_loss(scores, deltas, some, [TRUE, TRUE[:0]], locations=12)

    assert torch.autograd.gradcheck(loss, (scores, deltas))


def test_only_anchors_that_were_drawn_learn_and_only_positive_ones_learn_boxes():
    scores, deltas = (one[0].requires_grad_() for one in answers(1))
    partner = match(ANCHORS, TRUE)
    partner[1::2] = IGNORED
    image_loss(scores, deltas, ANCHORS, TRUE, partner, 12, 10.0).backward()
    assert torch.equal(scores.grad.abs().sum(1) > 0, partner != IGNORED)
    assert torch.equal(deltas.grad.abs().sum(1) > 0, partner >= 0)


def test_what_is_not_known_is_no_background_but_a_cell_stays_one():
    scores, deltas = (one.requires_grad_() for one in answers(1))
    known = torch.zeros(1, len(ANCHORS), dtype=torch.bool)
    known[0, ::3] = True
    proposal_loss(scores, deltas, ANCHORS, [TRUE], locations=12, known=known).backward()
    partner = match(ANCHORS, TRUE)
    assert torch.equal(scores.grad[0].abs().sum(1) > 0, (partner >= 0) | ((partner == NEGATIVE) & known[0]))


def test_without_anchors_the_loss_is_0_and_has_a_gradient():
    scores, deltas = torch.zeros(1, 0, 2, requires_grad=True), torch.zeros(1, 0, 4, requires_grad=True)
    loss = proposal_loss(scores, deltas, ANCHORS[:0].float(), [TRUE.float()], locations=0)
    loss.backward()
    assert float(loss.detach()) == 0


def test_answers_of_a_place_come_from_this_place_anchor_by_anchor():
    torch.manual_seed(0)
    head, x = ProposalHead(5, 3).double(), torch.randn(2, 5, 4, 6, dtype=torch.float64)
    for layer in (head.score, head.delta):
        assert layer.bias.abs().max() == 0
        torch.nn.init.normal_(layer.bias)
    with torch.no_grad():
        scores, deltas = head(x)
    for layer, found in ((head.score, scores), (head.delta, deltas)):
        numbers = found.shape[-1]
        assert found.shape == (2, 4, 6, 3, numbers)
        for anchor in range(3):
            for number in range(numbers):
                out = numbers * anchor + number
                wanted = layer.bias[out] + (layer.weight[out, :, 0, 0] * x[1, :, 2, 5]).sum()
                assert torch.allclose(found[1, 2, 5, anchor, number], wanted, rtol=1e-12)
