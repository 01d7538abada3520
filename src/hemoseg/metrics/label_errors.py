"""Where a prediction contradicts the labels of cells, and how sure it is: facts of one frame, of every cell.

A label is held against the probabilities of a model that did not see it while it trained. All numbers lie in [0, 1]; a
score above 0.5 says that the model finds another answer likelier than the label. What orders cells by class needs all
frames (`metrics.label_classes`).
"""

from dataclasses import dataclass

import cv2
import numpy as np

PROBLEMS = ("wrong_class", "missed", "not_there", "outline", "merged", "split")  # of a label: `tables.label_audit`
OF_FOUND = ("missed", "split")  # what is about a predicted cell; the rest is about a labelled one
SURE = 0.5  # below it a pixel, or the mean over a cell, is the background's rather than a cell's


@dataclass(frozen=True)
class Labelled:
    """The labels of a frame: class map and cells 1..n, int ``(H, W)``; bool ``valid``, False where ignored."""

    classes: np.ndarray
    instances: np.ndarray
    valid: np.ndarray


def labelled_cells(label: Labelled, found: np.ndarray, probability: np.ndarray) -> dict[str, np.ndarray]:
    """What a prediction says of each labelled cell, arrays ``(n,)`` by name.

    Args:
        label: of the frame.
        found: predicted cells 1..m, int ``(H, W)``, 0 background.
        probability: float ``(K + 1, H, W)``, background first.

    Returns:
        ``cell`` and ``area``, its pixels that are not ignored; ``probability`` ``(n, K + 1)``, the mean over them;
        ``outline``, the sure part of 1 - IoU: over the cell and what was found around it, the pixels on which label and
        prediction differ, each weighed by how sure the prediction is of cell or background (``|1 - 2 p|``), as a share
        of all; ``merged`` of `_several`: two predicted cells in one label.
        Cells that are ignored whole are left out. What was found belongs to the nearest labelled cell, unless it is a
        cell that no label knows (`found_cells`).

    Raises:
        ValueError: shapes differ.
    """
    cells, found = _kept(label, found, probability)
    count = int(cells.max(initial=0)) + 1
    area = _sums(cells, None, count)
    outline = _contradicted(cells, found, probability[0], label.valid)
    inside = _several(found, cells, 1 - probability[0])
    there = area[1:] > 0
    facts = {
        "cell": np.arange(1, count),
        "area": area[1:],
        "probability": cell_probabilities(cells, probability)[1:],
        "outline": outline[1:],
        "merged": inside[1:],
    }
    return {name: values[there] for name, values in facts.items()}


def found_cells(label: Labelled, found: np.ndarray, probability: np.ndarray) -> dict[str, np.ndarray]:
    """What the labels know of each predicted cell, arrays ``(m,)`` by name; the arguments are `labelled_cells`'.

    Returns:
        ``cell``, ``area`` and ``probability`` as of labelled cells; ``unknown``, bool: no label has more than half of
        its pixels in it and more than half of its own lie on no label; ``split`` of `_several`: two labels in one
        predicted cell, 0 throughout where the method parts no cells that touch, since it could not say otherwise.

    Raises:
        ValueError: shapes differ.
    """
    cells, found = _kept(label, found, probability)
    count = int(found.max(initial=0)) + 1
    area = _sums(found, None, count)
    there = area[1:] > 0
    facts = {
        "cell": np.arange(1, count),
        "area": area[1:],
        "probability": cell_probabilities(found, probability)[1:],
        "unknown": _unknown(cells, found)[1:],
        "split": (_several(cells, found, 1 - probability[0]) * _parts_touching(found))[1:],
    }
    return {name: values[there] for name, values in facts.items()}


def cell_probabilities(cells: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Mean probability of each class over each cell, float ``(n + 1, K + 1)``, indexed by label; NaN for absent labels.

    Args:
        cells: labels 0..n, int ``(H, W)``.
        probability: float ``(K + 1, H, W)``.
    """
    count = int(cells.max(initial=0)) + 1
    area = _sums(cells, None, count)
    sums = np.stack([_sums(cells, of_class, count) for of_class in probability], axis=1)
    return sums / np.where(area > 0, area, np.nan)[:, None]


def _kept(label: Labelled, found: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labelled and predicted cells without what is ignored."""
    shapes = {label.classes.shape, label.instances.shape, label.valid.shape, found.shape, probability.shape[1:]}
    if len(shapes) > 1:
        raise ValueError(f"labels, cells and probabilities have shapes {sorted(shapes)}")
    return np.where(label.valid, label.instances, 0), np.where(label.valid, found, 0)


def _sums(cells: np.ndarray, values: np.ndarray | None, count: int) -> np.ndarray:
    """Sum of ``values`` (else the number of pixels) over each label 0..count - 1, float64."""
    weights = None if values is None else values.ravel().astype(float)
    return np.bincount(cells.ravel(), weights, minlength=count).astype(float)


def _contradicted(cells: np.ndarray, found: np.ndarray, background: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """`labelled_cells`' ``outline`` by label; the background's entry means nothing."""
    count = int(cells.max(initial=0)) + 1
    said = (background < SURE) & (found > 0) & ~_unknown(cells, found)[found]
    sure = np.abs(1 - 2 * background.astype(float))
    owner = np.where(said & (cells == 0) & valid, nearest_cell(cells), cells)
    differs = np.where(cells > 0, background > SURE, owner > 0)
    return _sums(owner, sure * differs, count) / np.maximum(_sums(owner, None, count), 1)


def nearest_cell(cells: np.ndarray) -> np.ndarray:
    """The label of the nearest cell to each pixel, int ``(H, W)``; 0 throughout where there is none."""
    if not cells.any():
        return np.zeros_like(cells)
    ground = (cells == 0).astype(np.uint8)
    _, places = cv2.distanceTransformWithLabels(ground, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    label_at = np.zeros(int(places.max()) + 1, cells.dtype)
    label_at[places[cells > 0]] = cells[cells > 0]
    return label_at[places]


def _unknown(cells: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Which predicted cells no label knows, bool by label."""
    count = int(found.max(initial=0)) + 1
    mine, theirs, shared = _pairs(cells, found)
    whole = np.bincount(cells.ravel())
    hosting = np.bincount(theirs[2 * shared > whole[mine]], minlength=count) > 0
    on_label, area = np.bincount(theirs, shared, minlength=count), _sums(found, None, count)
    unknown = ~hosting & (2 * on_label < area)
    unknown[0] = False
    return unknown


def _several(parts: np.ndarray, wholes: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """How far each of ``wholes`` is two of ``parts``, float by label of ``wholes``.

    Of the parts that lie in it by more than half of their pixels, the two that share most with it: the second's share
    of the first's, doubled and at most 1 (a speck beside a cell is no second cell), times the lower of their mean
    probabilities of being a cell.

    Args:
        parts: labels, int ``(H, W)``.
        wholes: labels, int ``(H, W)``.
        cell: probability of a cell, float ``(H, W)``.
    """
    count = int(wholes.max(initial=0)) + 1
    part, whole, shared = _pairs(parts, wholes)
    area = np.bincount(parts.ravel())
    inside = 2 * shared > area[part]
    part, whole, shared = part[inside], whole[inside], shared[inside]
    mean = _sums(parts, cell, len(area)) / np.maximum(area, 1)
    order = np.lexsort((-shared, whole))
    part, whole, shared = part[order], whole[order], shared[order]
    first = np.flatnonzero(np.diff(whole, prepend=-1) > 0)
    first = first[np.append(whole, -1)[first + 1] == whole[first]]  # there is a second one behind it
    score = np.zeros(count)
    balance = np.minimum(2 * shared[first + 1] / shared[first], 1) if len(first) else np.zeros(0)
    score[whole[first]] = balance * np.minimum(mean[part[first]], mean[part[first + 1]]) if len(first) else 0
    return score


def _pairs(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of either side that meet, and the pixels that they share, int ``(p,)`` each."""
    both = (one > 0) & (other > 0)
    count = int(other.max(initial=0)) + 1
    code, shared = np.unique(one[both].astype(np.int64) * count + other[both], return_counts=True)
    return *np.divmod(code, count), shared


def _parts_touching(found: np.ndarray) -> bool:
    """Whether any two cells touch, as they do where a method draws lines between cells."""
    below, beside = (found[:-1], found[1:]), (found[:, :-1], found[:, 1:])
    return any(bool(((a > 0) & (b > 0) & (a != b)).any()) for a, b in (below, beside))
