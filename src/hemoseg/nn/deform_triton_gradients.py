"""Triton kernels of the gradients of the deformable convolution; the words are those of `deform_triton_kernels`."""

import triton
import triton.language as tl

from hemoseg.nn.deform_triton_kernels import (
    block,
    corner_index,
    corner_values,
    displacement,
    dot,
    locate,
    offset_index,
    points,
    unfold,
    weight_rows,
)


@triton.jit
def _add(grad_x, pull, share, image, row, column, there, channel, height, width, IN: tl.constexpr):
    at, inside = corner_index(image, row, column, there, channel, height, width, IN)
    tl.atomic_add(grad_x + at, pull * share[:, :, None], mask=inside, sem="relaxed")


@triton.jit
def backward_data(
    grad,
    x,
    offset,
    weight,
    grad_x,
    grad_offset,
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
    """``grad_offset`` of BM pixels, written once; their part of ``grad_x`` (ACC), added. Grid: pixels / BM."""
    pixel, live, image, row, column = locate(tl.program_id(0), pixels, height, width, plan, BM)
    for first in range(0, KERNEL * KERNEL, BT):
        there, where, step, top, left, fy, fx, slope_y, slope_x = points(
            offset, image, row, column, live, first, height, width, KERNEL, plan, BT
        )
        pull_y, pull_x = tl.zeros((BM, BT), plan.ACC), tl.zeros((BM, BT), plan.ACC)
        for begin in range(0, IN, BC):
            channel = begin + tl.arange(0, BC)
            rows, exist = weight_rows(first, channel, IN, KERNEL, BT, BC)
            pull = tl.zeros((BM, BT * BC), plan.ACC)
            for start in range(0, OUT, BO):
                out = start + tl.arange(0, BO)
                g = block(grad, pixel, out, live, out < OUT, OUT, 1)
                pull = dot(g, block(weight, out, rows, out < OUT, exist, 1, OUT), pull, plan)
            pull = tl.reshape(pull, (BM, BT, BC))
            if plan.NEED_OFFSET:
                v00, v01, v10, v11 = corner_values(x, image, top, left, there, channel, height, width, IN, plan)
                down = (1 - fx)[:, :, None] * (v10 - v00) + fx[:, :, None] * (v11 - v01)
                right = (1 - fy)[:, :, None] * (v01 - v00) + fy[:, :, None] * (v11 - v10)
                pull_y += tl.sum(pull * down, axis=2)
                pull_x += tl.sum(pull * right, axis=2)
            if plan.NEED_X:
                _add(grad_x, pull, (1 - fy) * (1 - fx), image, top, left, there, channel, height, width, IN)
                _add(grad_x, pull, (1 - fy) * fx, image, top, left + 1, there, channel, height, width, IN)
                _add(grad_x, pull, fy * (1 - fx), image, top + 1, left, there, channel, height, width, IN)
                _add(grad_x, pull, fy * fx, image, top + 1, left + 1, there, channel, height, width, IN)
        if plan.NEED_OFFSET:
            tl.store(grad_offset + where, pull_y * slope_y, mask=there)
            tl.store(grad_offset + where + step, pull_x * slope_x, mask=there)


@triton.jit
def _share(moved, away):
    """Part of a pixel ``away`` from a tap that a point ``moved`` from it reads, along one axis."""
    whole = tl.floor(moved)
    return tl.where(whole == away, 1 - (moved - whole), tl.where(whole == away - 1, moved - whole, 0))


@triton.jit
def backward_x(
    grad,
    offset,
    weight,
    grad_x,
    pixels,
    height,
    width,
    reach,
    IN: tl.constexpr,
    OUT: tl.constexpr,
    KERNEL: tl.constexpr,
    plan: tl.constexpr,
    BC: tl.constexpr,
    BO: tl.constexpr,
    BM: tl.constexpr,
):
    """``grad_x`` of BM pixels and BC channels, gathered in one order: no atomics. Grid: pixels / BM, IN / BC.

    An offset of floor f, ``|f| <= reach``, reads the pixels f and f + 1 behind its tap. So no output reads a pixel
    but the ``(2 reach + 2)^2`` that it lies ``-reach .. reach + 1`` behind, on either axis and for each tap.
    """
    pixel, live, image, row, column = locate(tl.program_id(0), pixels, height, width, plan, BM)
    channel = tl.program_id(1) * BC + tl.arange(0, BC)
    side = 2 * reach + 2
    total = tl.zeros((BM, BC), plan.ACC)
    for tap in range(0, KERNEL * KERNEL):
        for start in range(0, OUT, BO):
            out = start + tl.arange(0, BO)
            pull = tl.zeros((BM, BO), plan.ACC)
            for candidate in range(0, side * side):
                away_y, away_x = candidate // side - reach, candidate % side - reach
                y_row = row - (tap // KERNEL - KERNEL // 2) - away_y
                y_column = column - (tap % KERNEL - KERNEL // 2) - away_x
                there = live & (y_row >= 0) & (y_row < height) & (y_column >= 0) & (y_column < width)
                at, step = offset_index(image, y_row, y_column, tap, height, width, KERNEL, plan)
                share = _share(displacement(offset, at, there, plan)[0], away_y)
                share *= _share(displacement(offset, at + step, there, plan)[0], away_x)
                reads = there & (share != 0)
                g = block(grad, (image * height + y_row) * width + y_column, out, reads, out < OUT, OUT, 1)
                pull += share[:, None] * g.to(plan.ACC)
            w = block(weight, out, tap * IN + channel, out < OUT, channel < IN, 1, OUT)
            total = dot(pull.to(w.dtype), w, total, plan)
    tl.store(grad_x + pixel[:, None] * IN + channel[None, :], total, mask=live[:, None] & (channel < IN)[None, :])


@triton.jit
def backward_weight(
    grad,
    x,
    offset,
    parts,
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
    """Sums over a share of the pixels: ``parts (shares, k^2 IN, OUT)``. Grid: shares, chunks of columns, OUT / BO."""
    blocks = tl.cdiv(IN, BC)
    first = tl.program_id(1) // blocks * BT
    channel = tl.program_id(1) % blocks * BC + tl.arange(0, BC)
    out = tl.program_id(2) * BO + tl.arange(0, BO)
    share = tl.cdiv(tl.cdiv(pixels, BM), tl.num_programs(0))
    total = tl.zeros((BT * BC, BO), plan.ACC)
    for step in range(0, share):
        tile = tl.program_id(0) * share + step
        pixel, live, image, row, column = locate(tile, pixels, height, width, plan, BM)
        there, _, _, top, left, fy, fx, _, _ = points(
            offset, image, row, column, live, first, height, width, KERNEL, plan, BT
        )
        corners = corner_values(x, image, top, left, there, channel, height, width, IN, plan)
        value = unfold(corners, fy, fx, BM, BT, BC)
        g = block(grad, pixel, out, live, out < OUT, OUT, 1)
        total = dot(tl.trans(value.to(g.dtype)), g, total, plan)
    rows, exist = weight_rows(first, channel, IN, KERNEL, BT, BC)
    at = tl.program_id(0) * (KERNEL * KERNEL * IN * OUT) + rows[:, None] * OUT + out[None, :]
    tl.store(parts + at, total, mask=exist[:, None] & (out < OUT)[None, :])
