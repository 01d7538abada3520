"""The loss of a training, found by its name, as a function of logits and batch."""

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Callable

from torch import Tensor, nn

from hemoseg import losses
from hemoseg.errors import InputError
from hemoseg.training.batches import Batch

# The loss of logits (B, K, H, W) on a batch, a scalar.
BatchLoss = Callable[[Tensor, Batch], Tensor]


def loss_function(name: str) -> Callable[..., Tensor]:
    """The function ``loss(logits, classes, ...)`` of ``losses/<name>.py``.

    One with a parameter ``weights`` takes class weights, one with ``border`` the border weights of its pixels.

    Raises:
        InputError: no such file, or one without a loss.
    """
    names = sorted(module.name for module in pkgutil.iter_modules(losses.__path__))
    module = importlib.import_module(f"hemoseg.losses.{name}") if name in names else None
    if module is None or not hasattr(module, "loss"):
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"the losses are {', '.join(names)}"
        raise InputError(f"there is no loss {name!r} (src/hemoseg/losses/{name}.py); {hint}")
    return module.loss


def weighs_borders(name: str) -> bool:
    """Whether the loss needs the border weights of its pixels.

    Raises:
        InputError: there is no such loss.
    """
    return "border" in inspect.signature(loss_function(name)).parameters


def named_loss(name: str, weights: Tensor | None = None) -> BatchLoss:
    """The loss of that name as a function of logits and batch.

    Raises:
        InputError: no such file, or class weights for a loss that takes none.
    """
    loss = loss_function(name)
    if weights is not None and "weights" not in inspect.signature(loss).parameters:
        raise InputError(f"the loss {name!r} takes no class weights; set train.imbalance: sampling, or none")
    given = {} if weights is None else {"weights": weights}
    if weighs_borders(name):
        return lambda logits, batch: loss(logits, batch.classes, border=batch.border, **given)
    return lambda logits, batch: loss(logits, batch.classes, **given)


def loss_of_logits(network: nn.Module, batch: Batch, loss: BatchLoss) -> Tensor:
    """The loss of what a network puts out for a batch: what a model without a loss of its own is trained by."""
    return loss(network(batch.images), batch)
