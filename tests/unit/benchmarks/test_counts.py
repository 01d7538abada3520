"""The benchmark of the intervals of counts, its smallest version: they hold, and those of uncorrected counts do not."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from hemoseg.metrics import sample_size

FOLDER = Path(__file__).parents[3] / "benchmarks" / "counts"


def loaded(name):
    spec = importlib.util.spec_from_file_location(f"counts_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    kept = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = kept
    return module


@pytest.fixture(scope="module")
def benchmark():
    module = loaded("run")
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


def test_as_many_fields_as_are_asked_for_are_enough_for_most_patients_and_near_0_or_1_too(benchmark, monkeypatch):
    monkeypatch.setattr(sample_size, "DRAWS", 200)
    monkeypatch.setattr(sample_size, "TIMES", 4.0 ** np.arange(-1, 4))
    world, _ = benchmark.PLANNED["planned"]
    found = benchmark.planned(np.random.default_rng(0), 14, world, 0.08)
    for name, least in (("shares near 0 or 1", 0.75), ("other shares", 0.5)):
        assert found[name]["shares"] >= 15
        assert found[name]["as narrow as asked"] > least
    assert np.median(found["other shares"]["half width over asked"]) > 0.8  # nor far too many


def test_a_run_on_smears_that_was_cut_off_goes_on_and_a_whole_one_begins_anew(tmp_path, monkeypatch):
    smears, seen = loaded("smears"), []

    def of_set(seed):
        if seed == cut_off_at:
            raise KeyboardInterrupt
        seen.append(seed)
        return {name: {"coverage": [seed, 1.0]} for name in smears.TYPINGS}

    monkeypatch.setattr(smears, "OUT", tmp_path / "counts.json")
    monkeypatch.setattr(smears, "of_set", of_set)
    cut_off_at = 4
    with pytest.raises(KeyboardInterrupt):
        smears.measure([0, 2, 4])
    assert json.loads(smears.OUT.read_text())["missing"] == [4]
    cut_off_at = None
    smears.measure([0, 2, 4])
    assert seen == [0, 2, 4]
    whole = json.loads(smears.OUT.read_text())
    assert (whole["missing"], whole["two classes"]["coverage"]) == ([], [2.0, 1.0])
    smears.measure([0, 2, 4])
    assert seen == [0, 2, 4] * 2
