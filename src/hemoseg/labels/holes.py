"""Holes of a mask, such as the pale middle of a red cell that a threshold leaves out."""

import cv2
import numpy as np


def without_holes(mask: np.ndarray, most: float) -> np.ndarray:
    """The mask with those holes filled that have at most ``most`` pixels, bool ``(H, W)``.

    A hole is a 4-connected part of the background that does not reach the border of the image. A gap that cells enclose
    is one, too: what is larger than a cell's middle can be must stay, or a ring of cells becomes one.

    Args:
        mask: bool ``(H, W)``.
        most: in pixels.
    """
    _, parts, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    inner = stats[:, cv2.CC_STAT_AREA] <= most
    inner[0] = False  # the mask itself
    border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    inner[border] = False
    return mask | inner[parts]
