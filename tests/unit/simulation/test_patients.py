"""Patients of simulated frames: all alike but for the hue of their stain, or each with traits of his own."""

import numpy as np

from hemoseg.simulation import optics, smear
from hemoseg.simulation.patients import DIAMETER, SHARE, patient_of
from hemoseg.simulation.settings import check

SMALL = {"height": 270, "width": 480, "diameter": 32.0, "margin": [15, 50], "cells": 12.0, "blur": 0.5, "patients": 3}


def traits(spread, seed=7, number=8):
    known = check(SMALL | {"patient_spread": spread})
    return known, [patient_of(known, optics.patient_stain(seed, n), seed, n) for n in range(number)]


def test_without_a_spread_nothing_changes():
    known, found = traits(0.0)
    assert all(settings == known for settings, _ in found)
    assert [stain for _, stain in found] == [optics.patient_stain(7, n) for n in range(8)]


def test_with_a_spread_every_patient_has_his_own_size_mix_and_stain():
    known, found = traits(1.0)
    diameters = [settings["diameter"] / known["diameter"] for settings, _ in found]
    assert len(set(diameters)) == 8
    assert max(abs(d - 1) for d in diameters) <= DIAMETER
    for settings, _ in found:
        factors = [settings["frequencies"][name] / share for name, share in known["frequencies"].items()]
        assert len(set(factors)) == len(factors)
        assert all(1 / (1 + SHARE) <= factor <= 1 + SHARE for factor in factors)
    assert len({stain.haemoglobin for _, stain in found}) == 8


def test_half_the_spread_is_half_as_far_from_the_others():
    (known, half), (_, whole) = traits(0.5), traits(1.0)
    for (near, _), (far, _) in zip(half, whole, strict=True):
        away = [settings["diameter"] - known["diameter"] for settings in (near, far)]
        assert np.isclose(2 * away[0], away[1])


def test_frames_of_a_patient_share_his_traits_and_depend_on_nothing_else():
    settings = SMALL | {"patient_spread": 1.0}
    one, again = (smear.simulate_frame(settings, seed=3, index=4) for _ in range(2))
    assert (one.image == again.image).all()
    assert (one.image != smear.simulate_frame(SMALL, seed=3, index=4).image).any()
    assert one.patient == "p01"
