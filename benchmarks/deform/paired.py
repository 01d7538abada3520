"""Times of variants that take turns in one process, so that a slow moment of the machine hits all of them."""

import gc
import time
from collections.abc import Callable
from math import ceil
from statistics import median, quantiles

from machine import synchronise

LONG_ENOUGH = 0.02  # seconds a timing lasts at least; shorter calls are repeated within it
MOST_CALLS = 50

Rounds = dict[str, list[float]]


def time_rounds(calls: dict[str, Callable[[], object]], repeats: int, device: str, *, quick: bool = False) -> Rounds:
    """Seconds of each call in each round; every round begins with another one."""
    times = {name: 1 if quick else _calls_to_time(call, device) for name, call in calls.items()}
    names = list(calls)
    rounds: Rounds = {name: [] for name in names}
    gc.disable()  # no form makes garbage that needs it
    try:
        for r in range(repeats):
            start = r % len(names)
            for name in names[start:] + names[:start]:
                rounds[name].append(_seconds(calls[name], times[name], device))
    finally:
        gc.enable()
    return rounds


def _calls_to_time(call: Callable[[], object], device: str) -> int:
    for _ in range(2):  # the first call warms up: pages, compiled kernels, chosen algorithms
        seconds = _seconds(call, 1, device)
    return min(MOST_CALLS, ceil(LONG_ENOUGH / max(seconds, 1e-6)))


def _seconds(call: Callable[[], object], times: int, device: str) -> float:
    synchronise(device)
    begin = time.perf_counter()
    for _ in range(times):
        call()
    synchronise(device)
    return (time.perf_counter() - begin) / times


def spread(values: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"median": median(values), "q1": low, "q3": high}


def ratios(rounds: Rounds, above: str, below: str) -> dict[str, float]:
    """Spread of the ratio of two variants, taken round by round."""
    return spread([a / b for a, b in zip(rounds[above], rounds[below], strict=True)])
