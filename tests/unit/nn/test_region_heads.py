"""The losses of regions against their formulas, one region after the other, in float64."""

import math

import pytest
import torch

from hemoseg.nn.region_heads import (
    BOX_SIDE,
    MASK_SIDE,
    PRIOR,
    BoxHead,
    MaskHead,
    box_loss,
    class_loss,
    decode_regions,
    mask_loss,
)

torch.set_num_threads(1)  # the tensors are tiny
ANSWERS = torch.tensor([2, 0, 1, 0, 3, 1])
REGIONS = torch.tensor(
    [[0, 0, 10, 20], [5, 5, 9, 8], [3, 1, 30, 9], [2, 2, 7, 7], [11, 4, 19, 15], [0, 6, 8, 12.5]], dtype=torch.float64
)
BOXES = REGIONS + torch.tensor([1.5, -1.0, 4.0, 2.0], dtype=torch.float64)
NONE = torch.zeros(0, dtype=torch.int64)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_loss_of_the_classes_is_the_mean_log_loss():
    logits = drawn(6, 4)
    wanted = 0.0
    for row, answer in zip(logits.tolist(), ANSWERS.tolist(), strict=True):
        wanted -= math.log(math.exp(row[answer]) / sum(map(math.exp, row)))
    assert float(class_loss(logits, ANSWERS)) == pytest.approx(wanted / 6, rel=1e-12)
    assert float(class_loss(logits[:0], NONE)) == 0


def wanted_deltas(box, region):
    (x, y, w, h), (xa, ya, wa, ha) = (((a + c) / 2, (b + d) / 2, c - a, d - b) for a, b, c, d in (box, region))
    return (x - xa) / wa / 0.1, (y - ya) / ha / 0.1, math.log(w / wa) / 0.2, math.log(h / ha) / 0.2


def test_the_loss_of_the_boxes_is_that_of_the_right_class_over_all_regions():
    deltas = drawn(6, 3, 4)
    total = 0.0
    for n, answer in enumerate(ANSWERS.tolist()):
        if answer:
            for said, wanted in zip(
                deltas[n, answer - 1].tolist(), wanted_deltas(BOXES[n].tolist(), REGIONS[n].tolist()), strict=True
            ):
                far = abs(said - wanted)
                total += far * far / 2 if far < 1 else far - 0.5
    assert float(box_loss(deltas, REGIONS, BOXES, ANSWERS)) == pytest.approx(total / 6, rel=1e-9)
    background = torch.zeros_like(ANSWERS)
    assert float(box_loss(deltas, REGIONS, BOXES, background)) == 0
    assert float(box_loss(deltas[:0], REGIONS[:0], BOXES[:0], NONE)) == 0


def test_the_deltas_that_the_loss_wants_decode_to_the_boxes():
    deltas = torch.tensor([wanted_deltas(*pair) for pair in zip(BOXES.tolist(), REGIONS.tolist(), strict=True)])
    deltas = torch.stack([deltas, 0 * deltas], dim=1).double()
    found = decode_regions(deltas, REGIONS)
    assert torch.allclose(found[:, 0], BOXES, atol=1e-5)
    assert torch.allclose(found[:, 1], REGIONS)
    assert float(box_loss(deltas, REGIONS, BOXES, torch.ones(6).long())) < 1e-9


def test_the_loss_of_the_masks_is_the_mean_over_known_bins_of_the_right_class():
    answers, logits = ANSWERS[ANSWERS > 0], drawn(4, 3, 5, 5)
    masks, known = drawn(4, 5, 5, seed=1) > 0, drawn(4, 5, 5, seed=2) > -0.5
    losses = []
    for n, answer in enumerate(answers.tolist()):
        for i in range(5):
            for j in range(5):
                chance = 1 / (1 + math.exp(-float(logits[n, answer - 1, i, j])))
                if known[n, i, j]:
                    losses.append(-math.log(chance if masks[n, i, j] else 1 - chance))
    found = mask_loss(logits, answers, masks, known)
    assert float(found) == pytest.approx(sum(losses) / len(losses), rel=1e-12)
    assert float(mask_loss(logits, answers, masks, known & False)) == 0
    assert float(mask_loss(logits[:0], NONE, masks[:0], known[:0])) == 0


def test_other_classes_and_unknown_bins_get_no_gradient():
    answers, logits = torch.tensor([2, 1]), drawn(2, 2, 3, 3).requires_grad_()
    known = torch.ones(2, 3, 3, dtype=torch.bool)
    known[0, 1] = False
    mask_loss(logits, answers, known, known).backward()
    learnt = logits.grad != 0
    assert not learnt[0, 0].any()
    assert not learnt[1, 1].any()
    assert torch.equal(learnt[0, 1], known[0])
    assert learnt[1, 0].all()


@pytest.mark.parametrize("classes", [2, 4])
def test_an_untrained_head_expects_background(classes):
    torch.manual_seed(0)
    logits, deltas = BoxHead(3, classes, 16)(torch.randn(5, 3, BOX_SIDE, BOX_SIDE))
    assert deltas.shape == (5, classes - 1, 4)
    chances = logits.softmax(1)
    assert torch.allclose(chances[:, 0], torch.tensor(1 - PRIOR), atol=0.005)
    assert torch.allclose(chances[:, 1:], torch.tensor(PRIOR / (classes - 1)), atol=0.005)


def test_heads_read_no_region_too_and_give_every_weight_a_gradient():
    for head, side in ((BoxHead(3, 3, 8), BOX_SIDE), (MaskHead(3, 3), MASK_SIDE)):
        answers = head(torch.zeros(0, 3, side, side))
        sum(one.sum() for one in (answers if isinstance(answers, tuple) else [answers])).backward()
        assert all(p.grad is not None and not p.grad.any() for p in head.parameters())
    assert MaskHead(3, 4)(torch.zeros(2, 3, MASK_SIDE, MASK_SIDE)).shape == (2, 3, 28, 28)


def test_a_head_without_outputs_is_refused():
    with pytest.raises(ValueError, match="hidden must be from 1 to 4096, not 0"):
        BoxHead(3, 2, 0)
