"""Unstained red cells seen from above: biconcave discs, some of them crenated or cupped."""

from typing import Any

import numpy as np

from hemoseg.simulation.cells import cell_coordinates, largest_part
from hemoseg.simulation.exact import Draws, blur, fixed
from hemoseg.simulation.shapes import ellipse, star
from hemoseg.simulation.unstained import RBC, UnstainedCell, diameter_in, of_area

CUPPED = 0.12  # share of the others whose dimple is deep and off the middle; ours


def draw_red_disc(known: dict[str, Any], draws: Draws) -> UnstainedCell:
    """Draw one red cell.

    Its thickness is Evans and Fung's (1972, 10.1016/0026-2862(72)90069-6), sqrt(1 - r^2) (0.81 + 7.83 r^2 - 4.39 r^4)
    um for a disc of radius 1 and 3.91 um, divided by its largest value.

    Args:
        known: checked settings, see `cell_kinds_settings`.
        draws: where the individual comes from.
    """
    radius = diameter_in(known["rbc_um"], draws) / 2 / known["pixel_size_um"]
    away = draws.between(0, 1)  # how far out of focus
    sigma = known["blur_um"] / known["pixel_size_um"] * (1 + 1.2 * away * away)
    u, v = cell_coordinates(int(radius * 1.5 + 3 * sigma + 3), radius, draws)
    if draws.chance(known["crenated"]):
        rho, _ = star(u, v, draws.between(1.0, 1.12), 0.015, draws.whole(10, 15), draws)
        rho = of_area(rho, radius)
        thick = _sphere(rho) * draws.between(0.9, 1.15)
    else:
        rho, _ = star(u, v, min(max(draws.bell(1.07, 0.06), 1.0), 1.3), 0.014, 0, draws)
        rho = of_area(rho, radius)
        thick = _biconcave(rho, u, v, draws) * draws.between(0.85, 1.1)
    thickness = blur(fixed(thick), sigma).astype(np.int32)
    return UnstainedCell(RBC, largest_part(rho <= 1), thickness, thickness, np.zeros_like(thickness))


def _biconcave(rho: np.ndarray, u: np.ndarray, v: np.ndarray, draws: Draws) -> np.ndarray:
    cupped = draws.chance(CUPPED)
    square = np.minimum(rho * rho, 1)
    x, y = draws.bell(0, 0.14 if cupped else 0.04), draws.bell(0, 0.14 if cupped else 0.04)
    inner = ellipse(u - x, v - y, 1.0, 1.0)
    inner = np.minimum(inner * inner, 1)
    depth = 1.0 if cupped else draws.between(0.45, 1.0)
    full = np.sqrt(1 - square)
    dimpled = full * (0.81 + inner * (7.83 - 4.39 * inner)) / 2.58
    return depth * dimpled + (1 - depth) * full * 0.9


def _sphere(rho: np.ndarray) -> np.ndarray:
    return np.sqrt(1 - np.minimum(rho * rho, 1)) * 1.1
