"""What a column of a table is, and the counts that it is made from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from hemoseg.tables.conventions import Conventions

ALL = "all"  # the class of a column that is not scored per class


@dataclass(frozen=True)
class Run:
    """Counts of one trained model on the test samples of one split: ``pixels.csv``, ``cells.csv``, ``histograms.npz``.

    ``image_histograms``, int ``(N, K + 1, 2, bins)``: how often each class was given which probability
    (`metrics.pixels.probability_histograms`) in each of the N samples; ``image_reliability``, float ``(N, K + 2, 3,
    bins)``: how often it was right (`metrics.calibration`). None for a method without probabilities.
    """

    model: str
    split: str
    seed: int
    pixels: pd.DataFrame
    cells: pd.DataFrame
    image_histograms: np.ndarray | None = None
    image_reliability: np.ndarray | None = None

    @cached_property
    def samples(self) -> list[str]:
        """The N samples, in the order in which they first appear in ``pixels``: that of weights and of histograms."""
        return self.pixels["sample"].drop_duplicates().to_list()

    def summed(self, rows: pd.DataFrame, values: np.ndarray) -> np.ndarray:
        """Values of rows that name their sample, ``(rows,)``, summed per sample, float ``(N,)``."""
        which = pd.Index(self.samples).get_indexer(rows["sample"])
        if (which < 0).any():
            raise ValueError(f"{self.model}, {self.split}, seed {self.seed}: rows of a sample without pixels")
        return np.bincount(which, values, len(self.samples))

    @cached_property
    def histograms(self) -> np.ndarray | None:
        """Those of the images over all samples, int64 ``(K + 1, 2, bins)``."""
        return None if self.image_histograms is None else self.image_histograms.sum(axis=0, dtype=np.int64)

    @cached_property
    def class_names(self) -> dict[int, str]:
        """Names by class id, background first."""
        classes = self.pixels[["class", "class_name"]].drop_duplicates()
        return dict(sorted(zip(classes["class"], classes["class_name"], strict=True)))

    @property
    def knows_cells(self) -> bool:
        """False where the truth has no instances: ``cells.csv`` then holds its header only."""
        return len(self.cells) > 0

    @cached_property
    def gt(self) -> pd.DataFrame:
        """True cells that count."""
        return self._counted("gt")

    @cached_property
    def pred(self) -> pd.DataFrame:
        """Predicted cells that count."""
        return self._counted("pred")

    def _counted(self, side: str) -> pd.DataFrame:
        counted = (self.cells["side"] == side).to_numpy() & self.cells["counted"].to_numpy().astype(bool)
        return self.cells.take(np.flatnonzero(counted))

    @cached_property
    def as_class(self) -> np.ndarray:
        """Pixels of each true cell that counts, per predicted class 1..K, int ``(n, K)``."""
        names = [f"as_class_{c}" for c in self.class_names if c > 0]
        return self.gt[names].to_numpy().astype(np.int64)

    @cached_property
    def matched(self) -> tuple[np.ndarray, np.ndarray]:
        """Of each of ``pred`` the true cell that is its best match as it is that one's.

        Its place in ``gt``, int ``(n,)``, -1 without, and the IoU with it, float ``(n,)``, 0 without.
        """
        gt, pred = ({name: side[name].to_numpy() for name in ("cell", "best_match")} for side in (self.gt, self.pred))
        image = pd.factorize(np.concatenate([self.gt["sample"].to_numpy(), self.pred["sample"].to_numpy()]))[0]
        number = np.concatenate([gt["cell"], pred["best_match"]]).astype(np.int64)
        # Numbers of true cells that tell those of two images apart.
        true, best = np.split(image * (number.max(initial=0) + 1) + number, [len(self.gt)])
        if not len(true):
            return np.full(len(best), -1), np.zeros(len(best))
        order = np.argsort(true)
        place = order[np.searchsorted(true, best, sorter=order).clip(max=len(true) - 1)]
        mutual = (true[place] == best) & (gt["best_match"][place] == pred["cell"])
        return np.where(mutual, place, -1), np.where(mutual, self.pred["iou"], 0.0).astype(float)

    @cached_property
    def excused(self) -> np.ndarray:
        """Of each of ``pred`` whether it is no error though nothing matches it, bool ``(n,)``.

        It lies mostly on true cells too small to count, or on more ignored pixels than others.
        """
        area, on_small, on_ignored = (self.pred[name].to_numpy() for name in ("area", "on_small", "on_ignored"))
        return (2 * on_small > area) | (on_ignored > area)


Score = Callable[[Run, int, Conventions], float]
Weighted = Callable[[Run, int, Conventions, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Column:
    """A number that a table can show.

    Attributes:
        key: its id in params.
        score: the number of one run; the class id is 0 where the column is not per class.
        per_class: whether there is a number for each class.
        unit: px, nats, cells, ... or "" for a share.
        digits: decimals in print.
        better: "high", "low", "zero" or "" where none is.
        definition: sentence for the reader, with the names of conventions in braces.
        source: whose definition it is.
        average: the number of one run for the average over classes 0..K or 1..K (the ids are given), where that is not
            the mean of the classes' numbers.
        weighted: the score under each of B weightings of the N samples (`Run.samples`): weights >= 0 ``(B, N)`` to
            float ``(B,)``, NaN where there is none. Weights of 1 give the score; whole numbers the score of the run in
            which each sample is repeated so often. Filled in where ``score`` is made by `weighting.of_totals`.
    """

    key: str
    score: Score
    per_class: bool
    unit: str
    digits: int
    better: str
    definition: str
    source: str
    average: Callable[[Run, Sequence[int], Conventions], float] | None = None
    weighted: Weighted | None = None

    def __post_init__(self) -> None:
        if self.weighted is None:
            object.__setattr__(self, "weighted", getattr(self.score, "weighted", None))


def share(key: str, score: Score, definition: str, source: str, *, per_class: bool = False) -> Column:
    """A column of a number in [0, 1] of which more is better."""
    return Column(key, score, per_class, "", 3, "high", definition, source)
