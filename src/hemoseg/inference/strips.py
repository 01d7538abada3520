"""Probabilities of an image that comes row by row, in strips from top to bottom: memory holds one row of windows."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from hemoseg.data.resampling import Rows
from hemoseg.inference.windows import Predictor, ramp, window_starts


def probability_strips(
    predictor: Predictor,
    rows: Rows,
    size: tuple[int, int],
    *,
    window: tuple[int, int],
    overlap: float,
    batch_size: int = 1,
    first_row: int = 0,
) -> Iterator[tuple[int, Tensor]]:
    """The probability of `hemoseg.inference.windows.predict_windows`, a strip at a time.

    Its windows, weights and order of additions are those of the whole image, so nothing changes at a strip's edge, and
    what begins at ``first_row`` goes on as if it had begun at the top.

    Args:
        predictor: images ``(B, C, h, w)`` in the numbers of the rows to probabilities ``(B, K, h, w)``.
        rows: of the image; each is asked for once.
        size: rows and columns of the image.
        window: rows and columns of a window; cut to the image where that is smaller.
        overlap: share of a window that the next one covers again, in [0, 1).
        batch_size: windows per pass.
        first_row: of the first strip that is wanted; where an earlier run's strip ended.

    Yields:
        First row and probability, float32 ``(K, n, W)``, of strips that follow each other.
    """
    height, width = (min(side, whole) for side, whole in zip(window, size, strict=True))
    starts, columns = window_starts(size[0], height, overlap), window_starts(size[1], width, overlap)
    if len(starts) == len(columns) == 1:  # nothing to blend
        if first_row < height:
            _, probability = next(_passes(predictor, rows(0, height), columns, width, 1))
            yield first_row, probability[:, first_row:]
        return
    weight = ramp((height, width), overlap)
    total: Tensor | None = None
    mass = torch.zeros(height, size[1])
    block, read = None, 0
    for start, following in zip(starts, [*starts[1:], size[0]], strict=True):
        if start + height <= first_row:
            continue
        block, read = _block(rows, block, read, start, height)
        for place, probability in _passes(predictor, block, columns, width, batch_size):
            if total is None:
                total = torch.zeros(len(probability), height, size[1], device=probability.device)
                weight, mass = weight.to(probability.device), mass.to(probability.device)
            total[:, :, place : place + width] += weight * probability
            mass[:, place : place + width] += weight
        done = following - start
        if following > first_row:
            skipped = max(0, first_row - start)
            yield start + skipped, (total[:, skipped:done] / mass[skipped:done])
        total, mass = _moved(total, done), _moved(mass, done)


def _block(rows: Rows, block: np.ndarray | None, read: int, start: int, height: int) -> tuple[np.ndarray, int]:
    """The rows of a row of windows: those that the last one had already, and new ones."""
    if block is None:
        return rows(start, start + height), start + height
    kept = block[:, block.shape[1] - (read - start) :] if read > start else block[:, :0]
    return np.concatenate([kept, rows(read, start + height)], axis=1), start + height


def _passes(
    predictor: Predictor, block: np.ndarray, columns: list[int], width: int, batch_size: int
) -> Iterator[tuple[int, Tensor]]:
    """First column and probability of each window of a block."""
    for begin in range(0, len(columns), batch_size):
        chosen = columns[begin : begin + batch_size]
        cut = np.stack([block[:, :, place : place + width] for place in chosen]).astype(np.float32)
        yield from zip(chosen, predictor(torch.from_numpy(cut)).float(), strict=True)


def _moved(values: Tensor, by: int) -> Tensor:
    """The last rows of ``(..., h, W)`` moved up by so many, zeros behind them."""
    moved = torch.zeros_like(values)
    moved[..., : values.shape[-2] - by, :] = values[..., by:, :]
    return moved
