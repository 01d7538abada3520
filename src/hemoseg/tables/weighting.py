"""One definition of a measure for the score of a run and for the scores under many weightings of its images.

Nearly every measure is made of totals over the images: of counts, of scores of the single images, of cells. A
definition that asks ``total`` for them, and only joins what it answers, gives the score where every image counts once
and, by the same lines, scores per image (weights of the identity) and of a bootstrap (how often each image was drawn).
"""

from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hemoseg.tables.column import Run
from hemoseg.tables.conventions import Conventions

Total = Callable[[pd.DataFrame, ArrayLike], np.ndarray]
Definition = Callable[[Run, Any, Conventions, Total], ArrayLike]


class OfTotals:
    """A measure whose definition is in totals; called, it is the score of a run."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        update_wrapper(self, definition)

    def __call__(self, run: Run, which: int | Sequence[int], conventions: Conventions) -> float:
        """The score of a class (or of several), every image counted once."""
        return float(self.definition(run, which, conventions, once))

    def weighted(self, run: Run, which: int | Sequence[int], conventions: Conventions, weights: np.ndarray):
        """The scores under weights ``(B, N)`` of the run's samples, float ``(B,)``."""
        found = self.definition(run, which, conventions, lambda rows, values: _of_images(run, rows, values, weights))
        return np.array(np.broadcast_to(np.asarray(found, float), len(weights)))


def of_totals(definition: Definition) -> OfTotals:
    """Make a column's score of ``definition(run, class_id, conventions, total)``.

    ``total(rows, values)`` is the total of one value per row, rows being any that name their sample (``run.pixels``,
    ``run.gt``, ...); it is a number or float ``(B,)``, so a definition may join totals by what numpy does elementwise:
    `ratio`, `mean_of_known`, sums. A NaN among the values makes every total that counts its image NaN.
    """
    return OfTotals(definition)


def ratio(over: ArrayLike, under: ArrayLike, empty: ArrayLike = np.nan) -> np.ndarray:
    """The quotient elementwise; ``empty`` where it is divided by 0."""
    over, under, empty = np.broadcast_arrays(*(np.asarray(part, float) for part in (over, under, empty)))
    return np.divide(over, under, out=empty.copy(), where=under != 0)


def mean_of_known(total: Total, rows: pd.DataFrame, values: ArrayLike) -> np.ndarray:
    """Mean of a value per row over the rows where it is no NaN; NaN where none is."""
    values = np.asarray(values, float)
    return ratio(total(rows, np.nan_to_num(values)), total(rows, ~np.isnan(values)))


def sum_of_known(total: Total, rows: pd.DataFrame, values: ArrayLike) -> np.ndarray:
    """Sum of a value per row over the rows where it is no NaN; NaN where none is."""
    values = np.asarray(values, float)
    known = total(rows, ~np.isnan(values))
    return np.where(known > 0, total(rows, np.nan_to_num(values)), np.nan)


def mean_of_classes(numbers: Sequence[ArrayLike]) -> np.ndarray:
    """Mean over classes, given one by one, of the numbers that are no NaN; NaN where none is."""
    table = np.stack(np.broadcast_arrays(*numbers)) if len(numbers) else np.full(1, np.nan)
    known = ~np.isnan(table)
    return ratio(np.where(known, table, 0).sum(axis=0), known.sum(axis=0))


def once(rows: pd.DataFrame, values: ArrayLike) -> np.ndarray:
    """The total in which every image counts once."""
    return np.asarray(values, float).sum()


def _of_images(run: Run, rows: pd.DataFrame, values: ArrayLike, weights: np.ndarray) -> np.ndarray:
    """Totals under weights; what is NaN counts only where its image does."""
    by_image = run.summed(rows, np.asarray(values, float))
    blank = np.isnan(by_image)
    totals = weights @ np.where(blank, 0.0, by_image)
    if blank.any():
        totals[(weights[:, blank] > 0).any(axis=1)] = np.nan
    return totals
