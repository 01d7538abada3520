"""Prediction by overlapping windows whose borders are blended."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

# Maps images (B, C, H, W) to probabilities (B, K, H, W).
Predictor = Callable[[Tensor], Tensor]


def predict_windows(
    predictor: Predictor, image: Tensor, *, window: tuple[int, int] | None, overlap: float, batch_size: int = 4
) -> Tensor:
    """Probability of a whole image from windows, weighted down towards each window's border.

    Args:
        predictor: the network with its normalisation and softmax.
        image: ``(C, H, W)``, any size; one smaller than the window is filled up by reflection and cut back.
        window: rows and columns of a window; none takes the image in one pass.
        overlap: share of a window that the next one covers again, in [0, 1).
        batch_size: windows per pass.

    Returns:
        float32 ``(K, H, W)`` on the image's device; sums to 1 over K.

    Raises:
        ValueError: an overlap outside [0, 1).
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"overlap must be in [0, 1), not {overlap}")
    height, width = image.shape[-2:]
    if window is None or (window[0] >= height and window[1] >= width and window == (height, width)):
        return predictor(image[None])[0].float()
    filled = _reflect_to(image, window)
    corners = [
        (row, column)
        for row in window_starts(filled.shape[-2], window[0], overlap)
        for column in window_starts(filled.shape[-1], window[1], overlap)
    ]
    weight = ramp(window, overlap).to(image.device)
    total: Tensor | None = None
    mass = torch.zeros(filled.shape[-2:], device=image.device)
    for begin in range(0, len(corners), batch_size):
        chosen = corners[begin : begin + batch_size]
        cut = torch.stack([filled[:, r : r + window[0], c : c + window[1]] for r, c in chosen])
        for (r, c), probability in zip(chosen, predictor(cut).float(), strict=True):
            if total is None:
                total = torch.zeros(len(probability), *filled.shape[-2:], device=image.device)
            total[:, r : r + window[0], c : c + window[1]] += weight * probability
            mass[r : r + window[0], c : c + window[1]] += weight
    return (total / mass)[:, :height, :width]


def window_starts(length: int, window: int, overlap: float) -> list[int]:
    """First pixels of evenly spaced windows that cover ``length`` and overlap by at least the share asked for."""
    if window >= length:
        return [0]
    step = max(1, int(window * (1 - overlap)))
    count = -(-(length - window) // step) + 1
    return [round(i * (length - window) / (count - 1)) for i in range(count)]


def borders(length: int, window: int, overlap: float) -> np.ndarray:
    """Lines within ``length`` pixels at which a window begins or ends: line r lies before pixel r; sorted, int."""
    starts = window_starts(length, window, overlap)
    lines = {*starts, *(start + window for start in starts)}
    return np.array(sorted(line for line in lines if 0 < line < length), int)


def ramp(window: tuple[int, int], overlap: float) -> Tensor:
    """Weight of each pixel of a window: 1 inside, falling linearly over the overlap, never 0."""
    sides = []
    for length in window:
        reach = max(1.0, length * overlap)
        distance = torch.arange(length, dtype=torch.float32) + 0.5
        sides.append((torch.minimum(distance, length - distance) / reach).clamp(max=1.0))
    return sides[0][:, None] * sides[1][None, :]


def _reflect_to(image: Tensor, window: tuple[int, int]) -> Tensor:
    """Fill an image up to the window's size at its lower and right border, by reflection."""
    rows = _mirror(image.shape[-2], max(window[0], image.shape[-2]))
    columns = _mirror(image.shape[-1], max(window[1], image.shape[-1]))
    return image[:, torch.from_numpy(rows)][:, :, torch.from_numpy(columns)]


def _mirror(length: int, wanted: int) -> np.ndarray:
    """Positions 0..length-1 and back again, as often as it takes."""
    return np.pad(np.arange(length), (0, wanted - length), mode="symmetric")
