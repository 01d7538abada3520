"""How far the pixels of one set are from the nearest pixel of another, in whole numbers.

After Saito and Toriwaki 1994, doi:10.1016/0031-3203(94)90133-3: first the distance within each column, then along the
row the smallest sum of squares. The second pass asks only for the pixels that are wanted, and for each only columns
that are nearer than what was found, so that boundaries that lie close cost next to nothing.
"""

from collections.abc import Sequence

import cv2
import numpy as np

AT_ONCE = 2**24  # pixels of targets that are held together; more at once saves calls, but not in large images
AFFORDABLE = 2  # looks along rows per pixel of an image, at which a transform of all of it costs about as much


def squared_distances(sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Squared distance of each pixel of each source, in the order of its rows, to the nearest one of its target.

    Args:
        sources: bool ``(H, W)`` each, of one shape.
        targets: as many, each holding a pixel.

    Returns:
        int64 ``(n,)`` each. Nothing is rounded, unless so many pixels lie so far off that a distance transform of the
        whole image is cheaper: that is float32, whose squares are rounded back to whole numbers, and which is off by
        some 1e-4 px past 2048 px.
    """
    part = max(1, AT_ONCE // max(sources[0].size, 1)) if len(sources) else 1
    found: list[np.ndarray] = []
    for first in range(0, len(sources), part):
        found += _of_part(sources[first : first + part], targets[first : first + part])
    return found


def _of_part(sources: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> list[np.ndarray]:
    within = _within_columns(np.stack(targets, axis=1))
    _, number, width = within.shape
    places = [np.flatnonzero(source) for source in sources]
    image = np.repeat(np.arange(number), [place.size for place in places])
    row, column = np.divmod(np.concatenate(places), width)
    start = (row * number + image) * width
    flat = within.ravel()
    best = np.square(flat[start + column], dtype=np.int64)
    waiting = np.flatnonzero(best > 1)
    left = AFFORDABLE * within.size
    for reach in range(1, width):
        left -= waiting.size
        if not waiting.size or left < 0:
            break
        own, begin = column[waiting], start[waiting]
        # Beyond the frame its last column is asked again, for too large a sum, never too small a one.
        there = flat[begin + np.maximum(own - reach, 0)]
        np.minimum(there, flat[begin + np.minimum(own + reach, width - 1)], out=there)
        best[waiting] = nearest = np.minimum(best[waiting], np.square(there, dtype=np.int64) + reach * reach)
        waiting = waiting[nearest > (reach + 1) ** 2]
    else:  # every column was asked
        waiting = waiting[:0]
    for one in np.unique(image[waiting]):
        late = waiting[image[waiting] == one]
        best[late] = _transformed(targets[one])[row[late], column[late]]
    return np.split(best, np.cumsum([place.size for place in places])[:-1])


def _within_columns(targets: np.ndarray) -> np.ndarray:
    """Distance to the nearest target in the column, int ``(H, M, W)`` as the targets are; H + W where there is none."""
    far = targets.shape[0] + targets.shape[2]
    kind = np.int16 if far < 2**15 - 1 else np.int32
    distance = np.where(targets, kind(0), kind(far))
    further = np.empty_like(distance[0])
    for order in (distance, distance[::-1]):
        for row in range(1, len(order)):
            np.add(order[row - 1], 1, out=further)
            np.minimum(order[row], further, out=order[row])
    return distance


def _transformed(target: np.ndarray) -> np.ndarray:
    distance = cv2.distanceTransform((~target).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.rint(distance.astype(np.float64) ** 2).astype(np.int64)
