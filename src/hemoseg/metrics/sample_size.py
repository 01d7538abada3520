"""How many fields of a patient would tell the share of a class to within so much, and how far no number of them does.

More fields make the sampling error smaller, never the detector's: what this patient's stain does to it is the same in
all of them, and what the evidence leaves open stays open. How many are needed depends on the share, of which few fields
at hand say little: one of which no cell was found yet would seem to need the fewest. So each class is planned for as
near to 1/2 as its share may well be (`ASSURED`, by Jeffreys' interval of the cells over their design effect), where
intervals are wider.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

from hemoseg.metrics.detector import Detector
from hemoseg.metrics.field_sampling import Sampling
from hemoseg.metrics.prevalence import NOTHING, Fields, drawn_patient, interval

TIMES = 4.0 ** np.arange(-2, 6)  # multiples of the fields at hand that are looked at
DRAWS = 600
ASSURED = 0.8  # chance that the share lies no nearer to 1/2 than planned for; not stated, ours
SEED = 0  # the same draws at every multiple, so that widths fall smoothly


class Plan(NamedTuple):
    """Of each class ``(K,)``: fields that are needed, inf where no number does; half the width that always stays."""

    fields: np.ndarray
    floor: np.ndarray


def fields_for(within: float, fields: Fields, detector: Detector, sampling: Sampling, level: float) -> Plan:
    """Fields for intervals of shares whose half width is at most ``within``.

    Args:
        within: such as 0.05.
        fields: those at hand, with at least one cell; further ones are taken to be like them.
        detector: of the evidence.
        sampling: how fields differ.
        level: of the intervals.
    """
    number = len(fields.area)
    plans = [Fields(fields.found.sum(axis=1)[:, None] * mix, fields.area) for mix in _planned_for(fields, sampling)]
    halves = np.array(
        [[_half_width(times, plan, k, detector, sampling, level) for k, plan in enumerate(plans)] for times in TIMES]
    )
    halves = np.minimum.accumulate(halves, axis=0)
    needed = np.array([_crossing(within, number * TIMES, half) for half in halves.T])
    return Plan(needed, halves[-1])


def _planned_for(fields: Fields, sampling: Sampling) -> np.ndarray:
    """Shares of the predicted classes that each class is planned with, ``(K, K)``: its own nearer to 1/2 than found."""
    total = fields.total.astype(float)
    found, effect = total / total.sum(), sampling.effects(fields.found.sum(axis=1))[1]
    mixes = []
    for k, share in enumerate(found):
        seen = np.array([total[k], total.sum() - total[k]]) / effect
        likely = special.betaincinv(*(seen + 0.5), ASSURED if share < 0.5 else 1 - ASSURED)
        share = max(share, min(likely, 0.5)) if share < 0.5 else min(share, max(likely, 0.5))
        rest = np.where(np.arange(len(found)) == k, 0, found + NOTHING)
        mixes.append(rest / rest.sum() * (1 - share) + share * np.eye(len(found))[k])
    return np.array(mixes)


def _half_width(times: float, fields: Fields, k: int, detector: Detector, sampling: Sampling, level: float) -> float:
    """Half the width of the interval of class ``k`` after so many times the fields."""
    freedom = max(sampling.freedom + (times - 1) * len(fields.area), 1) if sampling.freedom else 0
    generator = np.random.default_rng(SEED)
    shares, _ = drawn_patient(fields, detector, sampling._replace(freedom=freedom), generator, DRAWS, times)
    low, high = interval(shares[:, k], level, share=True)
    return float(high - low) / 2


def _crossing(within: float, numbers: np.ndarray, halves: np.ndarray) -> float:
    """Where the falling ``halves`` reach ``within``; between two numbers their squares fall as 1 / number does."""
    if not halves[-1] <= within:
        return np.inf
    place = int(np.argmax(halves <= within))
    if place == 0:
        return max(1.0, float(np.ceil(numbers[0])))
    outside, inside = halves[place - 1] ** 2, halves[place] ** 2
    part = (outside - within**2) / (outside - inside)
    number = 1 / ((1 - part) / numbers[place - 1] + part / numbers[place])
    return max(1.0, float(np.ceil(number - 1e-9)))
