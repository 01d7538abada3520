"""Connected components of a mask that comes in strips: those that a strip's edge cuts are whole again at the end."""

import cv2
import numpy as np

from hemoseg.labels.regions import Regions

BOX = (cv2.CC_STAT_TOP, cv2.CC_STAT_LEFT, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH)


class StripComponents:
    """Numbers the 8-connected parts of strips from top to bottom and remembers which parts are one.

    Args:
        min_area: components with fewer pixels are none.
    """

    def __init__(self, min_area: float = 0):
        self.min_area = min_area
        self._rows = 0
        self._last: np.ndarray | None = None
        self._areas: list[np.ndarray] = [np.zeros(1, np.int64)]
        self._boxes: list[np.ndarray] = [np.zeros((1, 4), np.int64)]
        self._pairs: list[np.ndarray] = []
        self._count = 0

    def add(self, mask: np.ndarray) -> np.ndarray:
        """Numbers of the parts of the next strip, uint32 ``(h, W)``; `regions` tells which are one and which are none.

        Args:
            mask: bool ``(h, W)``.
        """
        count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        kept = stats[:, cv2.CC_STAT_AREA] >= self.min_area
        kept[labels[0]] = kept[labels[-1]] = True  # they may go on in the next strip
        kept[0] = False
        numbers = np.zeros(count, np.uint32)
        numbers[kept] = np.arange(self._count + 1, self._count + 1 + np.count_nonzero(kept))
        self._count += np.count_nonzero(kept)
        labels = numbers[labels]
        top, left, height, width = (stats[kept, column].astype(np.int64) for column in BOX)
        top = top + self._rows
        self._areas.append(stats[kept, cv2.CC_STAT_AREA].astype(np.int64))
        self._boxes.append(np.stack([top, left, top + height, left + width], axis=1))
        if self._last is not None:
            self._pairs.append(_touching(self._last, labels[0]))
        self._last = labels[-1].copy()
        self._rows += len(mask)
        return labels

    def regions(self) -> Regions:
        """The components of all strips together."""
        root = _roots(self._count + 1, np.concatenate([np.zeros((0, 2), np.int64), *self._pairs]))
        areas = np.bincount(root, np.concatenate(self._areas), self._count + 1).astype(np.int64)
        boxes = np.concatenate(self._boxes)
        whole = boxes.copy()
        for side, join in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
            join.at(whole[:, side], root, boxes[:, side])
        return Regions(np.where(areas[root] >= max(self.min_area, 1), root, 0), whole)


def _touching(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Pairs of numbers in 8-neighbours of two rows, int64 ``(n, 2)``."""
    found = []
    for shift in (-1, 0, 1):
        above = upper[max(0, shift) : len(upper) + min(0, shift)].astype(np.int64)
        below = lower[max(0, -shift) : len(lower) + min(0, -shift)].astype(np.int64)
        both = (above > 0) & (below > 0)
        found.append(np.stack([above[both], below[both]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def _roots(count: int, pairs: np.ndarray) -> np.ndarray:
    """The least number of each set that pairs connect, int64 ``(count,)``."""
    parent = np.arange(count)

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for one, other in pairs.tolist():
        low, high = sorted((root(one), root(other)))
        parent[high] = low
    while (parent[parent] != parent).any():
        parent = parent[parent]
    return parent
