"""The compiled form of the deformable convolution for processors; its source lies in `native/`.

For the backward pass it keeps its input, and the offsets of wide layers (`KEPT_FROM`); all else is computed anew, a few
rows at a time, and never leaves the caches. Gradients are the same bits in every run with the same number of threads.

Why C++ behind a plain C interface: on one thread of a busy machine the same forward pass in numba took 1.2 to 1.7 times
as long; it brings 210 MB and a compilation of 11 to 22 s into every process, and a thread pool of its own
(``benchmarks/deform/numba_form.py``). These libraries take 0.7 MB and half a minute at install, know neither Python's
nor torch's version, and use torch's threads.
"""

import ctypes
import math
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

FOLDER = Path(__file__).parent / "native"
# Built for each level of the instruction set, so that what one machine compiles runs on its neighbours.
LIBRARIES = {"AVX512": ("x86-64-v4", "x86-64-v3", "base"), "AVX2": ("x86-64-v3", "base")}
# Offsets of layers that read and write this many channels are kept: for them computing anew costs most, and they take
# a fifth of the memory that keeping all offsets of a U-Net would.
KEPT_FROM = 16


def unavailable(device: torch.device) -> str | None:
    """Why this form cannot run on a device, in a clause; none where it can."""
    if device.type != "cpu":
        return f"it is for processors, not {device.type}"
    loaded = _load()
    return loaded if isinstance(loaded, str) else None


def deform_conv2d(x: Tensor, offset: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """See `hemoseg.nn.deform_conv.deform_conv2d`; float64, or computed in float32."""
    bound = float(offset.detach().abs().amax()) if offset.numel() else 0.0
    return _apply(x, offset, None, weight, bias, bound if math.isfinite(bound) else float(sum(x.shape[2:])))


def deform_layer(x: Tensor, offset_weight: Tensor, weight: Tensor, bias: Tensor | None, scope: float) -> Tensor:
    """The layer with its offset convolution: offsets are ``scope * tanh(conv(x))``.

    Args:
        x: input ``(B, C, H, W)``.
        offset_weight: ``(2 k^2, C, k, k)``.
        weight: ``(O, C, k, k)``.
        bias: ``(O,)`` or none.
        scope: largest offset in pixels.

    Returns:
        ``(B, O, H, W)`` in the dtype of ``x``, channels last.
    """
    return _apply(x, None, offset_weight, weight, bias, float(scope))


def _apply(
    x: Tensor, offset: Tensor | None, offset_weight: Tensor | None, weight: Tensor, bias: Tensor | None, scope: float
) -> Tensor:
    # A call into the library is nothing that a compiled graph can hold. Not a decorator: it would load the compiler.
    run = torch.compiler.disable(_run) if torch.compiler.is_compiling() else _run
    return run(x, offset, offset_weight, weight, bias, scope)


def _run(
    x: Tensor, offset: Tensor | None, offset_weight: Tensor | None, weight: Tensor, bias: Tensor | None, scope: float
) -> Tensor:
    exact = torch.float64 if x.dtype == torch.float64 else torch.float32
    given = (None if value is None else value.to(exact) for value in (x, offset, offset_weight, weight, bias))
    return _Layer.apply(*given, scope).to(x.dtype)


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, offset, offset_weight, weight, bias, scope):
        x, offset, offset_weight, weight, bias = _arranged(x, offset, offset_weight, weight, bias)
        wide = min(weight.shape[:2]) >= KEPT_FROM
        keeps = wide and offset_weight is not None and any(ctx.needs_input_grad)
        kept = x.new_empty(x.shape[0], *x.shape[2:], offset_weight.shape[0]) if keeps else None
        ctx.save_for_backward(x, offset, offset_weight, weight, kept)
        ctx.scope = scope
        shape = (x.shape[0], weight.shape[0], *x.shape[2:])
        y = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        _call("forward", x, _layer(x, offset, offset_weight, weight, bias, kept, scope), _pointer(y))
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        x, offset, offset_weight, weight, kept = ctx.saved_tensors
        asked = ctx.needs_input_grad
        # The offset convolution is a part of x's gradient, so a fused layer has both or neither at little more cost.
        made = [
            _channels_last(torch.zeros_like(x)) if asked[0] else None,
            _channels_last(torch.empty_like(offset)) if asked[1] else None,
            torch.empty_like(offset_weight) if asked[2] else None,
            torch.empty_like(weight) if asked[3] else None,
        ]
        bias = grad.sum((0, 2, 3)) if asked[4] else None
        if any(value is not None for value in made):
            layer = _layer(x, offset, offset_weight, weight, None, kept, ctx.scope)
            gradients = _Gradients(*map(_pointer, made))
            grad = _channels_last(grad)
            _call("backward", x, layer, _pointer(grad), ctypes.byref(gradients))
        return (*made, bias, None)


class _Shape(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("batch", "height", "width", "channels", "outputs", "kernel")]


class _Threads(ctypes.Structure):
    _fields_ = [("parallel", ctypes.c_void_p), ("count", ctypes.c_int64)]


class _LayerArguments(ctypes.Structure):
    _fields_ = [
        ("shape", _Shape),
        *((name, ctypes.c_void_p) for name in ("x", "offset", "offset_weight", "weight", "bias", "kept")),
        ("scope", ctypes.c_double),
        ("threads", _Threads),
    ]


class _Gradients(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("x", "offset", "offset_weight", "weight")]


def _arranged(x, offset, offset_weight, weight, bias):
    """As the library reads them: images channels last, kernels and bias contiguous."""
    images = (None if value is None else _channels_last(value) for value in (x, offset))
    others = (None if value is None else value.contiguous() for value in (offset_weight, weight, bias))
    return (*images, *others)


def _channels_last(value: Tensor) -> Tensor:
    return value.contiguous(memory_format=torch.channels_last)


def _pointer(value: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if value is None else value.data_ptr())


def _layer(x, offset, offset_weight, weight, bias, kept, scope: float) -> _LayerArguments:
    batch, channels, height, width = x.shape
    shape = _Shape(batch, height, width, channels, weight.shape[0], weight.shape[-1])
    threads = _Threads(_parallel(), torch.get_num_threads())
    return _LayerArguments(shape, *map(_pointer, (x, offset, offset_weight, weight, bias, kept)), scope, threads)


def _call(name: str, x: Tensor, layer: _LayerArguments, *others) -> None:
    if x.numel() == 0 and name == "forward":
        return
    kind = "f64" if x.dtype == torch.float64 else "f32"
    refused = getattr(_load(), f"hemoseg_{name}_{kind}")(ctypes.byref(layer), *others)
    if refused == 1:
        raise MemoryError(f"no memory for the rows of an input of shape {tuple(x.shape)}")
    if refused:
        raise ValueError(f"an input of shape {tuple(x.shape)} is too large for offsets that reach this far; cut it")


@cache
def _load() -> ctypes.CDLL | str:
    """The fastest library that this processor runs, or why there is none."""
    for level in LIBRARIES.get(torch.backends.cpu.get_cpu_capability(), ("base",)):
        for path in FOLDER.glob(f"libdeform-{level}.so"):
            try:
                return ctypes.CDLL(str(path))
            except OSError as error:
                return f"{path.name} does not load: {error}"
    return "it was not compiled (a C++ compiler and `pip install .` build it)"


@cache
def _parallel() -> int | None:
    """Address of `GOMP_parallel` in the OpenMP that torch runs, so that both share their threads."""
    for path in [None, *sorted((Path(torch.__file__).parent / "lib").glob("lib*omp*.so*"))]:
        try:
            return ctypes.cast(ctypes.CDLL(path and str(path)).GOMP_parallel, ctypes.c_void_p).value
        except (OSError, AttributeError):
            continue
    return None
