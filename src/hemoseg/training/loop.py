"""The training loop: steps, not epochs, are its unit; its whole state is tensors and plain numbers."""

import copy
import difflib
import importlib
import inspect
import pkgutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from hemoseg import losses
from hemoseg.data.samples import IGNORE
from hemoseg.errors import InputError
from hemoseg.training.augment import Augmentation, seed_step
from hemoseg.training.batches import Batch, Pool, draw_positions
from hemoseg.training.imbalance import balance


class NonFiniteLoss(Exception):
    """The loss is NaN or infinite; ``step`` says where."""

    def __init__(self, step: int, value: float):
        super().__init__(f"the loss is {value} at step {step}" + (", its gradient infinite" if isfinite(value) else ""))
        self.step = step


@dataclass(frozen=True)
class Plan:
    """Settings of a training (params section `train`)."""

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    validate_every: int
    loss: str = "cross_entropy"
    imbalance: str = "none"
    augment: dict[str, Any] = field(default_factory=dict)


class Training:
    """One training of one network; `step` and `validate` advance it, `state` and `restore` carry it over.

    Args:
        network: the network, already on the device and, where the caller uses Fabric, set up by it.
        optimizer: its Adam, set up likewise.
        pools: the samples of role "train" and, if there are any, "val".
        plan: the settings.
        seed: makes the order of samples, augmentation and dropout.
        backward: replaces ``loss.backward()`` (Fabric's, for mixed precision and several devices).
        compute_loss: replaces the plan's loss (a model's own).
        shard: (rank, number of processes); each takes its share of every batch, and the gradient is the mean of theirs.

    Raises:
        InputError: class weights for a loss that takes none.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        pools: dict[str, Pool],
        plan: Plan,
        *,
        seed: int,
        backward: Callable[[Tensor], None] = torch.Tensor.backward,
        compute_loss: Callable[[nn.Module, Batch], Tensor] | None = None,
        shard: tuple[int, int] = (0, 1),
    ):
        self.network, self.optimizer, self.pools, self.plan, self.seed = network, optimizer, pools, plan, seed
        self.backward, self.shard = backward, shard
        self.balance = balance(plan.imbalance, pools["train"])
        if compute_loss is not None and self.balance.weights is not None:
            raise InputError("a model with a loss of its own takes no class weights; set train.imbalance: none")
        self.compute_loss = compute_loss or named_loss(plan.loss, self.balance.weights)
        self.augment = Augmentation(**plan.augment)
        self.done = 0
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] | None = None
        self.best_dice, self.best_step = float("-inf"), 0
        self._losses: list[Tensor] = []

    @property
    def finished(self) -> bool:
        return self.done >= self.plan.steps

    def step(self) -> float:
        """Take one optimiser step and return its loss.

        Raises:
            NonFiniteLoss: the loss or its gradient is not finite; the network is as it was before the step.
        """
        begin = time.perf_counter()
        seed_step(self.seed, self.done)
        pool = self.pools["train"]
        rank, processes = self.shard
        positions = draw_positions(self.seed, self.done, self.plan.batch_size, len(pool), self.balance.chances)
        batch = pool.batch(positions[rank::processes])
        self.network.train()
        statistics = [buffer.clone() for buffer in self.network.buffers()]
        loss = self.compute_loss(self.network, self.augment(batch))
        value = float(loss.detach())
        self.optimizer.zero_grad(set_to_none=True)
        self.backward(loss)
        gradients = [p.grad for p in self.network.parameters() if p.grad is not None]
        if not torch.isfinite(loss.detach() + torch.nn.utils.get_total_norm(gradients)):
            # Batch norm has already taken the bad batch into its running statistics.
            for buffer, before in zip(self.network.buffers(), statistics, strict=True):
                buffer.copy_(before)
            raise NonFiniteLoss(self.done + 1, value)
        self.optimizer.step()
        self._losses.append(loss.detach())
        self.done += 1
        self.seconds += time.perf_counter() - begin
        return value

    @property
    def validation_due(self) -> bool:
        return self.finished or self.done % self.plan.validate_every == 0

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Score the validation samples, append a row to the history, keep the weights if they are the best.

        The score is the Dice of a class over all validation pixels, its mean over the classes but background that are
        there or found; the loss is the mean cross-entropy over these pixels, whatever the training weighs. Without
        validation samples the last weights are the best.
        """
        row = {
            "step": self.done,
            "train_loss": float(torch.stack(self._losses).mean()) if self._losses else float("nan"),
        }
        row |= {"val_loss": float("nan"), "val_dice": float("nan")}
        if "val" in self.pools:
            row |= self._score(self.pools["val"])
        row["seconds"] = self.seconds
        self._losses = []
        self.history.append(row)
        if "val" not in self.pools or row["val_dice"] > self.best_dice:
            self.best_dice, self.best_step = row["val_dice"], self.done
            self.best = copy.deepcopy(plain_state(self.network))
        return row

    def _score(self, pool: Pool) -> dict[str, float]:
        self.network.eval()
        loss = pixels = 0.0
        hit, size = torch.zeros(2, len(pool.class_names), dtype=torch.float64)
        batches = torch.arange(len(pool)).split(self.plan.batch_size)
        for positions in batches:
            batch = pool.batch(positions)
            logits = self.network(batch.images)
            known = batch.classes != IGNORE
            true, found = batch.classes[known], logits.argmax(1)[known]
            loss += float(named_loss("cross_entropy")(lambda _, logits=logits: logits, batch)) * float(known.sum())
            pixels += float(known.sum())
            hit += torch.bincount(true[true == found], minlength=len(hit)).cpu()
            size += (torch.bincount(true, minlength=len(size)) + torch.bincount(found, minlength=len(size))).cpu()
        dice = (2 * hit / size)[1:][size[1:] > 0]
        score = float(dice.mean()) if len(dice) else 1.0
        return {"val_loss": loss / pixels if pixels else float("nan"), "val_dice": score}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that a resumed training needs, as named tensors and plain numbers."""
        tensors = {f"network.{name}": value for name, value in plain_state(self.network).items()}
        tensors |= {f"best.{name}": value for name, value in (self.best or {}).items()}
        moments = self.optimizer.state_dict()["state"]
        tensors |= {f"adam.{i}.{name}": value for i, slot in moments.items() for name, value in slot.items()}
        if self._losses:
            tensors["losses"] = torch.stack(self._losses)
        numbers = {"done": self.done, "seconds": self.seconds, "history": self.history}
        numbers |= {"best_step": self.best_step, "best_dice": self.best_dice if self.best else None}
        return tensors, numbers

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        load_plain_state(self.network, _under("network.", tensors))
        self.best = _under("best.", tensors) or None
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("adam.", tensors).items():
            index, key = name.split(".", 1)
            slots.setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": slots})
        self._losses = list(tensors["losses"]) if "losses" in tensors else []
        self.done, self.seconds, self.history = numbers["done"], numbers["seconds"], numbers["history"]
        self.best_step = numbers["best_step"]
        self.best_dice = float("-inf") if numbers["best_dice"] is None else numbers["best_dice"]


def named_loss(name: str, weights: Tensor | None = None) -> Callable[[nn.Module, Batch], Tensor]:
    """The loss in ``losses/<name>.py`` as a function of network and batch.

    Raises:
        InputError: no such file, or class weights for a loss that takes none.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(losses.__path__))
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the losses are {', '.join(names)}"
        raise InputError(f"there is no loss {name!r} (src/hemoseg/losses/{name}.py); {hint}")
    loss = importlib.import_module(f"hemoseg.losses.{name}").loss
    if weights is None:
        return lambda network, batch: loss(network(batch.images), batch.classes)
    if "weights" not in inspect.signature(loss).parameters:
        raise InputError(f"the loss {name!r} takes no class weights; set train.imbalance: sampling, or none")
    return lambda network, batch: loss(network(batch.images), batch.classes, weights=weights)


def plain_state(network: nn.Module) -> dict[str, Tensor]:
    """Weights of a network without the wrapper that Fabric puts round it."""
    return {name: value.detach() for name, value in getattr(network, "module", network).state_dict().items()}


def load_plain_state(network: nn.Module, state: dict[str, Tensor]) -> None:
    """The inverse of `plain_state`."""
    getattr(network, "module", network).load_state_dict(state)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
