"""The training loop: steps, not epochs, are its unit; its whole state is tensors and plain numbers."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from hemoseg.training.augment import Augmentation, seed_step
from hemoseg.training.batches import Batch, Pool, draw_by_kind, draw_positions
from hemoseg.training.imbalance import balance
from hemoseg.training.objective import BatchLoss, loss_of_logits, named_loss
from hemoseg.training.scoring import score

SCORES = ("val_loss", "val_dice", "val_mean_iu", "val_instance_error")  # of `score`


class NonFiniteLoss(Exception):
    """The loss is NaN or infinite; ``step`` says where."""

    def __init__(self, step: int, value: float):
        super().__init__(f"the loss is {value} at step {step}" + (", its gradient infinite" if isfinite(value) else ""))
        self.step = step


@dataclass(frozen=True)
class Plan:
    """Settings of a training (params section `train`).

    ``touching`` is the distance in pixels up to which cells touch, for the instance error on validation; none scores
    no cells. ``keep`` names the weights that count: the ``best`` on validation, or the ``last``. ``per_kind`` is the
    number of samples of each kind in a batch; none draws from all alike.
    """

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    validate_every: int
    loss: str = "cross_entropy"
    imbalance: str = "none"
    augment: dict[str, Any] = field(default_factory=dict)
    touching: float | None = None
    keep: str = "best"
    per_kind: dict[str, int] = field(default_factory=dict)

    @property
    def keeps_best(self) -> bool:
        return self.keep == "best"


class Training:
    """One training of one network; `step` and `validate` advance it, `state` and `restore` carry it over.

    Args:
        network: the network, already on the device and, where the caller uses Fabric, set up by it.
        optimizer: its Adam, set up likewise.
        pools: the samples of role "train" and, if there are any, "val".
        plan: the settings.
        seed: makes the order of samples, augmentation and dropout.
        backward: replaces ``loss.backward()`` (Fabric's, for mixed precision and several devices).
        compute_loss: a model's own loss, given the network, the batch and the plan's loss of logits and batch.
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
        compute_loss: Callable[[nn.Module, Batch, BatchLoss], Tensor] | None = None,
        shard: tuple[int, int] = (0, 1),
    ):
        self.network, self.optimizer, self.pools, self.plan, self.seed = network, optimizer, pools, plan, seed
        self.backward, self.shard = backward, shard
        self.balance = balance(plan.imbalance, pools["train"])
        self.loss = named_loss(plan.loss, self.balance.weights)
        self.compute_loss = compute_loss or loss_of_logits
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
        batch = pool.batch(self._drawn()[rank::processes])
        self.network.train()
        statistics = [buffer.clone() for buffer in self.network.buffers()]
        loss = self.compute_loss(self.network, self.augment(batch, pool.normalisation), self.loss)
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

    def _drawn(self) -> Tensor:
        """Positions of the training samples of this step."""
        pool = self.pools["train"]
        if self.plan.per_kind:
            return draw_by_kind(self.seed, self.done, self.plan.per_kind, pool.kinds)
        return draw_positions(self.seed, self.done, self.plan.batch_size, len(pool), self.balance.chances)

    @property
    def validation_due(self) -> bool:
        return self.finished or self.done % self.plan.validate_every == 0

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Score the validation samples, append a row to the history, keep the weights if they are the best.

        The best are those of the highest mean Dice (`hemoseg.training.scoring`); without validation samples, or where
        the plan keeps the last, these.
        """
        row = {
            "step": self.done,
            "train_loss": float(torch.stack(self._losses).mean()) if self._losses else float("nan"),
        }
        row |= dict.fromkeys(SCORES, float("nan"))
        if "val" in self.pools:
            row |= score(self.network, self.pools["val"], self.plan.batch_size, self.plan.touching)
        row["seconds"] = self.seconds
        self._losses = []
        self.history.append(row)
        last = "val" not in self.pools or not self.plan.keeps_best
        if last or row["val_dice"] > self.best_dice:
            self.best_dice, self.best_step = row["val_dice"], self.done
            self.best = copy.deepcopy(plain_state(self.network))
        return row

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


def plain_state(network: nn.Module) -> dict[str, Tensor]:
    """Weights of a network without the wrapper that Fabric puts round it."""
    return {name: value.detach() for name, value in getattr(network, "module", network).state_dict().items()}


def load_plain_state(network: nn.Module, state: dict[str, Tensor]) -> None:
    """The inverse of `plain_state`."""
    getattr(network, "module", network).load_state_dict(state)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
