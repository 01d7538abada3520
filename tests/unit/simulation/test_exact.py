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

from hemoseg.simulation import smear
from hemoseg.simulation.exact import LIMIT, UNIT, Draws, direction, transmission_table

SMALL = {"height": 200, "width": 320, "diameter": 40.0, "margin": [10, 30], "cells": 8.0}


def digest(frame) -> str:
    parts = (frame.image, frame.instances.astype("<i4"), frame.classes)
    return hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in parts)).hexdigest()


def test_same_numbers_same_frame():
    assert digest(smear.simulate_frame(SMALL, seed=3, index=2)) == digest(smear.simulate_frame(SMALL, seed=3, index=2))


def test_other_numbers_other_frame():
    frames = {digest(smear.simulate_frame(SMALL, seed=s, index=i)) for s in (0, 1) for i in (0, 1)}
    assert len(frames) == 4


def test_order_and_threads_do_not_matter():
    alone = [digest(smear.simulate_frame(SMALL, seed=3, index=i)) for i in range(4)]
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda i: digest(smear.simulate_frame(SMALL, seed=3, index=i)), (3, 1, 0, 2)))
    finally:
        cv2.setNumThreads(before)
    assert together == [alone[i] for i in (3, 1, 0, 2)]


def test_number_of_frames_does_not_matter():
    few, many = SMALL | {"frames": 2}, SMALL | {"frames": 200}
    assert digest(smear.simulate_frame(few, seed=1, index=1)) == digest(smear.simulate_frame(many, seed=1, index=1))


def test_vector_instructions_do_not_matter():
    """On a processor without AVX and its like, as far as numpy and OpenCV can pretend one, the frame keeps its bits."""
    bare = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name]),
        "OPENCV_CPU_DISABLE": "SSE4.1,SSE4.2,AVX,FP16,AVX2,FMA3,AVX512-SKX,AVX512-ICL",
        "OPENCV_IPP": "disabled",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]),
    }
    code = "import test_exact as t; print(t.digest(t.smear.simulate_frame(t.SMALL, seed=3, index=0)))"
    run = [sys.executable, "-W", "ignore", "-c", code]
    other = subprocess.run(run, env=os.environ | bare, capture_output=True, text=True, check=True)
    assert other.stdout.split()[-1] == digest(smear.simulate_frame(SMALL, seed=3, index=0))


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_frame_is_the_recorded_one(bit_depth):
    """Holds on any machine: the final path has only IEEE-exact operations and fixed-point filters (exact.py).

    A changed drawing changes these digests too; then, and only then, record new ones.
    """
    frame = smear.simulate_frame(SMALL | {"bit_depth": bit_depth}, seed=11, index=4)
    assert digest(frame)[:16] == RECORDED[bit_depth]


RECORDED = {8: "d38164fb16f018c2", 16: "d0785ddac4bc05d2"}


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
