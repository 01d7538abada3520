import copy
import math

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from torch import nn

from hemoseg.errors import InputError
from hemoseg.steps.weights import read_weights, write_weights
from hemoseg.training.batches import Pool, draw_positions, measure_normalisation
from hemoseg.training.loop import SCORES, NonFiniteLoss, Plan, Training, plain_state

AUGMENT = {"flip": True, "rotate": 20.0, "scale": (0.9, 1.1), "brightness": 0.1, "contrast": 0.1}


class Small(nn.Sequential):
    """Everything whose state a resumed training has to carry: batch norm, dropout, Adam's moments."""

    def __init__(self, channels=3, classes=2):
        super().__init__(
            nn.Conv2d(channels, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
            nn.Dropout2d(0.3), nn.Conv2d(6, classes, 1),
        )  # fmt: skip


def training(samples, *, validation=True, network=None, **settings):
    plan = {"steps": 8, "batch_size": 3, "learning_rate": 0.01, "weight_decay": 1e-4, "validate_every": 3}
    plan = Plan(**(plan | {"augment": AUGMENT} | settings))
    torch.manual_seed(0)
    network = network or Small(samples.images[0].shape[0], len(samples.class_names))
    optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    normalisation = measure_normalisation(samples, "training_set")
    pools = {
        "train": Pool(samples.take(list(range(5))), normalisation, torch.device("cpu"), "train"),
        "val": Pool(samples.take([5, 6, 7]), normalisation, torch.device("cpu"), "val"),
    }
    return Training(network, optimizer, pools if validation else {"train": pools["train"]}, plan, seed=7)


def advance(one, steps=10**9):
    while not one.finished and steps > 0:
        one.step()
        steps -= 1
        if one.validation_due:
            one.validate()
    return one


def identical(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def without_seconds(history):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]


@pytest.mark.parametrize(
    ("at", "validation", "imbalance"),
    [
        *((at, validation, "none") for at in (0, 1, 3, 5, 8) for validation in (True, False)),
        *((4, True, kind) for kind in ("class_weights", "sampling")),
    ],
)
def test_a_resumed_training_is_bitwise_the_uninterrupted_one(tiny_samples, tmp_path, at, validation, imbalance):
    samples = tiny_samples(8, (12, 12), classes=3, dtype=np.uint16)
    settings = {"validation": validation, "imbalance": imbalance}
    whole = advance(training(samples, **settings))
    first = advance(training(samples, **settings), at)
    write_weights(tmp_path / "state", *first.state())
    torch.manual_seed(999)
    second = training(samples, **settings)
    for value in second.network.parameters():
        nn.init.normal_(value)
    second.restore(*read_weights(tmp_path / "state"))
    assert second.done == at
    advance(second)
    assert identical(plain_state(whole.network), plain_state(second.network))
    assert identical(whole.best, second.best)
    assert whole.best_step == second.best_step
    assert str(without_seconds(whole.history)) == str(without_seconds(second.history))


def test_writing_the_state_changes_nothing(tiny_samples, tmp_path):
    samples = tiny_samples(8, (12, 12))
    quiet, watched = training(samples), training(samples)
    for _ in range(8):
        advance(quiet, 1)
        advance(watched, 1)
        write_weights(tmp_path / "state", *watched.state())
    assert identical(plain_state(quiet.network), plain_state(watched.network))


def test_history_has_a_row_per_validation_and_one_at_the_end(tiny_samples):
    one = advance(training(tiny_samples(8, (12, 12))))
    assert [row["step"] for row in one.history] == [3, 6, 8]
    assert list(one.history[0]) == ["step", "train_loss", *SCORES, "seconds"]
    assert all(math.isnan(row.pop("val_instance_error")) for row in one.history)  # nobody asked for it
    assert all(math.isfinite(value) for row in one.history for value in row.values())


def test_training_loss_is_the_mean_since_the_last_row(tiny_samples):
    one = training(tiny_samples(8, (12, 12)))
    losses = []
    while not one.finished:
        losses.append(one.step())
        if one.validation_due:
            row = one.validate()
            assert row["train_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)
            losses = []


@pytest.mark.parametrize("classes", [1, 3])
def test_validation_is_mean_dice_and_loss_of_the_unaugmented_images(tiny_samples, classes):
    samples = tiny_samples(8, (12, 12), classes=classes)
    samples.classes[6][:3] = 255
    one = advance(training(samples, batch_size=2), 3)
    images = one.pools["val"].batch(torch.arange(3))
    with torch.no_grad():
        logits = one.network.eval()(images.images)
    known = images.classes != 255
    true, found = images.classes[known].numpy(), logits.argmax(1)[known].numpy()
    there = sorted({*true, *found} - {0})
    row = one.history[0]
    assert row["val_dice"] == pytest.approx(f1_score(true, found, labels=there, average="macro"))
    whole = nn.functional.cross_entropy(logits, images.classes, ignore_index=255)  # every known pixel alike
    assert row["val_loss"] == pytest.approx(float(whole), rel=1e-5)


def test_validation_images_that_are_ignored_throughout_have_no_loss(tiny_samples):
    samples = tiny_samples(8, (12, 12))
    for one in samples.classes[5:]:
        one[:] = 255
    assert math.isnan(advance(training(samples), 3).history[0]["val_loss"])


def test_the_best_weights_are_those_of_the_best_validation(tiny_samples, monkeypatch):
    one = training(tiny_samples(8, (12, 12)), validate_every=1, steps=5)
    scores, kept = iter([0.2, 0.7, 0.7, 0.1, 0.6]), []
    monkeypatch.setattr("hemoseg.training.loop.score", lambda *_: {"val_loss": 0.0, "val_dice": next(scores)})
    while not one.finished:
        advance(one, 1)
        kept.append(copy.deepcopy(plain_state(one.network)))
    assert (one.best_step, one.best_dice) == (2, 0.7)
    assert identical(one.best, kept[1])
    assert not identical(one.best, kept[4])


def test_the_last_weights_are_kept_where_the_plan_says_so(tiny_samples, monkeypatch):
    one = training(tiny_samples(8, (12, 12)), validate_every=1, steps=3, keep="last")
    scores = iter([0.9, 0.5, 0.1])
    monkeypatch.setattr("hemoseg.training.loop.score", lambda *_: {"val_loss": 0.0, "val_dice": next(scores)})
    advance(one)
    assert one.best_step == 3
    assert identical(one.best, plain_state(one.network))


def test_without_validation_samples_the_last_weights_are_the_best(tiny_samples):
    one = advance(training(tiny_samples(8, (12, 12)), validation=False))
    assert identical(one.best, plain_state(one.network))
    assert one.best_step == 8
    assert math.isnan(one.history[-1]["val_dice"])


def exploding(kind):
    """A loss that is fine twice, then not finite (or its gradient is not)."""
    calls = []

    def compute_loss(network, batch, loss):
        calls.append(1)
        value = nn.functional.cross_entropy(network(batch.images), batch.classes, ignore_index=255)
        if len(calls) < 3:
            return value
        if kind == "gradient":
            zero = next(network.parameters()).sum() * 0
            return value + torch.sqrt(zero)  # 0, with an infinite derivative
        return value * float(kind)

    return compute_loss


@pytest.mark.parametrize(
    ("kind", "words"),
    [("nan", "the loss is nan at step 3"), ("inf", "the loss is inf at step 3"), ("gradient", "its gradient infinite")],
)
def test_a_loss_that_is_not_finite_leaves_the_network_as_it_was(tiny_samples, kind, words):
    one = training(tiny_samples(8, (12, 12)))
    one.compute_loss = exploding(kind)
    one.step()
    one.step()
    before = copy.deepcopy((plain_state(one.network), one.optimizer.state_dict()))
    with pytest.raises(NonFiniteLoss, match=words) as caught:
        one.step()
    assert caught.value.step == 3
    assert identical(before[0], plain_state(one.network))
    for slot, values in one.optimizer.state_dict()["state"].items():
        assert identical(before[1]["state"][slot], values)
    assert one.done == 2
    assert len(one._losses) == 2


def test_weight_decay_is_added_to_the_gradient(tiny_samples):
    samples = tiny_samples(8, (12, 12))
    one = training(samples, weight_decay=0.5, augment={})
    start = copy.deepcopy(one.network)
    one.step()
    gradients = {name: p.grad.clone() for name, p in one.network.named_parameters()}
    for name, p in start.named_parameters():
        pulled = gradients[name] + 0.5 * p.detach()
        # Adam's first step: the moving averages, corrected, are the gradient and its square.
        wanted = p.detach() - 0.01 * pulled / (pulled.abs() + 1e-8)
        assert torch.allclose(dict(one.network.named_parameters())[name], wanted, atol=1e-6)


@pytest.mark.parametrize("imbalance", ["none", "sampling"])
def test_each_process_takes_its_share_of_a_batch(tiny_samples, imbalance):
    samples = tiny_samples(8, (12, 12))
    seen = []

    def compute_loss(network, batch, loss):
        seen.append(batch.positions.tolist())
        return network(batch.images).square().mean()

    for shard in [(0, 1), (0, 2), (1, 2)]:
        one = training(samples, imbalance=imbalance)
        one.shard, one.compute_loss = shard, compute_loss
        one.step()
    assert sorted(seen[1] + seen[2]) == sorted(seen[0])
    assert [len(share) for share in seen] == [3, 2, 1]


def test_class_weights_count_each_pixel_by_its_true_class(tiny_samples):
    samples = tiny_samples(8, (12, 12), classes=2)
    samples.classes[1][:5] = 255
    one = training(samples, imbalance="class_weights", augment={}, batch_size=5, network=nn.Conv2d(3, 3, 1))
    batch = one.pools["train"].batch(torch.arange(5))
    with torch.no_grad():
        chance = one.network(batch.images).double().log_softmax(1).numpy()
    weights, true = one.balance.weights.double().numpy(), batch.classes.numpy()
    known = np.argwhere(true != 255)
    total = sum(-weights[true[b, r, c]] * chance[b, true[b, r, c], r, c] for b, r, c in known)
    wanted = total / sum(weights[true[b, r, c]] for b, r, c in known)
    assert one.step() == pytest.approx(wanted, rel=1e-5)
    assert len(set(weights)) == 3


def test_samples_with_rare_classes_come_as_often_as_their_chances_say(tiny_samples):
    samples = tiny_samples(8, (12, 12), classes=4)
    for one in samples.classes[:3]:
        one[one > 0] = 1  # of the five training samples three show class 1, one class 4, one class 1 again
    one = training(samples, imbalance="sampling")
    seen = []
    one.compute_loss = lambda network, batch, loss: (
        seen.extend(batch.positions.tolist()) or network(batch.images).mean()
    )
    wanted = [draw_positions(7, step, 3, 5, one.balance.chances) for step in range(8)]
    advance(one)
    assert seen == torch.cat(wanted).tolist()
    assert one.balance.chances.tolist() == pytest.approx([1 / 8, 1 / 8, 1 / 8, 1 / 2, 1 / 8])


def test_a_loss_that_takes_no_class_weights_is_refused(tiny_samples, monkeypatch):
    samples = tiny_samples(8, (12, 12))
    monkeypatch.setattr("hemoseg.losses.cross_entropy.loss", lambda logits, classes: logits.mean())
    with pytest.raises(InputError, match=r"'cross_entropy' takes no class weights; set train\.imbalance: sampling"):
        training(samples, imbalance="class_weights")
    assert training(samples, imbalance="sampling").balance.chances is not None


def test_a_model_with_a_loss_of_its_own_is_given_the_one_that_was_named(tiny_samples):
    samples = tiny_samples(8, (12, 12), classes=2)
    plain, own = (training(samples, imbalance="class_weights", augment={}) for _ in range(2))
    own.compute_loss = lambda network, batch, loss: 2 * loss(network(batch.images), batch)
    assert own.step() == pytest.approx(2 * plain.step())


def test_the_samples_of_a_step_are_those_of_its_number(tiny_samples):
    seen = []

    def compute_loss(network, batch, loss):
        seen.extend(batch.positions.tolist())
        return network(batch.images).square().mean()

    one = training(tiny_samples(8, (12, 12)), steps=5)
    one.compute_loss = compute_loss
    advance(one)
    assert [sorted(seen[i : i + 5]) for i in (0, 5, 10)] == [list(range(5))] * 3


@pytest.mark.parametrize(("settings", "images"), [({}, "equal"), ({"augment": {}}, "equal"), ({"seed": 8}, "other")])
def test_the_seed_decides_what_is_drawn(tiny_samples, settings, images):
    samples = tiny_samples(8, (12, 12))
    seed = settings.pop("seed", 7)
    pair = []
    for number in (7, seed):
        one = training(samples, steps=3, **settings)
        one.seed = number
        pair.append(plain_state(advance(one).network))
    assert identical(*pair) == (images == "equal")
