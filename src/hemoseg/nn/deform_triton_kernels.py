"""Triton kernels of the deformable convolution; `hemoseg.nn.deform_triton` lays out their tensors and launches them.

Tensors are contiguous with channels last: ``x (B, H, W, IN)``, ``weight (k^2, IN, OUT)``, ``y`` and ``grad
(B, H, W, OUT)``; ``offset`` is ``(B, H, W, 2 k^2)`` or, unless ``plan.LAST``, ``(B, 2 k^2, H, W)``.
A program owns ``BM`` pixels in reading order. It walks the columns of the unfolded image, ordered (tap, channel),
in chunks of ``BT`` taps times ``BC`` channels: one tap where channels are many, several where they are few, since a
matrix unit wants 16 columns or more. The unfolded image never leaves the registers.

Positions and sums have the type ``plan.ACC``, addresses ``plan.INDEX``. A fraction is that of the offset alone, not
of row + offset, which rounds on wide images. ``plan`` is a `hemoseg.nn.deform_triton.Plan`.
"""

import triton
import triton.language as tl


@triton.jit
def dot(a, b, total, plan: tl.constexpr):
    """``total + a @ b`` for ``a (M, K)`` and ``b (K, N)`` of one type."""
    if plan.WIDEN:
        a, b = a.to(plan.ACC), b.to(plan.ACC)
    return tl.dot(a, b, total, input_precision=plan.PRECISION, out_dtype=plan.ACC)


@triton.jit
def locate(tile, pixels, height, width, plan: tl.constexpr, BM: tl.constexpr):
    """Pixels of a tile, which of them exist, their images, rows and columns: all ``(BM,)``."""
    pixel = tile.to(plan.INDEX) * BM + tl.arange(0, BM)
    row, column = (pixel // width % height).to(tl.int32), (pixel % width).to(tl.int32)
    return pixel, pixel < pixels, pixel // width // height, row, column


@triton.jit
def displacement(offset, at, there, plan: tl.constexpr):
    """Offset in pixels, and its derivative by the stored number: the offset itself, or what tanh has yet to bound."""
    stored = tl.load(offset + at, mask=there, other=0).to(plan.ACC)
    slope = tl.full(stored.shape, 1, plan.ACC)
    if plan.SCOPE is not None:
        # Triton's interpreter knows no tanh. Near zero this one is exact to the spacing of 1, as a position is.
        shrunk = tl.exp(-2 * tl.abs(stored))
        bend = (1 - shrunk) / (1 + shrunk)
        stored = tl.where(stored < 0, -bend, bend) * plan.SCOPE
        slope = (1 - bend * bend) * plan.SCOPE
    return stored, slope


@triton.jit
def offset_index(image, row, column, tap, height, width, KERNEL: tl.constexpr, plan: tl.constexpr):
    """Where dy of a tap lies, and how far behind it dx."""
    if plan.LAST:
        at = ((image * height + row) * width + column) * (2 * KERNEL * KERNEL) + 2 * tap
        step = 1
    else:
        at = ((image * (2 * KERNEL * KERNEL) + 2 * tap) * height + row) * width + column
        step = height * width
    return at, step


@triton.jit
def _split(moved, start, size, KERNEL: tl.constexpr):
    """Last pixel at or before ``start + moved``, and the way from it to the point."""
    whole = tl.floor(moved)
    # One pixel beyond the image stands for all that lie there and for NaN: no address is made of those.
    beyond = size + KERNEL
    near = (whole > -beyond) & (whole < beyond)
    return start + tl.where(near, whole, beyond).to(tl.int32), moved - whole


@triton.jit
def points(
    offset, image, row, column, live, first, height, width, KERNEL: tl.constexpr, plan: tl.constexpr, BT: tl.constexpr
):
    """The ``BT`` taps from ``first``: whether they exist, where their offsets lie, the points and the slopes.

    All ``(BM, BT)``; a point is its last row and column of pixels before it, and the fractions from there.
    """
    tap = first + tl.arange(0, BT)[None, :]
    image, row, column = image[:, None], row[:, None], column[:, None]
    there = live[:, None] & (tap < KERNEL * KERNEL)
    at, step = offset_index(image, row, column, tap, height, width, KERNEL, plan)
    dy, slope_y = displacement(offset, at, there, plan)
    dx, slope_x = displacement(offset, at + step, there, plan)
    top, fy = _split(dy, row + tap // KERNEL - KERNEL // 2, height, KERNEL)
    left, fx = _split(dx, column + tap % KERNEL - KERNEL // 2, width, KERNEL)
    return there, at, step, top, left, fy, fx, slope_y, slope_x


@triton.jit
def corner_index(image, row, column, there, channel, height, width, IN: tl.constexpr):
    """Addresses of channels of pixels, and which lie in the image: ``(BM, BT, BC)``."""
    inside = there & (row >= 0) & (row < height) & (column >= 0) & (column < width)
    at = (image[:, None] * height + row) * width + column
    return at[:, :, None] * IN + channel[None, None, :], inside[:, :, None] & (channel < IN)[None, None, :]


@triton.jit
def corner_values(x, image, top, left, there, channel, height, width, IN: tl.constexpr, plan: tl.constexpr):
    """Values of the four pixels round each point, ``(BM, BT, BC)``; a pixel outside the image is zero."""
    at, inside = corner_index(image, top, left, there, channel, height, width, IN)
    v00 = tl.load(x + at, mask=inside, other=0).to(plan.ACC)
    at, inside = corner_index(image, top, left + 1, there, channel, height, width, IN)
    v01 = tl.load(x + at, mask=inside, other=0).to(plan.ACC)
    at, inside = corner_index(image, top + 1, left, there, channel, height, width, IN)
    v10 = tl.load(x + at, mask=inside, other=0).to(plan.ACC)
    at, inside = corner_index(image, top + 1, left + 1, there, channel, height, width, IN)
    v11 = tl.load(x + at, mask=inside, other=0).to(plan.ACC)
    return v00, v01, v10, v11


@triton.jit
def unfold(corners, fy, fx, BM: tl.constexpr, BT: tl.constexpr, BC: tl.constexpr):
    """Values under the taps, blended: a chunk ``(BM, BT BC)`` of the unfolded image."""
    v00, v01, v10, v11 = corners
    fy, fx = fy[:, :, None], fx[:, :, None]
    value = (1 - fy) * ((1 - fx) * v00 + fx * v01) + fy * ((1 - fx) * v10 + fx * v11)
    return tl.reshape(value, (BM, BT * BC))


@triton.jit
def weight_rows(first, channel, IN: tl.constexpr, KERNEL: tl.constexpr, BT: tl.constexpr, BC: tl.constexpr):
    """Rows of the weights as ``(k^2 IN, OUT)`` that a chunk of columns meets, and which exist: ``(BT BC,)``."""
    tap = first + tl.arange(0, BT)
    exist = (tap < KERNEL * KERNEL)[:, None] & (channel < IN)[None, :]
    rows = tap[:, None] * IN + channel[None, :]
    return tl.reshape(rows, (BT * BC,)), tl.reshape(exist, (BT * BC,))


@triton.jit
def block(start, rows, columns, rows_exist, columns_exist, ROW: tl.constexpr, COLUMN: tl.constexpr):
    """Block of a matrix whose entries lie ``ROW`` and ``COLUMN`` apart; what does not exist is zero."""
    at = start + rows[:, None] * ROW + columns[None, :] * COLUMN
    return tl.load(at, mask=rows_exist[:, None] & columns_exist[None, :], other=0)


@triton.jit
def forward(
    x,
    offset,
    weight,
    y,
    pixels,
    height,
    width,
    IN: tl.constexpr,
    OUT: tl.constexpr,
    KERNEL: tl.constexpr,
    plan: tl.constexpr,
    BC: tl.constexpr,
    BT: tl.constexpr,
    BO: tl.constexpr,
    BM: tl.constexpr,
):
    """``y`` for BM pixels and BO outputs. Grid: pixels / BM, OUT / BO."""
    pixel, live, image, row, column = locate(tl.program_id(0), pixels, height, width, plan, BM)
    out = tl.program_id(1) * BO + tl.arange(0, BO)
    total = tl.zeros((BM, BO), plan.ACC)
    for first in range(0, KERNEL * KERNEL, BT):
        there, _, _, top, left, fy, fx, _, _ = points(
            offset, image, row, column, live, first, height, width, KERNEL, plan, BT
        )
        for begin in range(0, IN, BC):
            channel = begin + tl.arange(0, BC)
            corners = corner_values(x, image, top, left, there, channel, height, width, IN, plan)
            value = unfold(corners, fy, fx, BM, BT, BC)
            rows, exist = weight_rows(first, channel, IN, KERNEL, BT, BC)
            w = block(weight, rows, out, exist, out < OUT, OUT, 1)
            total = dot(value.to(w.dtype), w, total, plan)
    tl.store(y + pixel[:, None] * OUT + out[None, :], total, mask=live[:, None] & (out < OUT)[None, :])
