"""What tells simulated patients apart besides the hue of their stain: sizes, mix of types, strength of the stain.

The ranges are ours; they are of the order of what blood tells of patients: mean cell volumes of 60 to 120 fL make
diameters of 0.87 to 1.1 of the mean, and the share of sickled cells varies severalfold.
"""

from dataclasses import replace
from typing import Any

from hemoseg.simulation.exact import Draws
from hemoseg.simulation.optics import Stain
from hemoseg.simulation.settings import MORPHOLOGIES

TRAIT_STREAM = 3
DIAMETER = 0.13  # most by which a patient's cells are larger or smaller, as a share
SHARE = 3.0  # most by which a type is commoner or rarer: a factor of 1 + SHARE
STRENGTH = 0.35  # most by which the stain is stronger or weaker, as a share
GROUND = 0.15  # most that film and lamp take from every pixel besides, optical density


def patient_of(known: dict[str, Any], stain: Stain, seed: int, patient: int) -> tuple[dict[str, Any], Stain]:
    """Settings and stain of one patient, who depends on nothing but the seed and his number.

    Args:
        known: checked settings; ``patient_spread`` 0 makes all patients alike but for the stain that is given.
        stain: the patient's own (`optics.patient_stain`).
        seed: of the data set.
        patient: 0, 1, ...
    """
    spread = known["patient_spread"]
    if spread == 0:
        return known, stain
    draws = Draws(TRAIT_STREAM, seed, patient)
    diameter = known["diameter"] * (1 + spread * draws.between(-DIAMETER, DIAMETER))
    frequencies = {}
    for name in MORPHOLOGIES:
        commoner, factor = draws.chance(0.5), 1 + spread * draws.between(0, SHARE)
        frequencies[name] = known["frequencies"][name] * factor if commoner else known["frequencies"][name] / factor
    strength = 1 + spread * draws.between(-STRENGTH, STRENGTH)
    dyes = {name: tuple(strength * value for value in getattr(stain, name)) for name in ("haemoglobin", "basophil")}
    ground = tuple(value + spread * draws.between(0, GROUND) for value in stain.ground)
    return known | {"diameter": diameter, "frequencies": frequencies}, replace(stain, **dyes, ground=ground)
