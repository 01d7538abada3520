"""Do offsets follow the shape of cells? Numbers with intervals, and the answer as sentences made from them.

Near a border is within `NEAR` radii of the median cell, far is `FAR` radii outside. Two measures of a layer:

* aligned: of the length of the kernels' shifts (mean of nine offsets) near a border, the share that points one way
  relative to it, in each bin of distance: ``sum_bins |sum shift| / sum_bins sum |shift|``, the vectors turned so that
  the normal points up. It is a mean resultant length (Mardia and Jupp, Directional Statistics, 2000), weighted by
  length; it never falls below 0, so chance gives more than 0: hence the comparisons.
* longer: mean length of the nine offsets near a border over that far from it.

Compared with: the same offsets against borders of other images, which keeps all that depends on the place in the image
only; and offsets by kernels drawn at random, which keeps all that any filter of the same maps would follow.
Intervals are 1.96 standard deviations of a bootstrap of whole frames to either side; percentiles would be off centre,
since a draw that holds a frame twice is aligned by more.
"""

from typing import NamedTuple

import numpy as np

from hemoseg.data.offset_sums import SUMS, OffsetSums
from hemoseg.figures.words import count_of
from hemoseg.metrics.bootstrap import resampled

NEAR, FAR = (-0.5, 0.5), (1.0, 2.0)  # radii of the median cell
DRAWS = 1000  # draws of whole frames
CHANCE = 0.05  # share of random draws, ours among them, that may be at least as good as ours
WIDE = 1.96  # standard deviations: 95 %
PIXELS, MAGNITUDE, LENGTH, NORMAL, ALONG = range(len(SUMS))


class Measure(NamedTuple):
    """One measure of every layer ``(L,)``: ours with its interval, by other images' borders, by each random draw.

    ``gain`` is ours less that of other images (for ``longer`` the quotient) of the mean over layers with its interval.
    """

    own: np.ndarray
    low: np.ndarray
    high: np.ndarray
    others: np.ndarray
    random: np.ndarray
    gain: tuple[float, float, float]
    clear: int


class Facts(NamedTuple):
    """Both measures of one network."""

    aligned: Measure
    longer: Measure


def facts(one: OffsetSums, seed: int = 0) -> Facts:
    """Both measures with 95 % intervals, which know other frames but no other trainings.

    Args:
        one: of a network.
        seed: of the bootstrap.
    """
    counts = resampled(one.frames, DRAWS, np.random.default_rng(seed))
    total = np.ones((1, counts.shape[1]))
    own, many = _drawn(one, "own", total)[0], _drawn(one, "own", counts)
    others, many_others = _drawn(one, "others", total)[0], _drawn(one, "others", counts)
    random = _drawn(one, "random", total)[0]
    found = []
    for measure in (_aligned, _log_longer):
        value, spread = measure(own, one.edges), measure(many, one.edges)
        chance, chances = measure(others, one.edges).mean(axis=0), measure(many_others, one.edges).mean(axis=1)
        overall = interval(_over_layers(value - chance), _over_layers(spread - chances))
        clear = int((interval(value - chance, spread - chances)[1] > 0).sum())
        content = (*interval(value, spread), chance, measure(random, one.edges), overall)
        exponent = np.exp if measure is _log_longer else np.asarray
        found.append(Measure(*map(exponent, content[:-1]), tuple(map(float, exponent(overall))), clear))
    return Facts(*found)


def interval(value: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A value with the ends of its interval, from its bootstrap draws along the first axis."""
    reach = WIDE * spread.std(axis=0)
    return value, value - reach, value + reach


def _drawn(one: OffsetSums, which: str, counts: np.ndarray) -> np.ndarray:
    """Sums over the samples of each draw, ``(draws, ..., L, bins, 5)``."""
    return np.tensordot(counts.astype(np.float64), getattr(one, which), axes=1)


def _aligned(sums: np.ndarray, edges: np.ndarray) -> np.ndarray:
    near = sums[..., _bins(edges, NEAR), :]
    length = near[..., LENGTH].sum(axis=-1)
    return _divided(np.hypot(near[..., NORMAL], near[..., ALONG]).sum(axis=-1), length)


def _log_longer(sums: np.ndarray, edges: np.ndarray) -> np.ndarray:
    sides = [sums[..., _bins(edges, side), :].sum(axis=-2) for side in (NEAR, FAR)]
    near, far = (_divided(side[..., MAGNITUDE], side[..., PIXELS]) for side in sides)
    return np.log(np.where(_divided(near, far) > 0, _divided(near, far), np.nan))


def _over_layers(values: np.ndarray) -> np.ndarray:
    """Mean over the layers, the last axis, that have a value; NaN where none has."""
    known = np.isfinite(values)
    return _divided(np.where(known, values, 0).sum(axis=-1), known.sum(axis=-1))


def _bins(edges: np.ndarray, side: tuple[float, float]) -> np.ndarray:
    return (edges[:-1] >= side[0]) & (edges[1:] <= side[1])


def _divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=np.asarray(b) > 0)


def answer(one: OffsetSums, found: Facts, label: str) -> str:
    """Whether the offsets of a network follow the shape of cells, by how much, and what else would do as well."""
    if not (one.own[..., LENGTH].sum() > 0 and np.isfinite(found.aligned.gain).all()):
        return f"{label}, seed {one.seed}: its offsets, or the images, are too few or too small to be compared."
    aligned, longer = found
    ours, chance = np.nanmean(aligned.own), np.nanmean(aligned.others)
    gain, low, high = aligned.gain
    seen = f"{count_of(len(one.ids), 'test image')} of the split {one.split}"
    verdict, why = _verdict(found)
    band = f"within half a cell's radius of a border ({NEAR[1] * one.radius:.1f} px)"
    return (
        f"Do the offsets of {label} (seed {one.seed}; {seen}) follow the shape of cells? {verdict} Of the length of "
        f"the kernels' shifts {band}, {ours:.0%} points one way relative to it (mean of {len(one.layers)} layers), by "
        f"the borders of other images {chance:.0%}: {100 * gain:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}], "
        f"clearly more in {aligned.clear} layers. There the nine offsets are {_mean(longer.own):.2f} times as long as "
        f"{FAR[0]:g} to {FAR[1]:g} radii outside, by the borders of other images {_mean(longer.others):.2f} times "
        f"(quotient {longer.gain[0]:.2f} [{longer.gain[1]:.2f}, {longer.gain[2]:.2f}]).{why} An untrained network's "
        f"offsets are exactly 0 and follow nothing. In brackets: 95 % by bootstrap over "
        f"{count_of(len(set(one.frames)), 'frame')}; other trainings are not in it."
    )


def _verdict(found: Facts) -> tuple[str, str]:
    """The short answer, and what kernels drawn at random say of it."""
    drawn = np.nanmean(found.aligned.random, axis=1) if len(found.aligned.random) else np.zeros(0)
    as_good = int((drawn >= np.nanmean(found.aligned.own)).sum())
    said = ""
    if len(drawn):
        said = (
            f" The random kernels, of the same norms and on the same maps, reach {drawn.mean():.0%} "
            f"({drawn.min():.0%} to {drawn.max():.0%}) and {_mean(found.longer.random):.2f} times."
        )
    if found.aligned.gain[1] <= 0:
        return "No: their direction does not depend on where borders are by more than chance.", said
    if not len(drawn):
        return "Their direction depends on where borders are; whether any filter's would was not drawn.", said
    counted = f"{as_good} of {count_of(len(drawn), 'offset kernel')} drawn at random"
    # Ours is one of the draws: n others show a share of 1 / (n + 1) at best, never 0 (doi:10.2202/1544-6115.1585).
    if 1 + as_good <= CHANCE * (1 + len(drawn)):
        return f"Yes: their direction depends on where borders are, and {counted} are aligned as much.", said
    if not as_good:
        return f"Their direction depends on where borders are; {counted} are aligned as much, too few to tell.", said
    known = "Not clearly more than kernels that learned nothing: their direction depends on where borders are"
    return f"{known}, but {counted} are aligned at least as much.", said


def _mean(quotients: np.ndarray) -> float:
    """Geometric mean."""
    return float(np.exp(np.nanmean(np.log(quotients))))
