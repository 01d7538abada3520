"""What a detector does to cells: on average, and how much that varies between patients and between their frames.

Of each true cell of class k the detector misses some, takes some for class j, and finds the rest as what they are; it
adds pieces of cells, a number per true cell, and cells that are none, a number per area. Each of these is a *rate*:
events over what they can happen to. Rates differ between patients (stain, focus, crowding) and between frames, so the
frames of one more patient have rates of their own. How they vary between patients is learnt as a likelihood
(`metrics.rate_variation`), between the frames of a patient by moments: the squared residuals of frames less what single
cells explain (the one-way analysis of variance of Searle, Casella and McCulloch 1992, doi:10.1002/9780470316856, of
counts). Rare errors say little of how they vary, so it is pooled over the rates of a kind, as a variance of the
logarithm of the odds, or of the rate where it is no share; part of it is common to all rates of the kind, since a frame
out of focus loses cells of every class.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hemoseg.metrics.rate_variation import MeanRates, rates_of

MISSED, CONFUSED, PIECES, MADE_UP = KINDS = range(4)
LEAST_CELLS = 10  # true cells of a class in the evidence, below which its errors are not known; not stated, ours
LEAST_FOUND = 0.02  # least share of the cells of a class that is taken to be found as what they are; not stated, ours


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
        between: of each kind, the mean rates and how much they vary between patients.
        common: share of that variation that is common to all rates of the kind, ``(4,)``.
        within: variation between the frames of a patient.
        freedom: patients less one.
        grouped: whether several patients were named; frames stand for them otherwise.
    """

    classes: list[str]
    truth: np.ndarray
    events: np.ndarray
    exposure: np.ndarray
    between: list[MeanRates]
    common: np.ndarray
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
    kind = kinds(len(errors["classes"]))
    within, common = _variations(events, exposure, of_group, kind)
    return Detector(
        classes=list(errors["classes"]),
        truth=np.sum([frame["truth"] for frame in errors["frames"]], axis=0),
        events=events.sum(axis=0),
        exposure=exposure.sum(axis=0),
        between=_between(events, exposure, of_group, kind, within, common),
        common=common,
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


def _variations(
    events: np.ndarray, exposure: np.ndarray, of_group: np.ndarray, kind: np.ndarray
) -> tuple[Variation, np.ndarray]:
    """By moments: variation within patients, and what of that between them is common to rates of a kind, ``(4,)``."""
    x, e = of_group @ events, of_group @ exposure
    rate = x.sum(axis=0) / np.maximum(e.sum(axis=0), 1e-300)
    size = of_group.sum(axis=1)
    several = size > 1
    own = np.divide(x, e, out=np.zeros_like(x), where=e > 0)
    free = np.where(several, size / np.maximum(size - 1, 1), 0)  # 0: a single frame says nothing of frames
    inner = (events - of_group.T @ own * exposure) * np.sqrt(of_group.T @ free)[:, None]
    outer = (x - rate * e) * np.sqrt(len(size) / max(len(size) - 1, 1))
    of_frames = inner.T @ inner
    between = outer.T @ outer - of_frames - _of_cells(rate, e[~several].sum(axis=0), kind)
    within = of_frames - _of_cells(rate, e[several].sum(axis=0), kind)
    frames = exposure * (of_group.T @ several)[:, None]
    change = rate * np.where(_of_odds(kind), 1 - rate, 1)  # by which a rate changes with the logarithm of its odds
    total, common = _pooled(between, change * e, kind)
    shared = np.divide(common, total, out=np.zeros(len(KINDS)), where=total > 0)
    return _pooled(within, change * frames, kind), shared


def _between(
    events: np.ndarray,
    exposure: np.ndarray,
    of_group: np.ndarray,
    kind: np.ndarray,
    within: Variation,
    common: np.ndarray,
) -> list[MeanRates]:
    """Rates of each kind as patients have them; where frames vary, events of a patient count for fewer."""
    x, e = of_group @ events, of_group @ exposure
    size = np.divide(of_group @ exposure**2, e, out=np.zeros_like(e), where=e > 0)
    rate = events.sum(axis=0) / np.maximum(exposure.sum(axis=0), 1e-300)
    several = (of_group.sum(axis=1) > 1)[:, None]
    effect = 1 + np.where(several, within.total[kind] * rate * np.where(_of_odds(kind), 1 - rate, 1) * size, 0)
    x, trials = x / effect, np.where(_of_odds(kind), x + _right(x, e, kind), e) / effect
    return [
        rates_of(x[:, kind == one], trials[:, kind == one], share=one in (MISSED, CONFUSED), common=common[one])
        for one in KINDS
    ]


def _right(events: np.ndarray, exposure: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Cells of each rate's true class that are found as what they are, ``(n, C)``; 0 for rates that are no shares."""
    truth, missed, confused = exposure[:, kind == MISSED], events[:, kind == MISSED], events[:, kind == CONFUSED]
    right = truth - missed - confused.reshape(*truth.shape, -1).sum(axis=2)
    return np.concatenate([right, np.repeat(right, right.shape[1], axis=1), 0 * truth, 0 * truth], axis=1)


def _of_cells(rate: np.ndarray, exposure: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Covariance of events that befall single cells one by one."""
    return np.diag(rate * np.where(_of_odds(kind), np.maximum(1 - rate, 0.1), 1) * exposure)


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

    Mean rates and how much they vary are drawn together as the evidence leaves them open (`MeanRates.drawn`), then the
    odds (of pieces and what is made up: the rates) of this patient, lognormal and such that the mean rate stays.

    Args:
        detector: of the evidence.
        draws: B.
        generator: draws them.
        frames: of the patient, over which the variation between frames averages out; None leaves it out.
    """
    kind = kinds(len(detector.classes))
    logs, spread = np.empty((2, draws, len(kind)))
    for one, rates in zip(KINDS, detector.between, strict=True):
        between, logs[:, kind == one] = rates.drawn(draws, generator)
        spread[:, kind == one] = between[:, None]
    within, in_common = (np.log1p(part[kind] / (frames or np.inf)) for part in detector.within)
    square, in_common = spread**2 + within, spread**2 * detector.common[kind] + in_common
    shared = np.sqrt(np.divide(in_common, square, out=np.zeros_like(square), where=square > 0).clip(0, 1))
    common, own = generator.standard_normal((draws, len(KINDS)))[:, kind], generator.standard_normal(spread.shape)
    rate = detector.events / np.maximum(detector.exposure, 1e-300) * _of_odds(kind)
    factor = np.sqrt(square) * (shared * common + np.sqrt(1 - shared**2) * own) - square * (1 - 2 * rate) / 2
    return _arranged(np.exp((logs + factor).clip(-700, 200)), detector)


def mean_rates(detector: Detector) -> Rates:
    """The evidence's mean rates, as a single draw."""
    kind = kinds(len(detector.classes))
    right = _right(detector.events[None], detector.exposure[None], kind)[0]
    by = np.where(_of_odds(kind), np.maximum(right, LEAST_FOUND * detector.exposure), detector.exposure)
    return _arranged((detector.events / np.maximum(by, 1e-300))[None], detector)


def _of_odds(kind: np.ndarray) -> np.ndarray:
    """Which rates are shares of a class's cells, whose odds vary, bool ``(C,)``; of others the rates themselves do."""
    return (kind == MISSED) | (kind == CONFUSED)


def _arranged(mean: np.ndarray, detector: Detector) -> Rates:
    """Odds (over being found as what it is) and rates by kind, as `Rates`.

    A class of which the evidence has too few cells is missed as all cells are, and never confused.
    """
    kind, n, known = kinds(len(detector.classes)), len(detector.classes), detector.known
    missed, confused, pieces, made_up = (mean[:, kind == one] for one in KINDS)
    confused = np.where(known[:, None] & ~np.eye(n, dtype=bool), confused.reshape(-1, n, n), 0)
    whole = 1 + missed + confused.sum(axis=2)
    typical = (missed / whole * detector.truth * known).sum(axis=1) / max((detector.truth * known).sum(), 1)
    missed = np.where(known, missed, (typical / (1 - typical).clip(LEAST_FOUND))[:, None])
    whole = 1 + missed + confused.sum(axis=2)
    return Rates((confused + np.eye(n)) / whole[:, :, None], missed / whole, pieces, made_up)
