"""Which pairs change places between two orders of the same things."""

from collections.abc import Mapping
from itertools import combinations


def turns(own: Mapping[str, float], other: Mapping[str, float]) -> list[tuple[str, str]]:
    """Pairs that stand one way by ``own`` ranks and the other way by ``other``: (better by own, worse).

    A tie, or a rank that is NaN, on either side is no turn.
    """
    found = []
    for first, second in combinations(own.keys(), 2):
        before, after = own[first] - own[second], other[first] - other[second]
        if before * after < 0:  # false where a rank is NaN
            found.append((first, second) if before < 0 else (second, first))
    return found
