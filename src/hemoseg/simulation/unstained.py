"""One drawn unstained cell, and how its size is held to the micrometre."""

from dataclasses import dataclass

import numpy as np

from hemoseg.simulation.exact import Draws

RBC, MACROPHAGE = 1, 2  # positions in `cell_kinds.CLASS_NAMES` plus one
SPREAD = 0.14  # of sizes, as a share of their range; a bell ends at 3.5 of it, just within


@dataclass(frozen=True)
class UnstainedCell:
    """A cell on a patch of its own, its middle at the patch's middle.

    Attributes:
        number: class, `RBC` or `MACROPHAGE`.
        mask: what lies within the outline, bool ``(P, P)``, one 4-connected component.
        path: optical path, int32 ``(P, P)`` in fixed point; 1.0 is that of a red cell's thickest place.
        haemoglobin: thickness in the same unit.
        grey: optical density that all colours share.
    """

    number: int
    mask: np.ndarray
    path: np.ndarray
    haemoglobin: np.ndarray
    grey: np.ndarray


def diameter_in(sizes: tuple[float, float], draws: Draws) -> float:
    """A diameter between the least and the most of ``sizes``, bell-shaped around their middle."""
    return sizes[0] + (sizes[1] - sizes[0]) * draws.bell(0.5, SPREAD)


def of_area(rho: np.ndarray, radius: float) -> np.ndarray:
    """``rho`` of the same form (see `shapes`) whose area within 1 is that of a disc of ``radius`` px."""
    wanted = 3.141592653589793 * radius * radius
    return rho * float(np.sqrt(max(int(np.count_nonzero(rho <= 1)), 1) / wanted))
