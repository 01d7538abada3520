"""Weighted cross-entropy, soft Dice and their sum against loops over pixels, and where there is nothing to learn."""

import math

import pytest
import torch
from torch.nn import functional as F

from hemoseg.losses import cross_entropy, soft_dice, weighted_cross_entropy, weighted_cross_entropy_dice

ALL = [weighted_cross_entropy.loss, soft_dice.loss, weighted_cross_entropy_dice.loss]
NAMES = ["weighted_cross_entropy", "soft_dice", "weighted_cross_entropy_dice"]
every_loss = pytest.mark.parametrize("loss", ALL, ids=NAMES)


def drawn(images=2, count=3, size=(4, 5), seed=0):
    """Logits, classes with ignored pixels, weights of classes and of pixels, in float64."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(images, count, *size, generator=generator, dtype=torch.float64)
    classes = torch.randint(0, count, (images, *size), generator=generator)
    classes[0, 1] = 255
    weights = 0.2 + 3 * torch.rand(count, generator=generator, dtype=torch.float64)
    border = 10 * torch.rand(images, *size, generator=generator, dtype=torch.float64)
    return logits, classes, weights, border


def softmax(scores):
    top = max(scores)
    shifted = [math.exp(score - top) for score in scores]
    return [value / sum(shifted) for value in shifted]


def pixels(logits, classes):
    """Image, row, column, probabilities and class of each pixel that is not ignored."""
    for b, row, column in torch.cartesian_prod(*[torch.arange(n) for n in classes.shape]).tolist():
        if int(classes[b, row, column]) != 255:
            yield (b, row, column), softmax(logits[b, :, row, column].tolist()), int(classes[b, row, column])


def cross_entropy_by_hand(logits, classes, weights, border):
    costs = [
        -(float(weights[true]) + float(border[where])) * math.log(said[true])
        for where, said, true in pixels(logits, classes)
    ]
    return sum(costs) / len(costs)


def dice_by_hand(logits, classes):
    images, count = logits.shape[:2]
    costs = []
    for image in range(images):
        known = [(said, true) for where, said, true in pixels(logits, classes) if where[0] == image]
        for c in range(1, count) if known else ():
            over = sum(said[c] * (true == c) for said, true in known)
            under = sum(said[c] ** 2 for said, _ in known) + sum(true == c for _, true in known) + 1e-6
            costs.append(1 - 2 * over / under)
    return sum(costs) / len(costs)


@pytest.mark.parametrize("count", [2, 3])
def test_weighted_cross_entropy_is_the_mean_over_known_pixels_of_what_a_loop_gives(count):
    logits, classes, weights, border = drawn(count=count)
    found = weighted_cross_entropy.loss(logits, classes, weights, border)
    assert float(found) == pytest.approx(cross_entropy_by_hand(logits, classes, weights, border), rel=1e-12)


def test_without_weights_it_is_plain_cross_entropy_and_border_adds_to_the_class():
    logits, classes, weights, border = drawn()
    plain = weighted_cross_entropy.loss(logits, classes)
    assert float(plain) == pytest.approx(float(cross_entropy.loss(logits, classes)), rel=1e-6)
    ones, nothing = torch.ones_like(weights), torch.zeros_like(border)
    assert float(weighted_cross_entropy.loss(logits, classes, ones, nothing)) == pytest.approx(float(plain), rel=1e-12)
    parts = weighted_cross_entropy.loss(logits, classes, weights, border)
    apart = weighted_cross_entropy.loss(logits, classes, weights) + weighted_cross_entropy.loss(
        logits, classes, 0 * weights, border
    )
    assert float(parts) == pytest.approx(float(apart), rel=1e-12)


def test_of_two_classes_it_is_the_weighted_binary_cross_entropy():
    logits, classes, weights, border = drawn(count=2)
    known = classes != 255
    weight = (weights[torch.where(known, classes, 0)] + border) * known
    binary = F.binary_cross_entropy_with_logits(
        logits[:, 1] - logits[:, 0], (classes == 1).double(), weight, reduction="sum"
    )
    found = weighted_cross_entropy.loss(logits, classes, weights, border)
    assert float(found) == pytest.approx(float(binary / known.sum()), rel=1e-12)


@pytest.mark.parametrize("count", [2, 4])
def test_soft_dice_is_the_mean_over_images_and_classes_but_background(count):
    logits, classes, *_ = drawn(images=3, count=count)
    assert float(soft_dice.loss(logits, classes)) == pytest.approx(dice_by_hand(logits, classes), rel=1e-12)
    classes[1] = 255
    assert float(soft_dice.loss(logits, classes)) == pytest.approx(dice_by_hand(logits, classes), rel=1e-12)


def test_the_sum_is_one_to_one():
    logits, classes, weights, border = drawn()
    by_hand = cross_entropy_by_hand(logits, classes, weights, border) + dice_by_hand(logits, classes)
    found = weighted_cross_entropy_dice.loss(logits, classes, weights, border)
    assert float(found) == pytest.approx(by_hand, rel=1e-12)


@every_loss
def test_gradients_are_those_of_finite_differences(loss):
    logits, classes, weights, border = drawn(size=(3, 3))
    given = {} if loss is soft_dice.loss else {"weights": weights, "border": border}
    assert torch.autograd.gradcheck(lambda z: loss(z, classes, **given), logits.requires_grad_())


@every_loss
def test_ignored_pixels_do_not_count(loss):
    logits, classes, *_ = drawn()
    other = logits.clone()
    other[0, :, 1] += 7
    assert float(loss(other, classes)) == float(loss(logits, classes))
    logits.requires_grad_()
    loss(logits, classes).backward()
    assert not logits.grad[0, :, 1].any()
    assert logits.grad[0, :, 0].any()


@every_loss
def test_where_everything_is_ignored_the_loss_and_its_gradient_are_zero(loss):
    logits = torch.randn(2, 2, 3, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    value = loss(logits, torch.full((2, 3, 3), 255))
    value.backward()
    assert float(value.detach()) == 0
    assert not logits.grad.any()


@every_loss
def test_an_image_that_is_all_ignored_changes_nothing(loss):
    logits, classes, *_ = drawn()
    classes[0] = 255
    assert float(loss(logits, classes)) == pytest.approx(float(loss(logits[1:], classes[1:])), rel=1e-12)


def test_dice_costs_1_without_foreground_and_pulls_at_nothing():
    logits = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    value = soft_dice.loss(logits, torch.zeros(1, 4, 4, dtype=torch.long))
    value.backward()
    assert float(value.detach()) == 1
    assert not logits.grad.any()


def test_a_perfect_answer_costs_next_to_nothing_and_a_wrong_one_much():
    classes = torch.randint(0, 3, (2, 6, 6), generator=torch.Generator().manual_seed(0))
    perfect = 40 * F.one_hot(classes, 3).movedim(-1, 1).float()
    assert float(weighted_cross_entropy_dice.loss(perfect, classes)) < 1e-5
    assert float(soft_dice.loss(perfect.roll(1, dims=1), classes)) > 0.99


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("size", [1, 30000])
def test_loss_and_gradient_are_finite_for_any_logits(loss, dtype, size):
    logits, classes, *_ = drawn(size=(32, 32))
    logits = (size * logits.clamp(-2, 2)).to(dtype).requires_grad_()
    value = loss(logits, classes)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()
    exact = float(loss(logits.detach().double(), classes))
    assert float(value.detach()) == pytest.approx(exact, rel=1e-4)


def test_a_dice_loss_of_background_alone_is_refused():
    with pytest.raises(ValueError, match="besides the background"):
        soft_dice.loss(torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.long))
