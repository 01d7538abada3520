"""How many fields of a patient would tell the share of a class to within so much, and how far no number of them does.

More fields make the sampling error smaller, never the detector's: what this patient's stain does to it is the same in
all of them, and what the evidence leaves open stays open.
"""

from typing import NamedTuple

import numpy as np

from hemoseg.metrics.detector import Detector
from hemoseg.metrics.field_sampling import Sampling
from hemoseg.metrics.prevalence import Fields, drawn_patient, interval

TIMES = 4.0 ** np.arange(-2, 6)  # multiples of the fields at hand that are looked at
DRAWS = 1000
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
    halves = np.array([_half_widths(times, number, fields, detector, sampling, level) for times in TIMES])
    halves = np.minimum.accumulate(halves, axis=0)
    needed = np.array([_crossing(within, number * TIMES, half) for half in halves.T])
    return Plan(needed, halves[-1])


def _half_widths(
    times: float, number: int, fields: Fields, detector: Detector, sampling: Sampling, level: float
) -> np.ndarray:
    freedom = max(sampling.freedom + (times - 1) * number, 1) if sampling.freedom else 0
    generator = np.random.default_rng(SEED)
    shares, _ = drawn_patient(fields, detector, sampling._replace(freedom=freedom), generator, DRAWS, times)
    low, high = interval(shares, level)
    return (high - low) / 2


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
