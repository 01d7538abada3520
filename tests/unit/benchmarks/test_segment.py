"""The benchmark of `segment` measures what `segment` does today, part by part."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def benchmark():
    places = [str(ROOT / place) for place in ("benchmarks/segment", "benchmarks/deform", "workflow")]
    before, sys.path[:0] = list(sys.path), places
    spec = importlib.util.spec_from_file_location("benchmark_of_segment", ROOT / "benchmarks/segment/run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path[:] = before


def test_a_round_tells_the_seconds_of_every_part(benchmark, monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "SIZES", {"small": (96, 128)})
    row = {"unet": {"width": 2, "levels": 1}}
    (told,) = benchmark.measured(tmp_path, row, rounds=1, onnx=False)
    parts = ("read", "network", "cells", "measure", "flags", "write")
    seconds = told["seconds"]
    assert all(seconds[f"segment_{part}"] > 0 for part in parts)
    assert seconds["segment_total"] == pytest.approx(sum(seconds[f"segment_{part}"] for part in parts), abs=1e-3)
    assert seconds["segment_cells_found"] >= 1
    assert seconds["plain_total"] > seconds["plain_network"] > 0
    assert told["images_per_second"] == pytest.approx(1 / seconds["segment_total"], rel=0.1)
