"""One-to-one assignment of the cells of two sides, the best there is."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching


def best_assignment(mine: np.ndarray, theirs: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """Which pairs a one-to-one assignment holds whose summed gain is the largest possible, bool ``(pairs,)``.

    Exact. Cells that overlap directly or over others form a group, and groups do not matter to each other; within one
    a sparse solver (Jonker and Volgenant's, doi:10.1007/BF02278710, in scipy) sees only the pairs that there are. So
    memory grows with the pairs, never with the square of the number of cells. Of several best assignments it is always
    the same one.

    Args:
        mine: number of a cell of this side per pair, int ``(pairs,)``, >= 0; no pair is given twice.
        theirs: number of a cell of the other side.
        gain: of the pair, in (0, 1], such as the intersection over union.
    """
    chosen = np.zeros(len(gain), bool)
    if not len(gain):
        return chosen
    alone = (np.bincount(mine)[mine] == 1) & (np.bincount(theirs)[theirs] == 1)
    chosen[alone] = True
    rest = np.flatnonzero(~alone)
    for group in _groups(mine[rest], theirs[rest]):
        pairs = rest[group]
        chosen[pairs[_of_group(mine[pairs], theirs[pairs], gain[pairs])]] = True
    return chosen


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
