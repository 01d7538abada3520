"""Raw facts of every true and every predicted cell, from which all cell errors follow at any threshold.

Words: T the true cells that count (area >= A_min), P the predicted cells that count, F' the union of P. Ignored pixels
are taken out of truth and prediction before anything is measured. All areas are in pixels.
Pixels are counted in runs of equal ones, and two label images are joined in a table of the pairs that meet, so memory
grows with pixels, never with the square of the number of cells.
"""

from dataclasses import dataclass

import numpy as np

from hemoseg.labels.areas import compact
from hemoseg.labels.points import pixels_at
from hemoseg.metrics.assignment import best_assignment
from hemoseg.metrics.gaps import nearest_gaps
from hemoseg.metrics.runs import Runs, runs_of
from hemoseg.metrics.truth import Truth


def cell_facts(
    truth: Truth,
    instances: np.ndarray,
    classes: np.ndarray,
    *,
    n_classes: int,
    min_area: float,
    gap_cap: float,
    markers: np.ndarray | None = None,
    probability: np.ndarray | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Facts of the true cells and of the predicted cells, arrays ``(n,)`` by name.

    Args:
        truth: what is there.
        instances: predicted cells, int ``(H, W)``.
        classes: predicted class map, int ``(H, W)``.
        n_classes: K + 1, background included.
        min_area: A_min; a cell of exactly this area counts.
        gap_cap: the largest ``gap`` looked for.
        markers: rows and columns of what marked cells (`hemoseg.labels.points`), float ``(n, 2)``; none where nothing
            did.
        probability: predicted probability of each class, float ``(C, H, W)``; none where nothing gave any.

    Returns:
        Both sides: ``cell`` id, ``class`` (majority, ties to the lowest id, 0 where no pixel has a class), ``area``,
        ``counted``, ``touches_border``, ``best_match`` (id of the counted cell of the other side with the best IoU,
        ties to the lowest id, 0 none) and its ``iou``; ``p_class_c`` = mean probability of class c over its pixels, in
        [0, 1], where the classes and the background sum to 1; NaN without probabilities.
        True cells: ``covered`` = |t ∩ F'|; ``as_class_c`` = pixels of t in F' predicted as class c; ``host`` = id of
        the p in P that holds more than half of t, 0 none, and ``host_shared``, the pixels with it; ``gap`` = smallest
        distance to another cell of T, NaN beyond the cap and for cells that do not count; ``partner`` = id of its
        predicted cell in the one-to-one assignment of the cells that count on either side that maximises the summed
        IoU, 0 none, and ``shared``, the pixels with it; ``guests`` = number of p in P of which more than half lies in
        t; ``markers`` = markers in it, NaN where none are given.
        Predicted cells: ``on_truth`` = |p ∩ all true foreground|, small cells included; ``hosted`` = cells of T with
        more than half their area in p (0 where p does not count); ``on_small`` = pixels on true cells that do not
        count; ``on_ignored`` = pixels that were taken out, so that the cell was predicted with ``area + on_ignored``.

    Raises:
        ValueError: shapes differ, or a label is negative.
    """
    runs = runs_of((truth.instances, truth.classes, truth.valid, instances, classes))
    ignored = np.flatnonzero(~runs.take(truth.valid))
    gt = _side(truth.instances, truth.classes, truth.valid, min_area, runs, ignored)
    pred = _side(instances, classes, truth.valid, min_area, runs, ignored)
    pairs = _meet(gt, pred)
    host, host_shared = _hosts(pairs, gt.area, pred.counted)
    as_class = gt.pixels_of_class(pred.classes, pred.kept > 0, n_classes)
    sums = None if probability is None else np.stack([runs.sums(plane) for plane in probability])
    gt_facts = _facts_of_both(gt, n_classes, sums) | _best_matches(pairs, pred)
    gt_facts |= {"covered": gt.pixels_where(pred.kept > 0), "host": np.append(0, pred.ids)[host]}
    gt_facts |= {"host_shared": host_shared}
    gt_facts |= {f"as_class_{c}": as_class[:, c - 1] for c in range(1, n_classes)}
    small = gt.kept.astype(np.min_scalar_type(len(gt.ids)))  # an image of int64 costs more to allocate than to fill
    gaps = truth.once(("gaps", min_area, gap_cap), lambda: nearest_gaps(runs.image(small), len(gt.ids), gap_cap))
    gt_facts |= {"gap": np.where(gt.counted, gaps, np.nan)}
    gt_facts |= _partners(pairs, gt, pred) | {"guests": _guests(pairs, pred)}
    gt_facts |= {"markers": _marked(gt, truth, markers)}
    pred_facts = _facts_of_both(pred, n_classes, sums) | _best_matches(pairs.turned(), gt)
    pred_facts |= {"on_truth": pred.pixels_where((gt.classes > 0) | (gt.labels > 0))}
    pred_facts |= {"hosted": np.bincount(host[gt.counted], minlength=len(pred.ids) + 1)[1:]}
    pred_facts |= {"on_small": pred.pixels_where((gt.labels > 0) & (gt.kept == 0))}
    pred_facts |= {"on_ignored": _taken_out(runs, instances, ignored, pred.ids)}
    return gt_facts, pred_facts


@dataclass(frozen=True)
class _Side:
    """One side, of each run ``labels`` 1..n and ``classes``, and of each cell its id, its area and whether it counts.

    ``kept`` is ``labels`` with the cells that do not count set to 0.
    """

    runs: Runs
    labels: np.ndarray
    classes: np.ndarray
    ids: np.ndarray
    area: np.ndarray
    counted: np.ndarray
    kept: np.ndarray
    touches_border: np.ndarray

    def pixels_where(self, mask: np.ndarray) -> np.ndarray:
        """Pixels of each cell that lie in a mask of runs, int ``(n,)``."""
        return self.runs.count(self.labels, len(self.ids) + 1, mask)[1:]

    def pixels_of_class(self, classes: np.ndarray, mask: np.ndarray, n_classes: int) -> np.ndarray:
        """Pixels of each cell per class 1..K within a mask of runs, int ``(n, K)``."""
        table = self.runs.count(self.labels * n_classes + classes, (len(self.ids) + 1) * n_classes, mask)
        return table.reshape(-1, n_classes)[1:, 1:]


def _side(
    instances: np.ndarray, classes: np.ndarray, valid: np.ndarray, min_area: float, runs: Runs, ignored: np.ndarray
) -> _Side:
    found, types = runs.take(instances), runs.take(classes).astype(np.int64)
    found[ignored] = types[ignored] = 0
    labels, ids = compact(found)
    area = runs.count(labels, len(ids) + 1)[1:]
    counted = area >= min_area
    kept = np.where(np.append(False, counted)[labels], labels, 0)
    return _Side(runs, labels, types, ids, area, counted, kept, _on_border(instances, valid, ids))


def _taken_out(runs: Runs, instances: np.ndarray, ignored: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Pixels of each cell in ignored runs, int ``(n,)``; a cell that is ignored altogether is none of ``ids``."""
    number = _numbers(instances.ravel()[runs.starts[ignored]], ids)
    return np.bincount(number, runs.lengths[ignored], len(ids) + 1)[1:].astype(np.int64)


def _numbers(labels: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Numbers 1..n of labels among the rising ids, 0 where a label is none of them."""
    if not len(ids):
        return np.zeros(labels.shape, np.int64)
    place = np.searchsorted(ids, labels).clip(max=len(ids) - 1)
    return np.where(ids[place] == labels, place + 1, 0)


@dataclass(frozen=True)
class _Pairs:
    """Cells that meet: their numbers 1..n on this side and on the other, shared pixels, intersection over union."""

    mine: np.ndarray
    theirs: np.ndarray
    shared: np.ndarray
    iou: np.ndarray
    n_mine: int
    n_theirs: int

    def turned(self) -> "_Pairs":
        """The same pairs seen from the other side."""
        return _Pairs(self.theirs, self.mine, self.shared, self.iou, self.n_theirs, self.n_mine)


def _meet(gt: _Side, pred: _Side) -> _Pairs:
    both = np.flatnonzero((gt.labels > 0) & (pred.labels > 0))
    base = len(pred.ids) + 1
    code, place = np.unique(gt.labels[both] * base + pred.labels[both], return_inverse=True)
    shared = np.bincount(place, weights=gt.runs.lengths[both], minlength=len(code)).astype(np.int64)
    mine, theirs = np.divmod(code, base)
    iou = shared / (gt.area[mine - 1] + pred.area[theirs - 1] - shared)
    return _Pairs(mine, theirs, shared, iou, len(gt.ids), len(pred.ids))


def _best_matches(pairs: _Pairs, other: _Side) -> dict[str, np.ndarray]:
    """Id of the counted cell of the ``other`` side with the best IoU, and that IoU, per cell of this side."""
    kept = np.flatnonzero(other.counted[pairs.theirs - 1])
    order = kept[np.lexsort((pairs.theirs[kept], -pairs.iou[kept], pairs.mine[kept]))]
    cells, first = np.unique(pairs.mine[order], return_index=True)
    best = order[first]
    match, iou = np.zeros(pairs.n_mine, np.int64), np.zeros(pairs.n_mine)
    match[cells - 1] = other.ids[pairs.theirs[best] - 1]
    iou[cells - 1] = pairs.iou[best]
    return {"best_match": match, "iou": iou}


def _hosts(pairs: _Pairs, gt_area: np.ndarray, pred_counted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number 1..n of the counted predicted cell that holds more than half of each true cell, 0 none, and the pixels."""
    holds = (2 * pairs.shared > gt_area[pairs.mine - 1]) & pred_counted[pairs.theirs - 1]
    host, shared = np.zeros((2, pairs.n_mine), np.int64)
    host[pairs.mine[holds] - 1] = pairs.theirs[holds]
    shared[pairs.mine[holds] - 1] = pairs.shared[holds]
    return host, shared


def _partners(pairs: _Pairs, gt: _Side, pred: _Side) -> dict[str, np.ndarray]:
    """Id of the predicted cell that is assigned to each true one, 0 none, and the pixels that they share."""
    both = np.flatnonzero(gt.counted[pairs.mine - 1] & pred.counted[pairs.theirs - 1])
    chosen = both[best_assignment(pairs.mine[both], pairs.theirs[both], pairs.iou[both])]
    partner, shared = np.zeros((2, pairs.n_mine), np.int64)
    partner[pairs.mine[chosen] - 1] = pred.ids[pairs.theirs[chosen] - 1]
    shared[pairs.mine[chosen] - 1] = pairs.shared[chosen]
    return {"partner": partner, "shared": shared}


def _guests(pairs: _Pairs, pred: _Side) -> np.ndarray:
    """Number of counted predicted cells of which more than half lies in each true cell, int ``(n,)``."""
    lies = (2 * pairs.shared > pred.area[pairs.theirs - 1]) & pred.counted[pairs.theirs - 1]
    return np.bincount(pairs.mine[lies] - 1, minlength=pairs.n_mine)


def _marked(gt: _Side, truth: Truth, markers: np.ndarray | None) -> np.ndarray:
    """Number of markers in each true cell, float ``(n,)``; NaN without markers."""
    if markers is None:
        return np.full(len(gt.ids), np.nan)
    at = pixels_at(markers, truth.valid.shape)
    within = _numbers(truth.instances[at][truth.valid[at]], gt.ids)
    return np.bincount(within, minlength=len(gt.ids) + 1)[1:].astype(float)


def _facts_of_both(side: _Side, n_classes: int, sums: np.ndarray | None) -> dict[str, np.ndarray]:
    votes = side.pixels_of_class(side.classes, side.labels > 0, n_classes)
    facts = {
        "cell": side.ids,
        "class": np.where(votes.any(axis=1), votes.argmax(axis=1) + 1, 0),
        "area": side.area,
        "counted": side.counted,
        "touches_border": side.touches_border,
    }
    means = _mean_probability(side, n_classes, sums)
    return facts | {f"p_class_{c}": means[c] for c in range(1, n_classes)}


def _mean_probability(side: _Side, n_classes: int, sums: np.ndarray | None) -> np.ndarray:
    """Mean probability of each class over the pixels of each cell, which add to 1, float64 ``(C, n)``.

    NaN without ``sums``, those of each class over each run, ``(C, runs)``.
    """
    if sums is None:
        return np.full((n_classes, len(side.ids)), np.nan)
    of_cell = np.stack([np.bincount(side.labels, of_run, len(side.ids) + 1)[1:] for of_run in sums])
    return of_cell / of_cell.sum(axis=0)


def _on_border(instances: np.ndarray, valid: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Whether each cell has a pixel on the frame, bool ``(n,)``."""
    on_border = np.zeros(len(ids) + 1, bool)
    for line in (np.s_[:1], np.s_[-1:], np.s_[:, :1], np.s_[:, -1:]):
        on_border[_numbers(instances[line][valid[line]], ids)] = True
    return on_border[1:]
