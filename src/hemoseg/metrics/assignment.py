"""One-to-one assignment of the cells of two sides, the best there is."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

CLOSE = 1e-9  # gains that differ by less are left to the solver


def best_assignment(mine: np.ndarray, theirs: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Which pairs a one-to-one assignment holds whose summed gain is the largest possible, bool ``(pairs,)``.

    Exact. A pair that gains more than the best others of both its cells together is in every best assignment, and
    most are such. The cells that are left and overlap directly or over others form a group, and groups do not matter
    to each other; within one a sparse solver (Jonker and Volgenant's, doi:10.1007/BF02278710, in scipy) sees only the
    pairs that there are. So memory grows with the pairs, never with the square of the number of cells. Of several best
    assignments it is always the same one.

    Args:
        mine: number of a cell of this side per pair, int ``(pairs,)``, >= 0; no pair is given twice.
        theirs: number of a cell of the other side.
        gain: of the pair, in (0, 1], such as the intersection over union.
    """
    chosen = np.zeros(len(gain), bool)
    if not len(gain):
        return chosen
    rest = _without_dominant(mine, theirs, gain, chosen)
    for group in _groups(mine[rest], theirs[rest]):
        pairs = rest[group]
        chosen[pairs[_of_group(mine[pairs], theirs[pairs], gain[pairs])]] = True
    return chosen


def _without_dominant(mine: np.ndarray, theirs: np.ndarray, gain: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Positions of the pairs that are open once all dominant ones are marked in ``chosen``."""
    rest = np.arange(len(gain))
    while len(rest):
        own, other, gains = mine[rest], theirs[rest], gain[rest]
        dominant = gains > _best_other(own, gains) + _best_other(other, gains) + CLOSE
        if not dominant.any():
            break
        chosen[rest[dominant]] = True
        closed = np.isin(own, own[dominant]) | np.isin(other, other[dominant])
        rest = rest[~closed]
    return rest


def _best_other(cells: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """The largest gain among the other pairs of the same cell, 0 without one, ``(pairs,)``."""
    order = np.lexsort((-gains, cells))
    first = np.append(True, np.diff(cells[order]) != 0)
    best = np.flatnonzero(first)[np.cumsum(first) - 1]  # place of the best pair of each pair's cell
    second = np.append(gains[order][1:], 0.0)
    second[np.append(first[1:], True)] = 0.0  # what follows is of another cell
    result = np.empty(len(gains))
    result[order] = np.where(first, second, gains[order][best])
    return result


def _groups(mine: np.ndarray, theirs: np.ndarray) -> list[np.ndarray]:
    """Positions of the pairs of each connected group."""
    if not len(mine):
        return []
    shift = int(mine.max()) + 1
    size = shift + int(theirs.max()) + 1
    graph = csr_array((np.ones(len(mine), np.int8), (mine, shift + theirs)), shape=(size, size))
    group = connected_components(graph, directed=False)[1][mine]
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def _of_group(mine: np.ndarray, theirs: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Positions of the pairs that are chosen in one group.

    The solver wants every row matched: each row may also take a column of its own that gains nothing. All costs are
    shifted by the same amount above 0, which changes no choice, since each row pays it once.
    """
    rows, row = np.unique(mine, return_inverse=True)
    columns, column = np.unique(theirs, return_inverse=True)
    n = len(rows)
    cost = np.concatenate([2 - gain, np.full(n, 2.0)])
    ends = np.concatenate([column, len(columns) + np.arange(n)])
    matrix = csr_array((cost, (np.concatenate([row, np.arange(n)]), ends)), shape=(n, len(columns) + n))
    taken = min_weight_full_bipartite_matching(matrix)[1]  # per row, in the order of the rows
    return np.flatnonzero(taken[row] == column)
