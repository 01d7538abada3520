"""Deformable convolution on CUDA devices through Triton (scd2018, Eq. 1-5), without the unfolded image.

The kernels are compiled at the first call of a kind of layer, for every block size that is then timed; Triton keeps
both on disk. With `torch.use_deterministic_algorithms` no block size is timed and nothing is added atomically:
results repeat to the bit.
"""

import importlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from math import ceil
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Products of float32: "ieee", "tf32x3" or "tf32". None: what PyTorch's own matrix products are set to, which is ieee.
FLOAT32_PRODUCTS: str | None = None

# Pixels (BM), warps and stages of a program. What is fixed also fits the shared memory of small devices, as does the
# first of what is tried.
FIXED = {"BM": 32, "num_warps": 4, "num_stages": 1}
TUNED = ((32, 4, 1), (64, 4, 1), (64, 4, 3), (128, 8, 1), (128, 8, 3))
WIDE = 2**31  # elements; addresses of larger tensors take 64 bits
PROGRAMS = 512  # of the gradient by the weights: a few for each multiprocessor of a large device


@dataclass(frozen=True)
class Plan:
    """What the kernels are compiled for, beside sizes.

    Args:
        SCOPE: what tanh of the stored offsets is multiplied by; None where they are pixels already.
        LAST: whether the channels of the offsets lie last in memory.
        ACC: Triton's type of positions and sums.
        INDEX: Triton's type of addresses.
        PRECISION: Triton's name of how products are made.
        WIDEN: whether factors are turned into ACC first; Triton's interpreter would multiply the bits of bfloat16.
        NEED_X: whether the gradient by the input is added up.
        NEED_OFFSET: whether the gradient by the offsets is written.
    """

    SCOPE: float | None
    LAST: bool
    ACC: Any
    INDEX: Any
    PRECISION: str
    WIDEN: bool
    NEED_X: bool = False
    NEED_OFFSET: bool = False


def unavailable(device: torch.device) -> str | None:
    """Why tensors on a device cannot be computed here, in one clause; None if they can.

    Any device will do under Triton's interpreter (``TRITON_INTERPRET=1``, set before Triton is first imported).
    """
    try:
        import triton
    except ImportError as error:
        return f"triton does not import ({error})"
    if triton.knobs.runtime.interpret:
        return None
    if device.type != "cuda":
        return f"triton needs a CUDA device, not {device.type}"
    if not torch.cuda.is_available():
        return "PyTorch sees no CUDA device"
    capability = torch.cuda.get_device_capability(device)
    if capability < (8, 0):
        return f"triton needs compute capability 8.0, the device has {'.'.join(map(str, capability))}"
    try:  # some releases compile their driver first, with the compiler that they find
        triton.runtime.driver.active.get_current_target()
    except Exception as error:
        return f"triton's driver does not load ({error})"
    return None


def deform_conv2d(x: Tensor, offset: Tensor, weight: Tensor, scope: float | None) -> Tensor:
    """Deformable convolution of stride 1 with the size kept; a pixel outside the image is zero (Eq. 3).

    Args:
        x: input ``(B, C, H, W)``, float64, float32, bfloat16 or float16; no copy is made if channels lie last.
        offset: ``(B, 2 k^2, H, W)``, (dy, dx) per tap, taps row by row: pixels, or numbers t that stand for
            ``scope * tanh(t)`` pixels. Computed in float32 at least.
        weight: kernel ``(O, C, k, k)``, k odd; rounded to the type of ``x``.
        scope: largest offset in pixels, or None where the offsets are pixels already.

    Returns:
        ``(B, O, H, W)`` in the type of ``x``, channels last; NaN where an offset is NaN.

    Raises:
        RuntimeError: the kernels cannot run on the device of ``x``.

    The derivative by an offset that is a whole number is the right-hand one. Under
    `torch.use_deterministic_algorithms` the gradient by ``x`` costs ``(ceil(s) + 1)^2`` times as many reads as
    by atomics, with s the scope or else the largest offset.
    """
    if reason := unavailable(x.device):
        raise RuntimeError(reason)
    with torch.autocast(x.device.type, enabled=False):
        return _DeformConv2d.apply(x, offset, weight, None if scope is None else float(scope))


class _DeformConv2d(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, offset: Tensor, weight: Tensor, scope: float | None) -> Tensor:
        ctx.save_for_backward(x, offset, weight)
        ctx.scope = scope
        return _Layer(x, offset, weight, scope).forward()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, offset, weight = ctx.saved_tensors
        need_x, need_offset, need_weight, _ = ctx.needs_input_grad
        layer = _Layer(x, offset, weight, ctx.scope)
        grad = grad.permute(0, 2, 3, 1).contiguous()
        gathered = need_x and torch.are_deterministic_algorithms_enabled()
        grad_x, grad_offset = layer.backward_data(grad, need_x and not gathered, need_offset)
        if gathered:
            grad_x = layer.backward_x(grad)
        return grad_x, grad_offset, layer.backward_weight(grad) if need_weight else None, None


class _Layer:
    """One call: tensors as the kernels read them, and the plan."""

    def __init__(self, x: Tensor, offset: Tensor, weight: Tensor, scope: float | None):
        self.kernel = weight.shape[-1]
        self.weight_type = weight.dtype
        self.exact = torch.float64 if x.dtype == torch.float64 else torch.float32
        self.x = x.permute(0, 2, 3, 1).contiguous()
        last = offset.permute(0, 2, 3, 1).is_contiguous()
        self.offset = offset if last else offset.contiguous()
        self.weight = weight.permute(2, 3, 1, 0).to(x.dtype).contiguous()
        self.inputs, self.outputs = self.weight.shape[2:]
        self.pixels = self.x.shape[:3].numel()
        self.plan = self._plan(scope, last)
        channels = min(_power_of_2(self.inputs), 32)
        self.blocks = {"BC": channels, "BT": max(16 // channels, 1), "BO": min(max(_power_of_2(self.outputs), 16), 64)}

    def _plan(self, scope: float | None, last: bool) -> Plan:
        import triton
        import triton.language as tl

        precision = FLOAT32_PRODUCTS or ("tf32" if torch.backends.cuda.matmul.fp32_precision == "tf32" else "ieee")
        widest = self.pixels * max(self.inputs, self.outputs, 2 * self.kernel**2)
        return Plan(
            SCOPE=scope,
            LAST=last,
            ACC=tl.float64 if self.exact == torch.float64 else tl.float32,
            INDEX=tl.int32 if widest < WIDE else tl.int64,
            PRECISION=precision if self.x.dtype == torch.float32 else "ieee",
            WIDEN=triton.knobs.runtime.interpret,
        )

    def forward(self) -> Tensor:
        y = self.x.new_empty(*self.x.shape[:3], self.outputs)
        tensors = [self.x, self.offset, self.weight, y]
        self._launch("forward", tensors, self._tiles(ceil(self.outputs / self.blocks["BO"])), **self.blocks)
        return y.permute(0, 3, 1, 2)

    def backward_data(self, grad: Tensor, need_x: bool, need_offset: bool) -> tuple[Tensor | None, Tensor | None]:
        """Gradients by the input, added up in no fixed order, and by the offsets; None where not needed."""
        if not need_x and not need_offset:
            return None, None
        plan = replace(self.plan, NEED_X=need_x, NEED_OFFSET=need_offset)
        grad_x = torch.zeros(self.x.shape if need_x else 1, dtype=self.exact, device=self.x.device)
        grad_offset = torch.empty_like(self.offset) if need_offset else self.offset
        tensors = [grad, self.x, self.offset, self.weight, grad_x, grad_offset]
        self._launch("backward_data", tensors, self._tiles(), plan=plan, **self.blocks)
        grad_x = grad_x.to(self.x.dtype).permute(0, 3, 1, 2) if need_x else None
        return grad_x, grad_offset if need_offset else None

    def backward_x(self, grad: Tensor) -> Tensor:
        """Gradient by the input, added up in one order."""
        grad_x = torch.empty_like(self.x)
        blocks = {"BC": max(self.blocks["BC"], 16), "BO": self.blocks["BO"]}
        grid = self._tiles(ceil(self.inputs / blocks["BC"]))
        tensors = [grad, self.offset, self.weight, grad_x]
        self._launch("backward_x", tensors, grid, reach=self._reach(), **blocks)
        return grad_x.permute(0, 3, 1, 2)

    def _reach(self) -> int:
        """Whole pixels that no offset exceeds; those that leave the image count as those that just do."""
        bound = self.plan.SCOPE
        if bound is None:
            bound = float(self.offset.nan_to_num().abs().max()) if self.pixels else 0.0
        return min(ceil(bound), max(self.x.shape[1:3]) + self.kernel)

    def backward_weight(self, grad: Tensor) -> Tensor:
        """Gradient by the weights: sums over shares of the pixels, then over the shares, each in one order."""
        chunks = ceil(self.kernel**2 / self.blocks["BT"]) * ceil(self.inputs / self.blocks["BC"])
        outputs = ceil(self.outputs / self.blocks["BO"])
        shares = max(min(ceil(self.pixels / FIXED["BM"]), PROGRAMS // (chunks * outputs)), 1)
        parts = torch.zeros(shares, *self.weight.shape, dtype=self.exact, device=self.x.device)
        tensors = [grad, self.x, self.offset, parts]
        self._launch("backward_weight", tensors, (shares, chunks, outputs), **self.blocks)
        return parts.sum(0).permute(3, 2, 0, 1).to(self.weight_type)

    def _tiles(self, *blocks: int) -> Callable[[dict[str, Any]], tuple[int, ...]]:
        return lambda constants: (ceil(self.pixels / constants["BM"]), *blocks)

    def _launch(self, name: str, tensors: list[Tensor], grid: Any, **arguments: Any) -> None:
        if not self.pixels:
            return
        sizes = {"pixels": self.pixels, "height": self.x.shape[1], "width": self.x.shape[2]}
        constants = {"IN": self.inputs, "OUT": self.outputs, "KERNEL": self.kernel, "plan": self.plan}
        options = {"enable_fp_fusion": True}  # the default is about to change
        with torch.cuda.device(self.x.device) if self.x.is_cuda else nullcontext():
            kernel, block = _kernel(name)
            kernel[grid](*tensors, **(sizes | constants | arguments | options | block))


def _power_of_2(number: int) -> int:
    """The least power of 2 that is not less than a number."""
    return 1 << (number - 1).bit_length()


def _kernel(name: str) -> tuple[Any, dict[str, int]]:
    """A kernel, and the block size to call it with if it does not choose one."""
    import triton

    if triton.knobs.runtime.interpret or torch.are_deterministic_algorithms_enabled():
        return _compiled(name), FIXED
    return _tuned(name), {}


@cache
def _compiled(name: str) -> Any:
    # Here, not above: the modules need Triton, and read at their import whether it interprets.
    module = "deform_triton_kernels" if name == "forward" else "deform_triton_gradients"
    return getattr(importlib.import_module(f"hemoseg.nn.{module}"), name)


@cache
def _tuned(name: str) -> Any:
    import triton

    return triton.autotune(
        configs=[triton.Config({"BM": pixels}, num_warps=warps, num_stages=stages) for pixels, warps, stages in TUNED],
        key=["IN", "OUT", "KERNEL"],
        reset_to_zero=["grad_x"] if name == "backward_data" else None,  # each trial adds to it
        cache_results=True,
    )(_compiled(name))
