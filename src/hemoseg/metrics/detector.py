"""What a detector does to cells: on average, and how much that varies between patients and between their frames.

Of each true cell of class k the detector misses some, takes some for class j, and finds the rest as what they are; it
adds pieces of cells, a number per true cell, and cells that are none, a number per area. Each of these is a *rate*:
events over what they can happen to. Rates differ between patients (stain, focus, crowding) and between frames, so the
frames of one more patient have rates of their own. How much rates vary is learnt from the evidence's frames by moments:
the squared residuals of patients less what their frames explain, and of frames less what single cells explain
(the one-way analysis of variance of Searle, Casella and McCulloch 1992, doi:10.1002/9780470316856, of counts). Rare
errors say little of how they vary, so it is pooled over the rates of a kind, as a variance of the logarithm of the
odds, or of the rate where it is no share; part of it is common to all rates of the kind, since a frame out of focus
loses cells of every class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

MISSED, CONFUSED, PIECES, MADE_UP = KINDS = range(4)
LEAST_CELLS = 10  # true cells of a class in the evidence, below which its errors are not known; not stated, ours
LEAST_FREEDOM = 4  # of the chi-squared draws of a variance: fewer patients would make intervals of any width; ours
LEAST_FOUND = 0.02  # share of the cells of a class that a draw finds as what they are


class Variation(NamedTuple):
    """Of each kind of error, ``(4,)``: variance of its odds or rates over their square, and what of it is common."""

    total: np.ndarray
    common: np.ndarray


@dataclass(frozen=True)
class Detector:
    """Rates of K classes and their variation.

    Attributes:
        classes: names.
        truth: true cells of each class in the evidence, ``(K,)``.
        events: of each rate, ``(C,)``: ``missed`` (K), ``confused`` (K x K by true and predicted class, in rows, the
            diagonal empty), ``pieces`` (K) and ``made_up`` (K) by predicted class, as in `kinds`.
        exposure: what they could happen to: true cells, or area, ``(C,)``.
        groups: effective number of patients behind each rate, ``(C,)``; of frames, where no patients are named.
        frames: effective number of frames behind each, ``(C,)``.
        between: variation between patients.
        within: variation between the frames of a patient.
        freedom: patients less one.
        grouped: whether several patients were named; frames stand for them otherwise.
    """

    classes: list[str]
    truth: np.ndarray
    events: np.ndarray
    exposure: np.ndarray
    groups: np.ndarray
    frames: np.ndarray
    between: Variation
    within: Variation
    freedom: int
    grouped: bool

    @property
    def known(self) -> np.ndarray:
        """Classes of which the evidence has enough cells, bool ``(K,)``."""
        return self.truth >= LEAST_CELLS


class Rates(NamedTuple):
    """Rates of B draws: ``found`` ``(B, K, K)`` by true and predicted class, ``missed``, ``pieces``, ``made_up``.

    The latter three are ``(B, K)``; rows of ``found`` and ``missed`` add to 1; ``made_up`` is per area.
    """

    found: np.ndarray
    missed: np.ndarray
    pieces: np.ndarray
    made_up: np.ndarray


def kinds(classes: int) -> np.ndarray:
    """Kind of each of the C rates of K classes, int ``(C,)``."""
    return np.repeat(KINDS, (classes, classes * classes, classes, classes))


def detector(errors: Mapping[str, Any]) -> Detector:
    """What the section ``errors`` of the evidence says of a model.

    Args:
        errors: of `tables.detector_errors`, with at least one frame.
    """
    events, exposure = _counted(errors["frames"], len(errors["classes"]))
    grouped = errors["grouped"] and len({frame["group"] for frame in errors["frames"]}) > 1
    group = np.array([frame["group"] if grouped else frame["frame"] for frame in errors["frames"]])
    of_group = np.equal.outer(np.unique(group), group).astype(float)  # (G, n)
    totals = [of_group @ part for part in (events, exposure)]
    kind = kinds(len(errors["classes"]))
    between, within = _variations(events, exposure, of_group, kind)
    return Detector(
        classes=list(errors["classes"]),
        truth=np.sum([frame["truth"] for frame in errors["frames"]], axis=0),
        events=events.sum(axis=0),
        exposure=exposure.sum(axis=0),
        groups=_effective(totals[1]),
        frames=_effective(exposure),
        between=between,
        within=within,
        freedom=len(of_group) - 1,
        grouped=bool(grouped),
    )


def _counted(frames: list[dict[str, Any]], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Events and exposure of each frame and rate, float ``(n, C)``."""
    truth, found = (np.array([frame[name] for frame in frames], float) for name in ("truth", "found"))
    pieces, made_up = (np.array([frame[name] for frame in frames], float) for name in ("pieces", "made_up"))
    area = np.array([frame["pixels"] for frame in frames], float)[:, None]
    missed = truth - found.sum(axis=2)
    confused = (found * (1 - np.eye(classes))).reshape(len(frames), -1)
    ones = np.ones((1, classes))
    cells = truth.sum(axis=1, keepdims=True) * ones
    exposure = np.concatenate([truth, np.repeat(truth, classes, axis=1), cells, area * ones], axis=1)
    return np.concatenate([missed, confused, pieces, made_up], axis=1), exposure


def _effective(exposure: np.ndarray) -> np.ndarray:
    """How many units of equal exposure would tell as much, ``(C,)``."""
    squares = (exposure**2).sum(axis=0)
    return exposure.sum(axis=0) ** 2 / np.where(squares > 0, squares, 1)


def _variations(
    events: np.ndarray, exposure: np.ndarray, of_group: np.ndarray, kind: np.ndarray
) -> tuple[Variation, Variation]:
    """Variation between patients and within them, by moments."""
    x, e = of_group @ events, of_group @ exposure
    rate = x.sum(axis=0) / np.maximum(e.sum(axis=0), 1e-300)
    size = of_group.sum(axis=1)
    several = size > 1
    own = np.divide(x, e, out=np.zeros_like(x), where=e > 0)
    free = np.where(several, size / np.maximum(size - 1, 1), 0)  # 0: a single frame says nothing of frames
    inner = (events - of_group.T @ own * exposure) * np.sqrt(of_group.T @ free)[:, None]
    outer = (x - rate * e) * np.sqrt(len(size) / max(len(size) - 1, 1))
    of_frames = inner.T @ inner
    between = outer.T @ outer - of_frames - _of_cells(rate, e[~several].sum(axis=0))
    within = of_frames - _of_cells(rate, e[several].sum(axis=0))
    frames = exposure * (of_group.T @ several)[:, None]
    change = rate * np.where(_of_odds(kind), 1 - rate, 1)  # by which a rate changes with the logarithm of its odds
    return _pooled(between, change * e, kind), _pooled(within, change * frames, kind)


def _of_cells(rate: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Covariance of events that befall single cells one by one."""
    return np.diag(rate * np.maximum(1 - rate, 0.1) * exposure)


def _pooled(moments: np.ndarray, expected: np.ndarray, kind: np.ndarray) -> Variation:
    """Moments of the rates of a kind over those of what is expected ``(units, C)``: all, and those in common."""
    total, common = np.zeros((2, len(KINDS)))
    squares, own = expected.T @ expected, np.eye(len(kind), dtype=bool)
    for one in KINDS:
        of = np.equal.outer(kind, kind) & (kind == one)
        if (size := squares[of & own].sum()) > 0:
            total[one] = max(moments[of & own].sum() / size, 0)
        if (size := squares[of & ~own].sum()) > 0:
            common[one] = np.clip(moments[of & ~own].sum() / size, 0, total[one])
    return Variation(total, common)


def drawn_rates(detector: Detector, draws: int, generator: np.random.Generator, frames: float | None = None) -> Rates:
    """Rates that one more patient may have: what the evidence leaves open of their mean, and his own deviation.

    Events are drawn as counts of single cells are, n and n + 1 evenly (the mid-p confidence distribution, which is not
    0 where nothing was seen), with odds (of pieces and what is made up: rates) that vary as between patients.

    Args:
        detector: of the evidence.
        draws: B.
        generator: draws them.
        frames: of the patient, over which the variation between frames averages out; None leaves it out.
    """
    coin = generator.integers(0, 2, (draws, len(detector.events)))
    mean = generator.standard_gamma(detector.events + coin) / np.maximum(detector.exposure, 1e-300)
    return _arranged(mean, _factors(detector, draws, generator, frames), detector)


def _factors(detector: Detector, draws: int, generator: np.random.Generator, frames: float | None) -> np.ndarray:
    """What odds and rates are multiplied by, ``(B, C)``: lognormal, and such that the mean rate stays what it is."""
    kind = kinds(len(detector.classes))
    squares = [
        one[kind] * (1 + 1 / np.maximum(detector.groups, 1))
        + more[kind] * (1 / (frames or np.inf) + 1 / detector.frames.clip(1))
        for one, more in zip(detector.between, detector.within, strict=True)
    ]
    freedom = max(detector.freedom, LEAST_FREEDOM)
    inflated = freedom / generator.chisquare(freedom, (draws, 1))
    spread = np.sqrt(np.log1p(squares[0] * inflated))
    shared = np.sqrt(np.divide(squares[1], squares[0], out=np.zeros_like(kind, float), where=squares[0] > 0))
    common, own = generator.standard_normal((draws, len(KINDS)))[:, kind], generator.standard_normal(spread.shape)
    rate = detector.events / np.maximum(detector.exposure, 1e-300) * _of_odds(kind)
    return np.exp(spread * (shared * common + np.sqrt(1 - shared**2) * own) - spread**2 * (1 - 2 * rate) / 2)


def mean_rates(detector: Detector) -> Rates:
    """The evidence's mean rates, as a single draw."""
    mean = (detector.events / np.maximum(detector.exposure, 1e-300))[None]
    return _arranged(mean, np.ones_like(mean), detector)


def _of_odds(kind: np.ndarray) -> np.ndarray:
    """Which rates are shares of a class's cells, whose odds vary, bool ``(C,)``; of others the rates themselves do."""
    return (kind == MISSED) | (kind == CONFUSED)


def _arranged(mean: np.ndarray, factor: np.ndarray, detector: Detector) -> Rates:
    """Rates by kind; a class of which the evidence has too few cells is missed as all cells are, and never confused."""
    kind, n = kinds(len(detector.classes)), len(detector.classes)
    missed, confused, pieces, made_up = (mean[:, kind == one] for one in KINDS)
    by = [factor[:, kind == one] for one in KINDS]
    known = detector.known
    typical = (missed * detector.truth * known).sum(axis=1) / max((detector.truth * known).sum(), 1)
    missed = np.where(known, missed, typical[:, None])
    confused = confused.reshape(-1, n, n) * (known[:, None] & ~np.eye(n, dtype=bool))
    right = np.maximum(1 - missed - confused.sum(axis=2), LEAST_FOUND)
    missed, confused = missed * by[MISSED], confused * by[CONFUSED].reshape(-1, n, n)
    odds = confused + right[:, :, None] * np.eye(n)
    whole = odds.sum(axis=2) + missed
    return Rates(odds / whole[:, :, None], missed / whole, pieces * by[PIECES], made_up * by[MADE_UP])
