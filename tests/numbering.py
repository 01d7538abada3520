"""Labels as they are compared where only their numbers may differ."""

import numpy as np


def numbered(labels):
    """Numbers 1..n by their first pixels."""
    ids, first = np.unique(labels, return_index=True)
    order = ids[np.argsort(first)]
    table = np.zeros(int(labels.max()) + 1, int)
    table[order[order > 0]] = np.arange(1, np.count_nonzero(order) + 1)
    return table[labels]
