"""Simulated patients, their fields, and a noisy detector: numbers only, in another form than the intervals assume.

Rates vary by a normal deviate of their logits, common to all and of their own, between patients and between fields;
the mix of classes varies between fields by a Dirichlet, the number of cells by a gamma distribution.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit

CLASSES = ["disc", "sickle", "other"]
MISSED = np.array([0.04, 0.10, 0.08])
CONFUSED = np.array([[0.0, 0.03, 0.01], [0.12, 0.0, 0.04], [0.05, 0.05, 0.0]])  # true by predicted class
PIECES, MADE_UP = np.array([0.005, 0.005, 0.0]), np.array([0.5, 0.3, 0.2])  # per true cell, and per field
OWN = 0.7  # share of a deviation's variance that is a rate's own, the rest is common to all


@dataclass(frozen=True)
class World:
    """What patients, fields and detector are like.

    Attributes:
        mix: mean shares of the classes.
        between: sd of the detector's deviations between patients, on the logit.
        within: between the fields of a patient.
        alike: the higher, the more alike the mixes of patients are (Dirichlet).
        cells: mean number in a field.
        dense: squared coefficient of variation of cells between fields.
        clustered: correlation of the classes of two cells of a field.
        crowding: by how much the logit of a miss rises with the logarithm of cells over their mean.
        harder: added to the logits of misses and confusions: another microscope than the evidence's.
        alike_classes: added to the logit of taking an ``other`` cell for a disc.
    """

    mix: tuple[float, ...] = (0.80, 0.14, 0.06)
    between: float = 0.3
    within: float = 0.3
    alike: float = 12.0
    cells: float = 30.0
    dense: float = 0.15
    clustered: float = 0.03
    crowding: float = 0.0
    harder: float = 0.0
    alike_classes: float = 0.0

    def other(self, **changes: object) -> "World":
        return replace(self, **changes)


@dataclass(frozen=True)
class Patient:
    """Shares of the classes, mean cells of a field, and the logits of the patient's own rates."""

    world: World
    shares: np.ndarray
    cells: float
    missed: np.ndarray
    confused: np.ndarray
    made_up: np.ndarray


def patient(rng: np.random.Generator, world: World) -> Patient:
    common, own = rng.normal(size=3), [rng.normal(size=shape) for shape in (3, (3, 3), 3)]
    missed, confused, made_up = (
        world.between * (np.sqrt(1 - OWN) * c + np.sqrt(OWN) * o) for c, o in zip(common, own, strict=True)
    )
    safe = np.where(CONFUSED > 0, CONFUSED, 0.5)
    alike = world.alike_classes * np.eye(3)[2][:, None] * np.eye(3)[0]
    return Patient(
        world,
        rng.dirichlet(np.array(world.mix) * world.alike),
        world.cells * rng.lognormal(-0.045, 0.3),
        logit(MISSED) + missed + world.harder,
        np.where(CONFUSED > 0, logit(safe) + confused + world.harder + alike, -np.inf),
        MADE_UP * np.exp(made_up),
    )


def field(rng: np.random.Generator, who: Patient, number: int = 0, group: int = 0) -> dict:
    """A frame as the evidence has them, with the truth that the counts never see."""
    world = who.world
    cells = rng.poisson(who.cells * (rng.gamma(1 / world.dense, world.dense) if world.dense else 1))
    shares = who.shares
    if world.clustered:
        shares = rng.dirichlet(np.maximum(shares * (1 / world.clustered - 1), 1e-6))
    truth = rng.multinomial(cells, shares)
    crowded = world.crowding * np.log(max(cells, 1) / world.cells)
    missed = expit(who.missed + world.within * rng.normal() + crowded)
    confused = expit(who.confused + world.within * rng.normal())
    found = np.zeros((3, 3), int)
    for k in range(3):
        chances = np.append(confused[k], missed[k])
        chances[k] = max(1 - chances.sum(), 0.02)
        found[k] = rng.multinomial(truth[k], chances / chances.sum())[:3]
    return {
        "group": group, "frame": number, "pixels": 1.0, "truth": truth, "found": found,
        "pieces": rng.poisson(cells * PIECES), "made_up": rng.poisson(who.made_up),
    }  # fmt: skip


def evidence(rng: np.random.Generator, world: World, patients: int, frames: int, *, grouped: bool = True) -> dict:
    """A section ``errors``."""
    told = [
        field(rng, who, group * frames + number, group)
        for group, who in enumerate(patient(rng, world) for _ in range(patients))
        for number in range(frames)
    ]
    return {"format": 1, "classes": CLASSES, "min_area": 0.0, "grouped": grouped, "frames": told}


def predicted(frame: dict) -> np.ndarray:
    """Cells of each class that the detector shows of a frame."""
    return frame["found"].sum(axis=0) + frame["pieces"] + frame["made_up"]
