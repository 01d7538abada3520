import math

import pytest
import torch

from hemoseg.losses.cross_entropy import loss


def by_hand(logits, classes):
    values = []
    for b, row, column in torch.cartesian_prod(*[torch.arange(n) for n in classes.shape]).tolist():
        known = int(classes[b, row, column])
        if known != 255:
            scores = [math.exp(score) for score in logits[b, :, row, column].tolist()]
            values.append(-math.log(scores[known] / sum(scores)))
    return sum(values) / len(values)


def test_loss_is_the_mean_over_the_pixels_that_count():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator)
    classes = torch.randint(0, 3, (2, 4, 5), generator=generator)
    classes[0, 1:3] = 255
    assert float(loss(logits, classes)) == pytest.approx(by_hand(logits, classes), rel=1e-5)


def test_ignored_pixels_have_no_gradient():
    logits = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    classes = torch.zeros(1, 4, 4, dtype=torch.long)
    classes[0, 2] = 255
    loss(logits, classes).backward()
    assert logits.grad[0, :, 2].abs().max() == 0
    assert logits.grad[0, :, 1].abs().min() > 0


def test_loss_is_zero_and_has_a_gradient_where_everything_is_ignored():
    logits = torch.randn(1, 2, 3, 3).requires_grad_()
    value = loss(logits, torch.full((1, 3, 3), 255))
    value.backward()
    assert float(value.detach()) == 0
    assert logits.grad.abs().max() == 0


def test_half_precision_logits_are_summed_in_float32():
    logits = torch.zeros(1, 2, 64, 64, dtype=torch.bfloat16)
    value = loss(logits, torch.zeros(1, 64, 64, dtype=torch.long))
    assert value.dtype == torch.float32
    assert float(value) == pytest.approx(math.log(2), rel=1e-5)


def test_equal_weights_change_nothing_and_a_class_of_weight_0_does_not_count():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 5, generator=generator)
    classes = torch.randint(0, 3, (2, 4, 5), generator=generator)
    classes[1, 0] = 255
    assert float(loss(logits, classes, torch.full((3,), 0.3))) == pytest.approx(float(loss(logits, classes)), rel=1e-6)
    without = torch.where(classes == 1, 255, classes)
    weighted = loss(logits, classes, torch.tensor([2.0, 0.0, 2.0]))
    assert float(weighted) == pytest.approx(float(loss(logits, without)), rel=1e-6)
    assert float(loss(logits, torch.ones_like(classes), torch.tensor([1.0, 0.0, 1.0]))) == 0
