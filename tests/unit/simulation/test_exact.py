"""A frame is the same bits whatever the order, the threads or the machine."""

import hashlib
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from hemoseg.simulation import generator
from hemoseg.simulation.exact import LIMIT, UNIT, Draws, direction, transmission_table

SMALL = {
    "smear": {"height": 200, "width": 320, "diameter": 40.0, "margin": [10, 30], "cells": 8.0},
    "nuclei": {"height": 150, "width": 200, "dirt": 20.0, "mitotic": 0.1, "apoptotic": 0.1},
    "cell_kinds": {"height": 160, "width": 200, "rbc": 1, "macrophage": 1, "crenated": 0.3, "debris": 90.0},
}
kinds = pytest.mark.parametrize("kind", SMALL)


def digest(drawn) -> str:
    parts = (drawn.image, drawn.instances.astype("<i4"), drawn.classes)
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def frame(kind, seed, index, **changed):
    return generator(kind).simulate_frame(SMALL[kind] | changed, seed=seed, index=index)


@kinds
def test_same_numbers_same_frame(kind):
    assert digest(frame(kind, 3, 2)) == digest(frame(kind, 3, 2))


@kinds
def test_other_numbers_other_frame(kind):
    assert len({digest(frame(kind, seed, index)) for seed in (0, 1) for index in (0, 1)}) == 4


@kinds
def test_order_and_threads_do_not_matter(kind):
    alone = [digest(frame(kind, 3, index)) for index in range(4)]
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda index: digest(frame(kind, 3, index)), (3, 1, 0, 2)))
    finally:
        cv2.setNumThreads(before)
    assert together == [alone[index] for index in (3, 1, 0, 2)]


@kinds
def test_number_of_frames_does_not_matter(kind):
    few, many = ({"mixed" if kind == "cell_kinds" else "frames": count} for count in (2, 200))
    assert digest(frame(kind, 1, 2, **few)) == digest(frame(kind, 1, 2, **many))


def test_vector_instructions_do_not_matter():
    """On a processor without AVX and its like, as far as numpy and OpenCV can pretend one, the frame keeps its bits."""
    bare = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name]),
        "OPENCV_CPU_DISABLE": "SSE4.1,SSE4.2,AVX,FP16,AVX2,FMA3,AVX512-SKX,AVX512-ICL",
        "OPENCV_IPP": "disabled",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    }
    code = "import test_exact as t; print(*(t.digest(t.frame(kind, 3, 0)) for kind in t.SMALL))"
    run = [sys.executable, "-W", "ignore", "-c", code]
    other = subprocess.run(run, env=os.environ | bare, capture_output=True, text=True, check=True)
    assert other.stdout.split()[-len(SMALL) :] == [digest(frame(kind, 3, 0)) for kind in SMALL]


RECORDED = {
    ("smear", 8): "d38164fb16f018c2",
    ("smear", 16): "d0785ddac4bc05d2",
    ("nuclei", 8): "0ebcbc7b57756cac",
    ("nuclei", 16): "7410681837138279",
    ("cell_kinds", 8): "716a804be9b4c609",
    ("cell_kinds", 16): "83edfa02e5c0beac",
}


@pytest.mark.parametrize(("kind", "bit_depth"), RECORDED)
def test_frame_is_the_recorded_one(kind, bit_depth):
    """Holds on any machine: the final path has only IEEE-exact operations and fixed-point filters (exact.py).

    A changed drawing changes these digests too; then, and only then, record new ones.
    """
    assert digest(frame(kind, 11, 4, bit_depth=bit_depth))[:16] == RECORDED[kind, bit_depth]


def test_transmission_is_the_exponential():
    density = np.arange(LIMIT + 1) / UNIT
    assert np.abs(transmission_table() - 65535 * np.exp(-density)).max() <= 0.5001


def test_direction_is_cosine_and_sine():
    for turn in np.linspace(-1.3, 2.6, 97):
        cosine, sine = direction(float(turn))
        assert cosine == pytest.approx(math.cos(2 * math.pi * turn), abs=1e-12)
        assert sine == pytest.approx(math.sin(2 * math.pi * turn), abs=1e-12)


def test_draws_have_the_moments_they_promise():
    draws = Draws(9, 0, 0)
    bells = np.array([draws.bell(2.0, 0.5) for _ in range(4000)])
    assert bells.mean() == pytest.approx(2.0, abs=0.04)
    assert bells.std() == pytest.approx(0.5, abs=0.03)
    counts = np.array([draws.count(9.5) for _ in range(4000)])
    assert counts.mean() == pytest.approx(9.5, abs=0.15)
    picks = np.bincount([draws.pick([0.0, 3.0, 1.0]) for _ in range(4000)], minlength=3)
    assert picks[0] == 0
    assert picks[1] / 4000 == pytest.approx(0.75, abs=0.03)
