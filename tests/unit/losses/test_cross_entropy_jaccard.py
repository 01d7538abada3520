"""H - log J against loops over pixels, and where there is nothing to learn."""

import math

import pytest
import torch
from torch.nn import functional as F

from hemoseg.losses import cross_entropy
from hemoseg.losses.cross_entropy_jaccard import loss


def drawn(images=2, count=3, size=(4, 5), seed=0):
    """Logits and classes with ignored pixels, in float64."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(images, count, *size, generator=generator, dtype=torch.float64)
    classes = torch.randint(0, count, (images, *size), generator=generator)
    classes[0, 1] = 255
    return logits, classes


def by_hand(logits, classes, weights=None):
    """Entropy and Jaccard index of the batch in loops over its pixels, then H - log J."""
    count = logits.shape[1]
    weights = [1.0] * count if weights is None else weights.tolist()
    costs, weighed, overlap, claimed, there = [], [], [0.0] * count, [0.0] * count, [0] * count
    for b, row, column in torch.cartesian_prod(*[torch.arange(n) for n in classes.shape]).tolist():
        if (true := int(classes[b, row, column])) == 255:
            continue
        scores = [math.exp(score) for score in logits[b, :, row, column].tolist()]
        probability = [score / sum(scores) for score in scores]
        costs.append(-weights[true] * math.log(probability[true]))
        weighed.append(weights[true])
        for c in range(count):
            overlap[c] += probability[c] * (true == c)
            claimed[c] += probability[c]
            there[c] += true == c
    jaccard = [overlap[c] / (claimed[c] + there[c] - overlap[c]) for c in range(count) if there[c]]
    return sum(costs) / sum(weighed) - math.log(sum(jaccard) / len(jaccard))


@pytest.mark.parametrize("count", [2, 3, 5])
def test_it_is_what_loops_over_the_pixels_give(count):
    logits, classes = drawn(count=count)
    assert float(loss(logits, classes)) == pytest.approx(by_hand(logits, classes), rel=1e-12)


def test_class_weights_are_of_the_cross_entropy_alone():
    logits, classes = drawn()
    weights = torch.tensor([0.3, 2.0, 5.0], dtype=torch.float64)
    assert float(loss(logits, classes, weights)) == pytest.approx(by_hand(logits, classes, weights), rel=1e-12)
    apart = float(loss(logits, classes, weights) - loss(logits, classes))
    plain = float(cross_entropy.loss(logits, classes, weights.float()) - cross_entropy.loss(logits, classes))
    assert apart == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("absent", [0, 1, 2])
def test_a_class_that_is_nowhere_true_does_not_count_and_the_background_does(absent):
    logits, classes = drawn()
    classes = torch.where(classes == absent, (absent + 1) % 3, classes)
    assert float(loss(logits, classes)) == pytest.approx(by_hand(logits, classes), rel=1e-12)
    # What is claimed for it is still taken from the classes that are there.
    more = logits.clone()
    more[:, absent] += 2
    assert float(loss(more, classes)) > float(loss(logits, classes)) + 0.1


def test_a_class_that_is_in_one_image_of_the_batch_counts_over_all_of_it():
    logits, classes = drawn()
    classes[0] = torch.where(classes[0] == 2, 1, classes[0])
    assert float(loss(logits, classes)) == pytest.approx(by_hand(logits, classes), rel=1e-12)
    apart = [float(loss(logits[i : i + 1], classes[i : i + 1])) for i in range(2)]
    assert abs(sum(apart) / 2 - float(loss(logits, classes))) > 1e-3


@pytest.mark.parametrize("absent", [None, 1])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_are_those_of_finite_differences(absent, weighted):
    logits, classes = drawn(size=(3, 3))
    if absent is not None:
        classes = torch.where(classes == absent, 0, classes)
    weights = torch.tensor([0.3, 2.0, 5.0], dtype=torch.float64) if weighted else None
    assert torch.autograd.gradcheck(lambda z: loss(z, classes, weights), logits.requires_grad_())


def test_ignored_pixels_do_not_count():
    logits, classes = drawn()
    other = logits.clone()
    other[0, :, 1] += torch.tensor([7.0, -3.0, 1.0])[:, None]
    assert float(loss(other, classes)) == float(loss(logits, classes))
    logits.requires_grad_()
    loss(logits, classes).backward()
    assert not logits.grad[0, :, 1].any()
    assert logits.grad[0, :, 0].abs().min() > 0


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 0.0])])
def test_where_everything_is_ignored_the_loss_and_its_gradient_are_zero(weights):
    logits = torch.randn(2, 2, 3, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    value = loss(logits, torch.full((2, 3, 3), 255), weights)
    value.backward()
    assert float(value.detach()) == 0
    assert logits.grad.abs().max() == 0  # none is not a number


def test_an_image_that_is_all_ignored_changes_nothing():
    logits, classes = drawn()
    classes[0] = 255
    assert float(loss(logits, classes)) == pytest.approx(float(loss(logits[1:], classes[1:])), rel=1e-12)


def test_a_perfect_answer_costs_next_to_nothing_and_an_even_one_what_the_formula_says():
    classes = torch.arange(4).repeat(1, 8, 4)
    perfect = 40 * F.one_hot(classes, 4).movedim(-1, 1).float()
    assert float(loss(perfect, classes)) < 1e-5
    # p = 1/4 everywhere, each class a fourth: J = (1/16) / (1/4 + 1/4 - 1/16) = 1/7.
    assert float(loss(torch.zeros_like(perfect), classes)) == pytest.approx(math.log(4) + math.log(7), rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("size", [1, 30000])
def test_loss_and_gradient_are_finite_for_any_logits(dtype, size):
    logits, classes = drawn(size=(32, 32))
    logits = (size * logits.clamp(-2, 2)).to(dtype).requires_grad_()
    value = loss(logits, classes)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(logits.grad).all()
    assert float(value.detach()) == pytest.approx(float(loss(logits.detach().double(), classes)), rel=1e-4)


def test_an_index_too_small_for_its_type_still_has_a_gradient():
    classes = torch.randint(0, 3, (1, 4, 4), generator=torch.Generator().manual_seed(0))
    wrong = 500 * F.one_hot((classes + 1) % 3, 3).movedim(-1, 1).float()  # p = exp(-500) of every true class
    wrong.requires_grad_()
    value = loss(wrong, classes)
    value.backward()
    assert 999 < float(value.detach()) < 1010  # 500 of either term
    own = wrong.grad.gather(1, classes[:, None])
    assert own.sum() == pytest.approx(-2, rel=1e-3)  # -1 of the mean over the pixels, -1 of log J
