"""How far pixels are from the nearest one outside a mask, to the last bit the same with any number of threads."""

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt

FARTHEST = 1000.0  # pixels up to which the square of a float32 distance is within half of its whole number


def distance_to_outside(mask: np.ndarray) -> np.ndarray:
    """Distance of each pixel's centre to that of the nearest pixel outside the mask, float32 ``(H, W)``.

    OpenCV's last bit depends on how many threads it has and on what else they do, which is enough for a watershed to
    cut between other pixels. Squares of distances are whole numbers: rounded to them, every run says the same.

    Args:
        mask: bool ``(H, W)``; a pixel or more lies outside.
    """
    distance = cv2.distanceTransform(np.ascontiguousarray(mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    if distance.max(initial=0) > FARTHEST:
        return distance_transform_edt(mask).astype(np.float32)
    np.multiply(distance, distance, out=distance)
    np.rint(distance, out=distance)
    return np.sqrt(distance, out=distance)
