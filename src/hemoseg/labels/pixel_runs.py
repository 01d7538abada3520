"""A label image as runs: stretches of one label along a row, from which areas, moments and outlines follow fast."""

from typing import NamedTuple

import numpy as np

PIXELS_AT_ONCE = 2**24  # rows are looked at in blocks, so that a slide needs a few blocks more memory and no copy


class PixelRuns(NamedTuple):
    """Stretches of labelled pixels, int64 ``(n,)`` each, from the top row down and from the left to the right.

    Attributes:
        label: of the pixels, never 0.
        row: in which the stretch lies.
        start: its first column.
        stop: the column after its last.
    """

    label: np.ndarray
    row: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    @property
    def length(self) -> np.ndarray:
        """Pixels of each run."""
        return self.stop - self.start

    def by_label(self) -> "PixelRuns":
        """The same runs, those of a label together, labels upwards, each label's from the top down."""
        order = np.argsort(self.label, kind="stable")
        return PixelRuns(*(part[order] for part in self))


def pixel_runs(labels: np.ndarray, classes: np.ndarray | None = None) -> PixelRuns:
    """The runs of a label image.

    Args:
        labels: whole numbers ``(H, W)``, 0 background.
        classes: ``(H, W)``; where given, a run ends where they change, too, so that it has one class.
    """
    height, width = labels.shape
    step = max(1, PIXELS_AT_ONCE // max(width, 1))
    found = []
    for top in range(0, height, step):
        block = np.ascontiguousarray(labels[top : top + step])
        changes = block[:, 1:] != block[:, :-1]
        if classes is not None:
            kind = classes[top : top + step]
            changes |= kind[:, 1:] != kind[:, :-1]
        first = block != 0
        last = first.copy()
        first[:, 1:] &= changes
        last[:, :-1] &= changes
        starts, stops = np.flatnonzero(first), np.flatnonzero(last)
        row, start = np.divmod(starts, width)
        found.append((block.ravel()[starts].astype(np.int64), row + top, start, start + stops - starts + 1))
    if not found:
        return PixelRuns(*(np.zeros(0, np.int64) for _ in range(4)))
    return PixelRuns(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def sums_over(runs: PixelRuns, values: np.ndarray) -> np.ndarray:
    """Sum of the values over the pixels of each run, int64 or float64 ``(n,)``.

    Args:
        runs: of a label image of the same size.
        values: ``(H, W)``; whole numbers are summed as such.
    """
    kind = np.int64 if values.dtype.kind in "bui" else np.float64
    if not len(runs.label):
        return np.zeros(0, kind)
    begin = runs.row * values.shape[1] + runs.start
    bounds = np.stack([begin, begin + runs.length], axis=1).ravel()
    whole = bounds[:-1] if bounds[-1] == values.size else bounds  # the last run may end with the array
    # Between a run's bounds and the next one's lies what belongs to no run: every second sum.
    return np.add.reduceat(values.ravel(), whole, dtype=kind)[::2]
