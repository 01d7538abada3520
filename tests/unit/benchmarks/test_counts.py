"""The benchmark of the intervals of counts, its smallest version: they hold, and those of uncorrected counts do not."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[3] / "benchmarks" / "counts"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("counts_benchmark", FOLDER / "run.py")
    module = importlib.util.module_from_spec(spec)
    kept = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = kept
    module.DRAWS = 400
    return module


def test_intervals_hold_for_most_patients_and_those_of_uncorrected_counts_for_fewer(benchmark):
    found = benchmark.of_scenario(np.random.default_rng(0), benchmark.SCENARIOS["usual"], 60)
    held = {name: np.mean(shares) for name, shares in found["coverage"].items()}
    for name in ("share of the patient", "cells per field", "cells in these fields", "share in these fields"):
        assert held[name] > 0.9
    assert held["as found"] < 0.85
    assert max(found["width of shares"]) < 0.3  # they do not hold by saying nothing


def test_a_detector_that_the_evidence_does_not_know_is_not_made_good(benchmark):
    """What the README warns of: the same intervals on another microscope."""
    found = benchmark.of_scenario(np.random.default_rng(0), benchmark.SCENARIOS["another microscope"], 30)
    assert np.mean(found["coverage"]["cells in these fields"]) < 0.85
