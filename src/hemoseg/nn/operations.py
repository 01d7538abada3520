"""Floating-point operations of what networks compute, counted while they compute it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.flop_counter import FlopCounterMode


class Operations:
    """What was counted: a multiply-add is two operations.

    Attributes:
        by_torch: operations of convolutions, transposed convolutions and matrix products, which torch counts. It counts
            nothing else: no bias, norm, activation, pooling, interpolation or sampling.
        by_formula: operations of layers that count their own in a method ``flops(x)``, their sampling included.
    """

    by_torch: int = 0
    by_formula: int = 0

    @property
    def total(self) -> int:
        """Both."""
        return self.by_torch + self.by_formula


@contextmanager
def counted() -> Iterator[Operations]:
    """Count the operations of all modules that are called within; the numbers are there when the block is left.

    A layer that has a method ``flops(x) -> int`` is counted by that method, whatever runs inside: compiled code of our
    own is unknown to torch. Named by their class here, such layers would make every prediction depend on their code.
    """
    found, inside, mode = Operations(), [], FlopCounterMode(display=False)
    twice = 0  # what torch counted inside of layers that count their own

    def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if hasattr(module, "flops"):
            inside.append(mode.get_total_flops())

    def leave(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        nonlocal twice
        if hasattr(module, "flops"):
            found.by_formula += module.flops(inputs[0])
            twice += mode.get_total_flops() - inside.pop()

    hooks = register_module_forward_pre_hook(enter), register_module_forward_hook(leave)
    try:
        with mode:
            yield found
    finally:
        for hook in hooks:
            hook.remove()
    found.by_torch = mode.get_total_flops() - twice
