"""Runs of equal pixels: whatever is counted per pixel of label images is counted per run, some ten times fewer."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Runs:
    """Where an image, read row by row, begins to differ from the pixel before.

    Attributes:
        starts: position of the first pixel of each run in the flat image, int64 ``(runs,)``.
        lengths: pixels of each run, int64 ``(runs,)``.
        shape: of the image.
    """

    starts: np.ndarray
    lengths: np.ndarray
    shape: tuple[int, ...]

    def take(self, image: np.ndarray) -> np.ndarray:
        """The value of each run in an image that is constant within it, ``(runs,)``."""
        return image.ravel()[self.starts]

    def image(self, values: np.ndarray) -> np.ndarray:
        """The image in which each run has its value; `take` turned round."""
        return np.repeat(values, self.lengths).reshape(self.shape)

    def sums(self, image: np.ndarray) -> np.ndarray:
        """Sum of an image over the pixels of each run, float64 ``(runs,)``."""
        if not len(self.starts):
            return np.zeros(0)
        return np.add.reduceat(image.ravel(), self.starts, dtype=np.float64)

    def count(self, codes: np.ndarray, size: int, where: np.ndarray | None = None) -> np.ndarray:
        """Pixels of each code 0..size-1, given per run, int64 ``(size,)``; only of the runs in ``where``, if given."""
        # Sums of whole numbers below 2**53 are exact in float64; to leave runs out would cost more than to add 0.
        weights = self._weights if where is None else self._weights * where
        return np.bincount(codes, weights, minlength=size).astype(np.int64)

    @cached_property
    def _weights(self) -> np.ndarray:
        return self.lengths.astype(np.float64)


def runs_of(images: Sequence[np.ndarray]) -> Runs:
    """The longest runs within which each of the images ``(H, W)`` is constant; a run may go on in the next row.

    Raises:
        ValueError: the images differ in shape.
    """
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        raise ValueError(f"arrays of one sample differ in shape: {sorted(shapes)}")
    shape, size = images[0].shape, images[0].size
    begins = np.zeros(size, bool)
    begins[:1] = True
    for image in images:
        flat = image.ravel()
        begins[1:] |= flat[1:] != flat[:-1]
    starts = np.flatnonzero(begins)
    return Runs(starts, np.diff(starts, append=size), shape)
