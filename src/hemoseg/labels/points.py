"""Points of an image, the pixels that they lie in, and the centres of boxes."""

import numpy as np


def pixels_at(points: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the pixels that hold the points, int ``(m,)`` each; m <= n, since those outside are left out.

    Args:
        points: rows and columns in pixel indices (a pixel's centre is a whole number), float ``(n, 2)``; a half is
            rounded up. What is not finite lies outside.
        shape: rows and columns of the image.

    Raises:
        ValueError: the points are not ``(n, 2)``.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"points of shape {points.shape} are no rows and columns (n, 2)")
    nearest = np.floor(points + 0.5)
    inside = ((nearest >= 0) & (nearest < shape)).all(axis=1)
    rows, columns = nearest[inside].astype(np.intp).T
    return rows, columns


def centres_of(boxes: np.ndarray) -> np.ndarray:
    """Centres of boxes ``(n, 4)`` or ``(n, 5)``, x0, y0, x1, y1 ..., as rows and columns in pixel indices ``(n, 2)``.

    A box ends behind its last pixel, so that the centre of a box round one pixel is that pixel.
    """
    return np.stack([(boxes[:, 1] + boxes[:, 3] - 1) / 2, (boxes[:, 0] + boxes[:, 2] - 1) / 2], axis=1)
