"""What a label image with provisional numbers means: which numbers are one region, which are none."""

from dataclasses import dataclass

import numpy as np

LINE = np.uint32(2**32 - 1)  # marks a pixel of a line that parts two cells


@dataclass(frozen=True)
class Regions:
    """Regions of a provisional label image.

    Attributes:
        region: of each number, int64 ``(n + 1,)``; itself a number, 0 for what is no region.
        boxes: first row, first column and, one beyond, last row and column of each region by its number,
            int64 ``(n + 1, 4)``; that of a number which is no region means nothing.
    """

    region: np.ndarray
    boxes: np.ndarray

    def of(self, labels: np.ndarray) -> np.ndarray:
        """The regions of provisional labels, int64; lines are none."""
        return self.region[np.where(labels == LINE, 0, labels)]
