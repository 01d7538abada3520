"""Deformable convolution with bounded offsets, sampled through kornia (scd2018, Eq. 1-5).

One order of offsets: channel ``2n`` is dy and ``2n + 1`` is dx of tap ``n = k * ky + kx``, in pixels.
Zero padding by Eq. 3: the sum over the pixels that exist, so a point outside reads zeros and blends
linearly over the last pixel; with zero offsets the layer is the plain zero-padded convolution.
"""

import torch
from kornia.geometry.transform import remap
from torch import Tensor, nn
from torch.nn import functional as F

BACKENDS = ("auto", "kornia")


def deform_conv2d(
    x: Tensor, offset: Tensor, weight: Tensor, bias: Tensor | None = None, *, backend: str = "auto"
) -> Tensor:
    """Deformable convolution of stride 1 with the size kept.

    Args:
        x: input ``(B, C, H, W)``.
        offset: ``(B, 2 k^2, H, W)`` in pixels, (dy, dx) per tap, taps row by row.
        weight: kernel ``(O, C, k, k)``, k odd.
        bias: ``(O,)`` or none.
        backend: ``kornia`` (the reference) or ``auto`` (the fastest that loads).

    Returns:
        ``(B, O, H, W)`` in the dtype of ``x``.

    Raises:
        ValueError: shapes that do not fit each other, an even kernel, an unknown back end.

    The derivative by an offset that is a whole number is the right-hand one where float64 or small
    images are used; in float32 kornia's normalised coordinates may round to the other side.
    """
    _check_backend(backend)
    _check(x, offset, weight, bias)
    kernel = weight.shape[-1]
    # Below float32 the grid itself is not exact (bfloat16 counts whole pixels only up to 256).
    exact = torch.float64 if x.dtype == torch.float64 else torch.float32
    with torch.autocast(x.device.type, enabled=False):
        columns = _sample_taps(x.to(exact), offset.to(exact), kernel)
        y = torch.matmul(weight.to(exact).flatten(1), columns)  # (B, O, H W)
    y = y.view(x.shape[0], weight.shape[0], *x.shape[-2:])
    if bias is not None:
        y = y + bias.to(exact).view(1, -1, 1, 1)
    layout = torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
    return y.to(x.dtype).contiguous(memory_format=layout)


def active_backend(backend: str = "auto") -> str:
    """Name of the back end that a layer of this setting runs."""
    return "kornia" if backend == "auto" else backend


def _check_backend(backend: str) -> None:
    if backend not in BACKENDS:
        raise ValueError(f"unknown back end {backend!r}; the back ends are {', '.join(BACKENDS)}")


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


def _sample_taps(x: Tensor, offset: Tensor, kernel: int) -> Tensor:
    """Values under each tap: ``(B, C k^2, H W)``, ordered as a flattened kernel."""
    batch, channels, height, width = x.shape
    taps = kernel**2
    if batch == 0:
        return x.new_zeros(0, channels * taps, height * width) + (x.sum() + offset.sum()) * 0
    reach = kernel // 2
    rows = torch.arange(height, device=x.device, dtype=x.dtype).view(1, 1, height, 1)
    columns = torch.arange(width, device=x.device, dtype=x.dtype).view(1, 1, 1, width)
    steps = torch.arange(taps, device=x.device)
    step_rows = (steps // kernel - reach).to(x.dtype).view(1, taps, 1, 1)
    step_columns = (steps % kernel - reach).to(x.dtype).view(1, taps, 1, 1)
    map_y = (rows + step_rows + offset[:, 0::2]).reshape(batch, taps * height, width)
    map_x = (columns + step_columns + offset[:, 1::2]).reshape(batch, taps * height, width)
    # kornia's scale of an axis of one pixel is 1, not 0: give such an axis the zeros that lie beyond it.
    x = F.pad(x, (0, int(width == 1), 0, int(height == 1)))
    # align_corners must be True: kornia turns pixel maps into coordinates by that rule whatever flag is passed.
    sampled = remap(x.contiguous(), map_x, map_y, mode="bilinear", padding_mode="zeros", align_corners=True)
    return sampled.view(batch, channels * taps, height * width)


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
        return deform_conv2d(x, self.offsets(x), self.weight, self.bias, backend=self.backend)

    def extra_repr(self) -> str:
        return f"{tuple(self.weight.shape)}, scope={self.scope}, backend={self.backend}"
