"""Blank left and right borders of a frame, as an acquisition card or a converter leaves them.

A margin is told from empty background by its end: a straight step over most rows in one column. Content that
fades out, and background without cells, have none, so that a frame without margins loses nothing.
"""

import cv2
import numpy as np

REACH = 3  # columns averaged on either side of a possible edge
SMOOTH = 5  # rows averaged, against noise
QUIET = 0.15  # share of rows that may step before the margin ends (dust, dead pixels)
NOISE = 6.0  # a step is larger than this many standard deviations of what noise does to it


def find_margins(image: np.ndarray, white: float, share: float = 0.5, contrast: float = 0.02) -> tuple[int, int]:
    """Widths of the blank borders on the left and on the right, in pixels.

    Args:
        image: ``(C, H, W)``, any dtype.
        white: value of ``image`` that means 1.0.
        share: part of the rows that must step in one column for it to be the end of a margin.
        contrast: smallest step, as a part of the full scale.

    Returns:
        Two widths; 0 where there is no margin. A frame that is blank throughout has none.
    """
    values = image.astype(np.float32) / np.float32(white)
    left = _width(values, share, contrast)
    right = _width(values[:, :, ::-1], share, contrast)
    return (left, right) if left + right < image.shape[2] else (0, 0)


def _width(values: np.ndarray, share: float, contrast: float) -> int:
    """Width of the blank border on the left."""
    rows, columns = values.shape[1:]
    if columns < 4 * REACH or rows < SMOOTH:
        return 0
    smooth = np.stack([cv2.blur(plane, (1, SMOOTH)) for plane in values])
    steps = _steps(smooth)
    least = max(contrast, NOISE * _noise(values) * np.sqrt(2 / (REACH * SMOOTH)))
    stepping = (steps > least).mean(axis=0)  # share of rows per column
    loud = np.flatnonzero(stepping > QUIET)
    if not loud.size:
        return 0
    near = slice(loud[0], loud[0] + 3 * REACH)
    if stepping[near].max() < share:
        return 0
    return int(loud[0] + np.median(steps[:, near], axis=0).argmax()) + 1


def _steps(smooth: np.ndarray) -> np.ndarray:
    """Largest change over channels between the columns before and after each edge, ``(H, W - 1)``.

    Edge i lies between columns i and i + 1; at the border fewer columns are averaged.
    """
    sums = np.cumsum(smooth, axis=2, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(sums[:, :, :1]), sums], axis=2)
    width = smooth.shape[2]
    edge = np.arange(1, width)
    before, after = np.maximum(edge - REACH, 0), np.minimum(edge + REACH, width)
    left = (sums[:, :, edge] - sums[:, :, before]) / (edge - before)
    right = (sums[:, :, after] - sums[:, :, edge]) / (after - edge)
    return np.abs(right - left).max(axis=0)


def _noise(values: np.ndarray) -> float:
    """Standard deviation of the noise in the outermost columns, from differences of rows."""
    border = values[:, :, :REACH]
    return float(1.4826 * np.median(np.abs(np.diff(border, axis=1))) / np.sqrt(2))
