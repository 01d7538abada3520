"""Deformable convolution with bounded offsets (scd2018, Eq. 1-5): one function, one layer, three forms of them.

One order of offsets: channel ``2n`` is dy and ``2n + 1`` is dx of tap ``n = k * ky + kx``, in pixels.
Zero padding by Eq. 3: the sum over the pixels that exist, so a point outside reads zeros and blends
linearly over the last pixel; with zero offsets the layer is the plain zero-padded convolution.
Where Eq. 4 has no derivative, at offsets that are whole numbers, the compiled forms take the right-hand one; kornia's
side depends on the column, in float64 too.

The forms: ``kornia`` is the reference, plain torch, always there, the one that exports; ``native`` is compiled and
runs on processors; ``triton`` runs on CUDA devices. ``auto`` takes the fast form of the input's device.
"""

import logging
from functools import cache

import torch
from torch import Tensor, nn

from hemoseg.nn import deform_kornia, deform_native, deform_triton

BACKENDS = ("auto", "kornia", "native", "triton")
_log = logging.getLogger(__name__)


def deform_conv2d(
    x: Tensor, offset: Tensor, weight: Tensor, bias: Tensor | None = None, *, backend: str = "auto"
) -> Tensor:
    """Deformable convolution of stride 1 and dilation 1 with the size kept.

    Args:
        x: input ``(B, C, H, W)``, float64, float32, bfloat16 or float16.
        offset: ``(B, 2 k^2, H, W)`` in pixels, (dy, dx) per tap, taps row by row.
        weight: kernel ``(O, C, k, k)``, k odd.
        bias: ``(O,)`` or none.
        backend: one of `BACKENDS`; a form that cannot run for ``x`` gives way to ``kornia``, which the log says once.

    Returns:
        ``(B, O, H, W)`` in the dtype of ``x``, channels last if ``x`` is.

    Raises:
        ValueError: shapes that do not fit each other, an even kernel, an unknown back end.
    """
    _check(x, offset, weight, bias)
    match active_backend(backend, x.device):
        case "native":
            y = deform_native.deform_conv2d(x, offset, weight, bias)
        case "triton":
            y = _with_bias(deform_triton.deform_conv2d(x, offset, weight, None), bias)
        case _:
            y = deform_kornia.deform_conv2d(x, offset, weight, bias)
    return y.contiguous(memory_format=_layout(x))


def active_backend(backend: str = "auto", device: torch.device | str = "cpu") -> str:
    """Name of the form that a layer of this setting runs on a device.

    Raises:
        ValueError: an unknown back end.
    """
    _check_backend(backend)
    device = torch.device(device)
    # A compiled form is one opaque call: a graph that is to be exported needs the plain one.
    if backend == "kornia" or torch.compiler.is_exporting() or torch.jit.is_tracing():
        return "kornia"
    if backend == "auto":
        backend = {"cpu": "native", "cuda": "triton"}.get(device.type, "kornia")
    return backend if _runs(backend, device.type) else "kornia"


@cache
def _runs(backend: str, device: str) -> bool:
    if backend == "kornia":
        return True
    form = {"native": deform_native, "triton": deform_triton}[backend]
    reason = form.unavailable(torch.device(device))
    if reason:
        _log.warning("deformable layers run in the kornia form; the %s form cannot: %s", backend, reason)
    return reason is None


def _check_backend(backend: str) -> None:
    if backend not in BACKENDS:
        raise ValueError(f"unknown back end {backend!r}; the back ends are {', '.join(BACKENDS)}")


def _layout(x: Tensor) -> torch.memory_format:
    return torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format


def _with_bias(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else y + bias.to(y.dtype).view(1, -1, 1, 1)


def _check(x: Tensor, offset: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if x.dim() != 4 or weight.dim() != 4:
        raise ValueError(f"input and kernel need 4 axes, not {x.dim()} and {weight.dim()}")
    kernel = weight.shape[-1]
    if weight.shape[-2] != kernel or kernel % 2 == 0:
        raise ValueError(f"the kernel must be square and odd, not {tuple(weight.shape[-2:])}")
    if weight.shape[1] != x.shape[1]:
        raise ValueError(f"input has {x.shape[1]} channels, the kernel reads {weight.shape[1]}")
    expected = (x.shape[0], 2 * kernel**2, *x.shape[-2:])
    if tuple(offset.shape) != expected:
        raise ValueError(f"offset has shape {tuple(offset.shape)}, expected {expected}")
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise ValueError(f"bias has shape {tuple(bias.shape)}, expected {(weight.shape[0],)}")


class DeformConv2d(nn.Module):
    """Deformable convolution that learns its offsets from its own input.

    Offsets are ``scope * tanh(conv(x))``: an ordinary convolution of the same kernel size, without bias and
    with zero weights at the start, so that training begins as the plain convolution (authors' public code).

    Args:
        in_channels: channels read.
        out_channels: channels written.
        kernel_size: odd side of the kernel.
        bias: whether the kernel has a bias.
        scope: largest offset in pixels (scd2018: 2).
        backend: see `deform_conv2d`.

    Raises:
        ValueError: an unknown back end, or a scope that is no number >= 0.
    """

    linear = True  # in its kernel and bias: see `hemoseg.nn.folding`

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        bias: bool = False,
        scope: float = 2.0,
        backend: str = "auto",
    ):
        super().__init__()
        _check_backend(backend)
        if isinstance(scope, bool) or not isinstance(scope, int | float) or not 0 <= scope < float("inf"):
            raise ValueError(f"scope must be a number of pixels, 0 or more, not {scope!r}")
        plain = nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=bias)
        self.weight, self.bias = plain.weight, plain.bias
        self.offset = nn.Conv2d(in_channels, 2 * kernel_size**2, kernel_size, padding=kernel_size // 2, bias=False)
        nn.init.zeros_(self.offset.weight)
        self.scope = scope
        self.backend = backend

    def offsets(self, x: Tensor) -> Tensor:
        """Offsets in pixels, ``(B, 2 k^2, H, W)``, float32 at least."""
        raw = self.offset(x)
        return self.scope * torch.tanh(raw if raw.dtype == torch.float64 else raw.float())

    def forward(self, x: Tensor) -> Tensor:
        """``(B, O, H, W)`` of ``(B, C, H, W)``; the compiled forms have the tanh, ``native`` all of it, in one pass."""
        form = active_backend(self.backend, x.device)
        if form == "native" and x.dim() == 4:
            y = deform_native.deform_layer(x, self.offset.weight, self.weight, self.bias, self.scope)
        elif form == "triton" and x.dim() == 4:
            y = _with_bias(deform_triton.deform_conv2d(x, self.offset(x), self.weight, self.scope), self.bias)
        else:
            return deform_conv2d(x, self.offsets(x), self.weight, self.bias, backend=form)
        return y.contiguous(memory_format=_layout(x))

    def flops(self, x: Tensor) -> int:
        """Operations on ``(B, C, H, W)``, two to a multiply-add: both convolutions, and four pixels to a sample.

        Not counted, as torch does not for its layers: the bias, tanh and the arithmetic of weights.
        """
        taps = self.weight.shape[-1] ** 2
        batch, channels, height, width = x.shape
        # Per pixel and tap: the kernel, the kernel of the offsets, the four weighted pixels (scd2018, Eq. 3-4).
        each = channels * self.weight.shape[0] + channels * 2 * taps + channels * 4
        return 2 * batch * height * width * taps * each

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, scope={self.scope}, backend={self.backend}"
