"""Verdicts on cells from their facts (`metrics.cells`), with the thresholds as exact fractions.

``area``, ``covered`` and the like are int arrays ``(n,)`` in pixels, ``as_class`` is int ``(n, K)``. Shares are
compared in integers, so that a cell at exactly the threshold falls on the side that the definition names.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np


def share(value: float | str | Fraction) -> Fraction:
    """A threshold as the fraction that was meant: 0.8 is 4/5, 0.3333333 and "1/3" are 1/3."""
    return Fraction(value).limit_denominator(1000)


def below(part: np.ndarray, whole: np.ndarray, threshold: Fraction) -> np.ndarray:
    """Whether part / whole < threshold, bool ``(n,)``."""
    return np.asarray(part) * threshold.denominator < np.asarray(whole) * threshold.numerator


def is_missed(covered: np.ndarray, area: np.ndarray, found: Fraction) -> np.ndarray:
    """True cells of which less than ``found`` is covered; exactly ``found`` is found."""
    return below(covered, area, found)


def is_spurious(on_truth: np.ndarray, area: np.ndarray, on_ignored: np.ndarray, real: Fraction) -> np.ndarray:
    """Predicted cells of which less than ``real`` lies on true foreground; exactly ``real`` is no error.

    What is left of a cell that lies mostly on ignored pixels (``on_ignored`` > ``area``) is no error either: nothing
    is known of what it was predicted for.
    """
    return below(on_truth, area, real) & (np.asarray(on_ignored) <= np.asarray(area))


def is_of_two_types(as_class: np.ndarray, area: np.ndarray, least: Fraction) -> np.ndarray:
    """True cells of which at least ``least`` of the total area carries another type than the commonest one."""
    other = as_class.sum(axis=1) - as_class.max(axis=1, initial=0)
    return ~below(other, area, least)


def majority(as_class: np.ndarray) -> np.ndarray:
    """The commonest predicted class 1..K of each cell, ties to the lowest id; 0 where no pixel has a class."""
    return np.where(as_class.any(axis=1), as_class.argmax(axis=1) + 1, 0)


def is_merging(hosted: np.ndarray) -> np.ndarray:
    """Predicted cells in which two or more true cells each lie with more than half their area."""
    return np.asarray(hosted) >= 2


def unseparated(gt: Mapping[str, np.ndarray], pred: Mapping[str, np.ndarray], touching: float) -> np.ndarray:
    """True cells of one image that touch another one and are not separated from it, bool ``(n,)``.

    A cell is separated where a predicted cell has IoU > 0.5 with it, holds more than half of it, and holds no other
    true cell with more than half its area.

    Args:
        gt: facts of the true cells: ``gap``, ``iou``, ``host``.
        pred: facts of the predicted cells: ``cell``, ``hosted``.
        touching: largest distance between pixel centres at which cells touch, in pixels.
    """
    alone = pred["cell"][pred["hosted"] == 1]
    separated = (gt["iou"] > 0.5) & np.isin(gt["host"], alone)
    return (gt["gap"] <= touching) & ~separated
