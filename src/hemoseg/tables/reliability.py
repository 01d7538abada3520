"""How often predicted probabilities are right, by bin: what a reliability diagram shows.

The pixels of all test images of a row are pooled. An image that several runs test (seeds, folds) counts once, as the
mean of those runs. Bins are those of `metrics.calibration`.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from hemoseg.metrics.bootstrap import DRAWS, percentile_interval, resampled
from hemoseg.metrics.calibration import MOST_PROBABLE, PIXELS, RIGHT, SUM
from hemoseg.tables.column import Run
from hemoseg.tables.table import Plan, families_of
from hemoseg.tables.units import Units, units_of

HEADER = [
    *("row", "label", "family", "class", "bin", "lower", "upper", "pixels", "confidence", "right", "low", "high"),
    *("units", "n_units", "n_images"),
]


def reliability(plan: Plan, runs: Sequence[Run], draws: int = DRAWS) -> pd.DataFrame:
    """A line per row of the table, family, class and bin that holds a pixel; columns are `HEADER`.

    The last "class" is `MOST_PROBABLE`: of every pixel its most probable class, right where it is the true one.
    ``pixels`` are those of the bin, ``confidence`` their mean probability, ``right`` the share of them that are of the
    class, with the 95 % interval ``low`` to ``high`` of a bootstrap of whole units of test images (`tables.units`).
    Methods without probabilities have no lines.
    """
    lines = []
    for row in plan.rows:
        for family in families_of(plan, runs):
            own = [run for run in runs if run.model == row and plan.family_of(run.split) == family]
            own = [run for run in own if run.image_reliability is not None]
            if own:
                shared = {"row": row, "label": plan.rows[row], "family": family}
                lines += [shared | line for line in _lines(own, draws)]
    return pd.DataFrame(lines, columns=HEADER)


def _lines(runs: Sequence[Run], draws: int) -> Iterator[dict]:
    units = units_of(runs)
    by_image = _by_image(runs, units)
    drawn = np.tensordot(resampled(units.of, draws, np.random.default_rng(0)), by_image, 1)
    names, bins = [*runs[0].class_names.values(), MOST_PROBABLE], by_image.shape[-1]
    told = {"units": units.name, "n_units": units.number, "n_images": len(units.samples)}
    for plane, number in np.ndindex(len(names), bins):
        held = by_image[:, plane, :, number].sum(axis=0)
        if held[PIXELS] > 0:
            yield (
                told
                | _of_bin(held, drawn[:, plane, :, number], units.number)
                | {
                    "class": names[plane],
                    "bin": number,
                    "lower": number / bins,
                    "upper": (number + 1) / bins,
                }
            )


def _by_image(runs: Sequence[Run], units: Units) -> np.ndarray:
    """Reliability of each image, mean over the runs that test it, float ``(N, K + 2, 3, bins)``."""
    place = {sample: number for number, sample in enumerate(units.samples)}
    sums = np.zeros((len(place), *runs[0].image_reliability.shape[1:]))
    tested = np.zeros((len(place), 1, 1, 1))
    for run in runs:
        which = [place[sample] for sample in run.samples]
        sums[which] += run.image_reliability
        tested[which] += 1
    return sums / tested


def _of_bin(held: np.ndarray, drawn: np.ndarray, units: int) -> dict[str, float]:
    """Numbers of one bin from what it holds, ``(3,)``, and what it holds in every draw, ``(draws, 3)``."""
    shares = np.divide(drawn[:, RIGHT], drawn[:, PIXELS], out=np.full(len(drawn), np.nan), where=drawn[:, PIXELS] > 0)
    low, high = percentile_interval(shares, units)
    found = {"pixels": held[PIXELS], "confidence": held[SUM] / held[PIXELS], "right": held[RIGHT] / held[PIXELS]}
    return found | {"low": low, "high": high}
