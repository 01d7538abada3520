"""How much the fields of one patient differ from one another, beyond cells that fall at random.

Fields differ in how many cells they hold (thick and thin places of a smear) and in the mix of their classes. Both are
told by numbers that do not depend on the size of a field, so that what one set of fields shows holds for others: the
squared coefficient of variation of the number of cells per area, and the correlation of the classes of two cells of a
field. The *design effect* of a sum over fields follows from them: by what factor its variance is larger than that of
independent cells (Kish 1965, Survey Sampling, section 5.4; Rao and Scott 1992, doi:10.2307/2532311).
"""

from typing import NamedTuple

import numpy as np

BORROWED = 20  # most degrees of freedom that other fields than the patients' own fill up to; not stated, ours


class Sampling(NamedTuple):
    """How fields differ.

    Attributes:
        density: squared coefficient of variation of cells per area between fields, >= 0.
        mix: correlation of the classes of two cells of a field, in [0, 1].
        freedom: fields less patients that it was learnt from; 0: nothing is known.
    """

    density: float = 0.0
    mix: float = 0.0
    freedom: float = 0

    def effects(self, cells: np.ndarray) -> tuple[float, float]:
        """Design effects >= 1 of the number of cells and of their mix, of fields with so many cells ``(F,)``."""
        size = (cells.astype(float) ** 2).sum() / max(cells.sum(), 1)  # cells of the field of a cell
        return 1 + self.density * size, 1 + self.mix * max(size - 1, 0)


def sampling_of(found: np.ndarray, area: np.ndarray, patient: np.ndarray) -> Sampling:
    """What fields say of how they differ within patients, by moments.

    Args:
        found: cells of each class in each field, ``(F, K)``.
        area: of each field, ``(F,)``.
        patient: of each field, ``(F,)``; those with fewer than two fields with cells say nothing.
    """
    found, sums, freedom = found.astype(float), np.zeros(4), 0
    for one in np.unique(patient):
        of, size = found[patient == one], area[patient == one]
        cells = of.sum(axis=1)
        if np.count_nonzero(cells) < 2:
            continue
        freedom += len(size) - 1
        expected, left = size * cells.sum() / size.sum(), _left(size)
        excess = ((cells - expected) ** 2).sum() - (left * expected).sum()
        sums[:2] += excess, (left * size**2).sum() * _of_pairs(cells) / _of_pairs(size)
        share, left = of.sum(axis=0) / cells.sum(), _left(cells)
        chance = 1 - sum(_of_pairs(kind) for kind in of.T) / _of_pairs(cells)
        excess = ((of - cells[:, None] * share) ** 2).sum() - (left * cells).sum() * chance
        sums[2:] += excess, (left * cells * (cells - 1)).sum() * chance
    density, mix = (max(part / size, 0) if size > 0 else 0.0 for part, size in (sums[:2], sums[2:]))
    return Sampling(density, min(mix, 1.0), freedom)


def _left(size: np.ndarray) -> np.ndarray:
    """Part of the variance of each field's sum that is left in its residual from the pooled rate, ``(F,)``."""
    weight = size / size.sum()
    return 1 - 2 * weight + (weight**2).sum()


def _of_pairs(number: np.ndarray) -> float:
    """Sum of the products of pairs of different fields, which is not biased by how a field differs."""
    return number.sum() ** 2 - (number**2).sum()


def borrowed(own: Sampling, other: Sampling) -> Sampling:
    """What the patients' own fields say, filled up to `BORROWED` degrees of freedom by what other fields say."""
    more = min(other.freedom, max(BORROWED - own.freedom, 0))
    if not more:
        return own
    freedom = own.freedom + more
    density, mix = ((own[i] * own.freedom + other[i] * more) / freedom for i in (0, 1))
    return Sampling(density, mix, freedom)
