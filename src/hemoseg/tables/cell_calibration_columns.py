"""Columns of calibration per cell: how far predicted cells turn out as their mean probabilities say.

A predicted cell has the mean probabilities of its pixels, of the background and of each class, which sum to 1. It turns
out to be of the class of the true cell that it is matched to at an IoU of at least 0.5, or to be none: background. Left
out are cells of which nothing is known: those without a match mostly on true cells too small to count or on ignored
pixels, and those matched to a true cell without a class. So it is the promise of what was found that is held to the
truth; a missed cell has no probability of its own. NaN for a method without probabilities.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hemoseg.metrics.calibration import PIXELS, RIGHT, SUM
from hemoseg.tables.column import Column, Run
from hemoseg.tables.conventions import Conventions
from hemoseg.tables.matching import is_known, is_match, true_class
from hemoseg.tables.weighting import Total, of_totals, ratio

BINS = 15  # as in doi:10.48550/arXiv.1706.04599, section 5


class Promises(NamedTuple):
    """Predicted cells of which the truth is known.

    Attributes:
        cells: their rows, with ``sample``.
        probability: of background and classes 1..K, rows sum to 1, float ``(n, K + 1)``.
        said: the class that was given, int ``(n,)``.
        true: the class that it is, 0 where it is no cell, int ``(n,)``.
    """

    cells: pd.DataFrame
    probability: np.ndarray
    said: np.ndarray
    true: np.ndarray

    @property
    def confidence(self) -> np.ndarray:
        """Probability of the class that was given, in [0, 1], ``(n,)``; NaN without probabilities."""
        return self.probability[np.arange(len(self.said)), self.said]


def promises(run: Run) -> Promises:
    """What was predicted of each cell, and what it is."""
    known = is_known(run)
    cells = run.pred[known]
    classes = cells[[f"p_class_{c}" for c in run.class_names if c > 0]].to_numpy(float)
    # What text leaves of shares may sum to a little more than 1.
    probability = np.column_stack([np.maximum(1 - classes.sum(axis=1), 0), classes])
    true = np.where(is_match(run, 0.5), true_class(run), 0)[known]
    return Promises(cells, probability, cells["class"].to_numpy(np.intp), true)


@of_totals
def cell_brier(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Mean over the cells of the squared error of the probabilities summed over classes and background, in [0, 2]."""
    made = promises(run)
    outcome = made.true[:, None] == np.arange(made.probability.shape[1])
    errors = ((made.probability - outcome) ** 2).sum(axis=1)
    return ratio(total(made.cells, errors), total(made.cells, np.ones(len(errors))))


@of_totals
def cell_ece(run: Run, _: int, conventions: Conventions, total: Total) -> ArrayLike:
    """Gap between confidence and share of right cells per bin of confidence, its mean over the cells, in [0, 1]."""
    made = promises(run)
    gap = (made.said == made.true) - made.confidence
    if np.isnan(gap).any():
        return np.nan
    place = bin_of(made.confidence)
    gaps = sum(np.abs(total(made.cells, np.where(place == number, gap, 0.0))) for number in range(BINS))
    return ratio(gaps, total(made.cells, np.ones(len(gap))))


def bin_of(confidence: np.ndarray) -> np.ndarray:
    """Bin 0..BINS - 1 of equal width that holds each confidence; its lower edge is in it, 1 is in the last."""
    return np.minimum((confidence * BINS).astype(np.intp), BINS - 1)


def reliability(run: Run) -> np.ndarray | None:
    """What each bin of confidence holds of each sample's cells, float ``(N, 3, BINS)``.

    The places of the 3 are those of `metrics.calibration`: how many cells, how many of them right, summed confidence.
    None without probabilities.
    """
    made = promises(run)
    if np.isnan(made.confidence).any():
        return None
    place = pd.Index(run.samples).get_indexer(made.cells["sample"]) * BINS + bin_of(made.confidence)
    values = {PIXELS: np.ones(len(place)), RIGHT: made.said == made.true, SUM: made.confidence}
    sums = [np.bincount(place, values[which], len(run.samples) * BINS) for which in sorted(values)]
    return np.stack([of_all.reshape(-1, BINS) for of_all in sums], axis=1)


_KNOWN = (
    "of the predicted cells, each with the mean probabilities of its pixels, which turn out to be of the class of the "
    "true cell that they are matched to (IoU of at least 0.5), or no cell; blank for a method without probabilities"
)
COLUMNS = (
    Column(
        "cell_brier",
        cell_brier,
        False,
        "",
        4,
        "low",
        f"Brier score {_KNOWN}: squared error summed over classes and background, mean over the cells, 0 to 2",
        "doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
    ),
    Column(
        "cell_ece",
        cell_ece,
        False,
        "",
        4,
        "low",
        f"expected calibration error {_KNOWN}: gap between the mean probability of the class that was given and the "
        f"share of the cells that are of it, in {BINS} bins of equal width, mean weighted by cells",
        "doi:10.1609/aaai.v29i1.9602, doi:10.48550/arXiv.1706.04599",
    ),
)
