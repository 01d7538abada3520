"""Pixels of test samples whose kernels a figure draws, chosen by rule so that nobody's eye chose.

Cells that touch the sample's border are left out; the others stand in the order of how near their area is to the median
one.

* ``centre``: the pixel of a cell that is farthest from all that is not this cell.
* ``boundary``: the pixel of a cell's outline that is farthest from its centre of mass, the end of its long axis.
* ``touching``: midway between the nearest pixels of two cells at most ``touching`` apart.
* ``artefact``: the innermost pixel of the largest part of the automatic labels that lies mostly on true background:
  what a threshold takes for a cell and is none. Simulated frames do not say where their artefacts lie.

Each kind takes cells that no kind before it took, of different samples as long as there are others; a kind of which
there is none stays empty.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.ndimage import distance_transform_edt, find_objects

from hemoseg.labels.areas import areas, compact
from hemoseg.metrics.gaps import nearest_gaps


class Pixel(NamedTuple):
    """A pixel of a sample, its row and column, and why it was chosen: one of the kinds, or ``given``."""

    sample: str
    row: int
    column: int
    kind: str


class View(NamedTuple):
    """What the choice looks at in a sample: its id, true cells ``(H, W)``, true background, automatic labels."""

    sample: str
    cells: np.ndarray
    background: np.ndarray
    automatic: np.ndarray


class _Place(NamedTuple):
    """A candidate; the lowest rank is taken first."""

    rank: float
    position: int
    cell: int


def choose_pixels(views: Sequence[View], per_kind: int, touching: float) -> list[Pixel]:
    """Up to ``per_kind`` pixels of each kind, by the rules above.

    Args:
        views: the test samples.
        per_kind: 0 or more.
        touching: largest distance between pixel centres at which two cells touch, in pixels.
    """
    sizes = [areas(view.cells) for view in views]
    median = float(np.median(np.concatenate(sizes))) if any(map(len, sizes)) else 0.0
    finders: dict[str, Callable[[np.ndarray, int], tuple[int, int]]] = {
        "centre": lambda cells, cell: _innermost(cells == cell),
        "boundary": lambda cells, cell: _tip(cells == cell),
        "touching": lambda cells, cell: _between(cells, cell),
    }
    chosen, used = [], set()
    for kind, finder in finders.items():
        places = _cells(views, median, touching if kind == "touching" else None)
        for place in _spread([one for one in places if (one.position, one.cell) not in used], per_kind):
            view = views[place.position]
            chosen.append(Pixel(view.sample, *finder(compact(view.cells)[0], place.cell), kind))
            used.add((place.position, place.cell))
    for place in _spread(_artefacts(views), per_kind):
        view = views[place.position]
        innermost = _innermost(compact(view.automatic)[0] == place.cell)
        chosen.append(Pixel(view.sample, *innermost, "artefact"))
    return chosen


def _cells(views: Sequence[View], median: float, touching: float | None) -> Iterator[_Place]:
    """Cells inside their samples, of those that count; with ``touching`` those that touch another."""
    for position, view in enumerate(views):
        cells, ids = compact(view.cells)
        area = np.bincount(cells.ravel(), minlength=len(ids) + 1)[1:]
        gaps = nearest_gaps(cells, len(ids), touching) if touching is not None else np.zeros(len(ids))
        for number in np.flatnonzero(~np.isnan(gaps) & ~_on_border(cells, len(ids))) + 1:
            yield _Place(abs(float(area[number - 1]) - median), position, int(number))


def _artefacts(views: Sequence[View]) -> Iterator[_Place]:
    for position, view in enumerate(views):
        parts, ids = compact(view.automatic)
        area = np.bincount(parts.ravel(), minlength=len(ids) + 1)[1:]
        off = np.bincount(parts[view.background], minlength=len(ids) + 1)[1:]
        for number in np.flatnonzero((2 * off > area) & ~_on_border(parts, len(ids))) + 1:
            yield _Place(-float(area[number - 1]), position, int(number))


def _spread(places: Iterable[_Place], number: int) -> list[_Place]:
    """The first ``number`` places, of different samples as long as there are such."""
    ranked, seen, first = sorted(places), set(), []
    for place in ranked:
        if place.position not in seen:
            seen.add(place.position)
            first.append(place)
    return (first + [place for place in ranked if place not in first])[:number]


def _on_border(labels: np.ndarray, count: int) -> np.ndarray:
    """Whether each label 1..n lies on the border of the array."""
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.bincount(border, minlength=count + 1)[1:] > 0


def _innermost(mask: np.ndarray) -> tuple[int, int]:
    """Pixel of a mask that is farthest from its outside; of several the nearest to the centre of mass."""
    box = find_objects(mask.astype(np.int8))[0]
    inside = distance_transform_edt(np.pad(mask[box], 1))[1:-1, 1:-1]
    deepest = np.argwhere(inside == inside.max())
    away = ((deepest - np.argwhere(mask[box]).mean(axis=0)) ** 2).sum(axis=1)
    row, column = deepest[int(np.argmin(away))]
    return box[0].start + int(row), box[1].start + int(column)


def _tip(mask: np.ndarray) -> tuple[int, int]:
    """Pixel of a mask that is farthest from its centre of mass."""
    at = np.argwhere(mask)
    row, column = at[int(np.argmax(((at - at.mean(axis=0)) ** 2).sum(axis=1)))]
    return int(row), int(column)


def _between(cells: np.ndarray, cell: int) -> tuple[int, int]:
    """Midway between the nearest pixels of a cell and of another one."""
    others = (cells > 0) & (cells != cell)
    distance, nearest = distance_transform_edt(~others, return_indices=True)
    own = np.argwhere(cells == cell)
    row, column = own[int(np.argmin(distance[tuple(own.T)]))]
    other = nearest[:, row, column]
    return (int(row) + int(other[0])) // 2, (int(column) + int(other[1])) // 2
