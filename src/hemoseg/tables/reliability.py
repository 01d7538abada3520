"""How often predicted probabilities are right, by bin: what a reliability diagram shows.

The pixels of all test images of a row are pooled, and so are its predicted cells. An image that several runs test
(seeds, folds) counts once, as the mean of those runs. Bins of pixels are those of `metrics.calibration`, bins of cells
those of `tables.cell_calibration_columns`.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from hemoseg.metrics.bootstrap import DRAWS, percentile_interval, resampled
from hemoseg.metrics.calibration import GIVEN, MOST_PROBABLE, PIXELS, RIGHT, SUM
from hemoseg.tables import cell_calibration_columns
from hemoseg.tables.column import Run
from hemoseg.tables.table import Plan, families_of
from hemoseg.tables.units import Units, units_of

HEADER = [
    *("row", "label", "family", "of", "class", "bin", "lower", "upper", "number", "confidence", "right", "low", "high"),
    *("units", "n_units", "n_images"),
]


def reliability(plan: Plan, runs: Sequence[Run], draws: int = DRAWS) -> pd.DataFrame:
    """A line per row of the table, family, class and bin that holds a pixel or a cell; columns are `HEADER`.

    ``of`` is ``pixels`` or ``cells``, and ``number`` how many of them the bin holds. The last "class" of pixels is
    `MOST_PROBABLE`: of every pixel its most probable class, right where it is the true one. Cells have one, `GIVEN`:
    of every predicted cell the class that it was given, whose probability is the mean over its pixels, right where the
    cell is matched to a true one of that class. ``confidence`` is their mean probability, ``right`` the share of them
    that are of the class, with the 95 % interval ``low`` to ``high`` of a bootstrap of whole units of test images
    (`tables.units`). Methods without probabilities have no lines.
    """
    lines = []
    for row in plan.rows:
        for family in families_of(plan, runs):
            own = [run for run in runs if run.model == row and plan.family_of(run.split) == family]
            for of, planes_of in (("pixels", _of_pixels), ("cells", _of_cells)):
                shared = {"row": row, "label": plan.rows[row], "family": family, "of": of}
                lines += [shared | line for line in _lines(own, planes_of, draws)]
    return pd.DataFrame(lines, columns=HEADER)


def _of_pixels(run: Run) -> tuple[list[str], np.ndarray | None]:
    return [*run.class_names.values(), MOST_PROBABLE], run.image_reliability


def _of_cells(run: Run) -> tuple[list[str], np.ndarray | None]:
    found = cell_calibration_columns.reliability(run) if run.knows_cells else None
    return [GIVEN], None if found is None else found[:, None]


def _lines(runs: Sequence[Run], planes_of: Callable, draws: int) -> Iterator[dict]:
    told = [(run, *planes_of(run)) for run in runs]
    known = [(run, names, planes) for run, names, planes in told if planes is not None]
    if not known:
        return
    names, units = known[0][1], units_of([run for run, _, _ in known])
    by_image = _by_image([(run.samples, planes) for run, _, planes in known], units)
    drawn = np.tensordot(resampled(units.of, draws, np.random.default_rng(0)), by_image, 1)
    bins = by_image.shape[-1]
    shared = {"units": units.name, "n_units": units.number, "n_images": len(units.samples)}
    for plane, number in np.ndindex(len(names), bins):
        held = by_image[:, plane, :, number].sum(axis=0)
        if held[PIXELS] > 0:
            place = {"class": names[plane], "bin": number, "lower": number / bins, "upper": (number + 1) / bins}
            yield shared | place | _of_bin(held, drawn[:, plane, :, number], units.number)


def _by_image(tested: Sequence[tuple[list[str], np.ndarray]], units: Units) -> np.ndarray:
    """Reliability of each image, mean over the runs that test it, float ``(N, classes, 3, bins)``."""
    place = {sample: number for number, sample in enumerate(units.samples)}
    sums = np.zeros((len(place), *tested[0][1].shape[1:]))
    times = np.zeros((len(place), 1, 1, 1))
    for samples, planes in tested:
        which = [place[sample] for sample in samples]
        sums[which] += planes
        times[which] += 1
    return sums / times


def _of_bin(held: np.ndarray, drawn: np.ndarray, units: int) -> dict[str, float]:
    """Numbers of one bin from what it holds, ``(3,)``, and what it holds in every draw, ``(draws, 3)``."""
    shares = np.divide(drawn[:, RIGHT], drawn[:, PIXELS], out=np.full(len(drawn), np.nan), where=drawn[:, PIXELS] > 0)
    low, high = percentile_interval(shares, units)
    found = {"number": held[PIXELS], "confidence": held[SUM] / held[PIXELS], "right": held[RIGHT] / held[PIXELS]}
    return found | {"low": low, "high": high}
