"""Blank left and right borders of a frame, as an acquisition card or a converter leaves them.

A margin is told from empty background by its end: a straight step over most rows in one column. Content that
fades out, and background without cells, have none, so that a frame without margins loses nothing.
"""

import cv2
import numpy as np

REACH = 3  # columns averaged on either side of a possible edge
SMOOTH = 5  # rows averaged to one, against noise
QUIET = 0.15  # share of rows that may step before the margin ends (dust, dead pixels)
NOISE = 3.5  # a step is larger than this many standard deviations of what noise does to it


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
    right = _width(values[:, :, ::-1].copy(), share, contrast)
    return (left, right) if left + right < image.shape[2] else (0, 0)


def _width(values: np.ndarray, share: float, contrast: float) -> int:
    """Width of the blank border on the left."""
    rows, columns = values.shape[1:]
    if columns < 4 * REACH or rows < 4 * SMOOTH:
        return 0
    bands = np.stack([cv2.resize(plane, (columns, rows // SMOOTH), interpolation=cv2.INTER_AREA) for plane in values])
    noise = _noise(values)
    steps = _steps(bands)
    least = max(contrast, NOISE * noise * np.sqrt(2 / (REACH * SMOOTH)))
    loud = np.flatnonzero((np.abs(steps).max(axis=0) > least).mean(axis=0) > QUIET)
    if not loud.size:
        return 0
    near = steps[:, :, loud[0] : loud[0] + 2 * REACH]
    rising, falling = (near > least).mean(axis=1), (near < -least).mean(axis=1)
    if max(rising.max(), falling.max()) < share:
        return 0
    change = np.median(np.abs(steps).max(axis=0), axis=0)
    peak = int(loud[0] + change[loud[0] : loud[0] + 2 * REACH].argmax())
    if np.any(change[peak + REACH + 1 : peak + REACH + 3] > change[peak] / 2):
        return 0  # no edge but a slope: content that fades in
    width = peak + 1
    return width if _is_blank(bands[:, :, :width], max(contrast, NOISE * noise / np.sqrt(SMOOTH))) else 0


def _is_blank(strip: np.ndarray, most: float) -> bool:
    """Whether a border strip shows nothing but noise and slowly changing light.

    Args:
        strip: bands of rows ``(C, H, W)`` up to the end of a possible margin, whose last column may be blurred.
        most: largest departure that is no content.
    """
    profile = strip[:, :, : max(1, strip.shape[2] - 1)].mean(axis=2)
    position = np.linspace(-1, 1, profile.shape[1])
    for values in profile:
        curve = np.polynomial.Polynomial.fit(position, values, deg=2)(position)
        if (np.abs(values - curve) > most).mean() > QUIET:
            return False
    return True


def _steps(bands: np.ndarray) -> np.ndarray:
    """Change from the columns before to the columns after each edge, ``(C, H, W - 1)``.

    Edge i lies between columns i and i + 1; at the border fewer columns are averaged.
    """
    sums = np.cumsum(bands, axis=2, dtype=np.float64)
    sums = np.concatenate([np.zeros_like(sums[:, :, :1]), sums], axis=2)
    width = bands.shape[2]
    edge = np.arange(1, width)
    before, after = np.maximum(edge - REACH, 0), np.minimum(edge + REACH, width)
    left = (sums[:, :, edge] - sums[:, :, before]) / (edge - before)
    right = (sums[:, :, after] - sums[:, :, edge]) / (after - edge)
    return right - left


def _noise(values: np.ndarray) -> float:
    """Standard deviation of the noise in the outermost columns, from differences of rows."""
    border = values[:, :, :REACH]
    return float(1.4826 * np.median(np.abs(np.diff(border, axis=1))) / np.sqrt(2))
