"""Cells matched one to one, at any least IoU from 0.5 on: what most columns of cells are made from.

Matching at an IoU of at least 0.5 is by mutual best match, and that is the largest one-to-one matching there is: cells
of one side do not overlap, so the pairs of IoU >= 0.5 that a cell t is in are either one, or two with exactly half of t
each. In the latter case both partners lie in t as a whole and are in no other pair, so one of the two is a match, and
it is the one that t names best (the lower number).
"""

from dataclasses import dataclass

import numpy as np

from hemoseg.tables.column import Run
from hemoseg.tables.weighting import OfTotals, Total, of_totals, once, ratio

THRESHOLDS = tuple(number / 20 for number in range(10, 20))  # 0.5, 0.55, ... 0.95
ROUNDING = 1e-9  # of IoUs that went through text; two different ones at a threshold differ by more
# What definitions of columns made from matches share.
SUMMED = "cells of all types, summed over the images of a test fold"
UNMATCHED = (
    "a predicted cell mostly on true cells too small to count or on ignored pixels is no error; blank where there is "
    "neither a true nor a predicted cell"
)


@dataclass(frozen=True)
class Matches:
    """Totals of matched cells (tp) and their IoU, of predicted cells without a match (fp) and of true ones (fn)."""

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    iou: np.ndarray

    @property
    def precision(self) -> np.ndarray:
        """The share tp / (tp + fp), in [0, 1]; 0 where no cell was found, NaN where none is there either."""
        return ratio(self.tp, self.tp + self.fp, np.where(self.fn > 0, 0.0, np.nan))

    @property
    def recall(self) -> np.ndarray:
        """The share tp / (tp + fn), in [0, 1]; 0 where no cell is there but one was found, NaN where neither is."""
        return ratio(self.tp, self.tp + self.fn, np.where(self.fp > 0, 0.0, np.nan))

    @property
    def f1(self) -> np.ndarray:
        """2 tp / (2 tp + fp + fn), in [0, 1]; NaN where there is no cell."""
        return ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def jaccard(self) -> np.ndarray:
        """The share tp / (tp + fp + fn), in [0, 1]; NaN where there is no cell."""
        return ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def panoptic(self) -> np.ndarray:
        """Summed IoU of the matches / (tp + fp / 2 + fn / 2), in [0, 1]; NaN where there is no cell."""
        return ratio(self.iou, self.tp + (self.fp + self.fn) / 2)


def matches(run: Run, least: float, total: Total = once, *, above: bool = False) -> Matches:
    """Cells matched at an IoU of at least ``least`` (0.5 or more), or of more than it with ``above``, of any class."""
    enough = is_match(run, least, above=above)
    tp = total(run.pred, enough)
    fp, fn = total(run.pred, ~enough & ~run.excused), total(run.gt, np.ones(len(run.gt))) - tp
    return Matches(tp, fp, fn, total(run.pred, np.where(enough, run.matched[1], 0.0)))


def at_half(measure: str) -> OfTotals:
    """The score of a run that is a property of its `Matches` at an IoU of at least 0.5, of cells of any class."""
    return of_totals(lambda run, _, conventions, total: getattr(matches(run, 0.5, total), measure))


def over_thresholds(measure: str) -> OfTotals:
    """Its mean over `THRESHOLDS`."""
    return of_totals(
        lambda run, _, conventions, total: np.mean(
            [getattr(matches(run, least, total), measure) for least in THRESHOLDS], axis=0
        )
    )


def matches_of_class(run: Run, class_id: int, total: Total = once, *, above: bool = False) -> Matches:
    """Cells of a class matched at an IoU of at least 0.5, or of more with ``above``, to one of the same class.

    A match of two classes is a false find of one class and a miss of the other. A predicted cell that is matched to a
    true cell without a class (all of it background in the class map) is no error: nothing is known of it.
    """
    kind, true = run.pred["class"].to_numpy(), true_class(run)
    right = is_match(run, 0.5, above=above) & (kind == class_id) & (true == class_id)
    tp = total(run.pred, right)
    fp = total(run.pred, (kind == class_id) & ~right & is_known(run, above=above))
    fn = total(run.gt, run.gt["class"] == class_id) - tp
    return Matches(tp, fp, fn, total(run.pred, np.where(right, run.matched[1], 0.0)))


def is_match(run: Run, least: float, *, above: bool = False) -> np.ndarray:
    """Predicted cells that are matched at an IoU of at least ``least``, or of more with ``above``, bool ``(n,)``."""
    iou = run.matched[1]
    return iou > least + ROUNDING if above else iou >= least - ROUNDING


def true_class(run: Run) -> np.ndarray:
    """Class of the true cell that each predicted one has as its match, 0 without, int ``(n,)``."""
    return np.append(run.gt["class"].to_numpy(), 0)[run.matched[0]].astype(np.int64)  # place -1: the last


def is_known(run: Run, *, above: bool = False) -> np.ndarray:
    """Predicted cells of which is known what class they are of, if of any, bool ``(n,)``."""
    return np.where(is_match(run, 0.5, above=above), true_class(run) > 0, ~run.excused)
