"""Unstained red cells seen from above: biconcave discs, some of them crenated or cupped."""

from typing import Any

import numpy as np

from hemoseg.simulation.cells import cell_coordinates, largest_part, smooth_field
from hemoseg.simulation.exact import Draws, blur, fixed
from hemoseg.simulation.shapes import ellipse, star
from hemoseg.simulation.unstained import RBC, UnstainedCell, diameter_in, of_area

HEIGHT = (0.2, 1.4)  # how far above or below the focus: refraction shows in proportion; ours
PALER, PALE = 0.3, (0.3, 0.8)  # share of the cells with less haemoglobin, and how much is left; ours
CUPPED = 0.12  # share of the others whose dimple is deep and off the middle; ours


def draw_red_disc(known: dict[str, Any], draws: Draws) -> UnstainedCell:
    """Draw one red cell.

    The thickness of a biconcave disc at r of its radius is Evans and Fung's (1972, 10.1016/0026-2862(72)90069-6):
    sqrt(1 - r^2) (0.81 + 7.83 r^2 - 4.39 r^4) um, here as a share of the largest, 2.57 um.

    Args:
        known: checked settings, see `cell_kinds_settings`.
        draws: where the individual comes from.
    """
    radius = diameter_in(known["rbc_um"], draws) / 2 / known["pixel_size_um"]
    away = draws.between(0, 1)  # how far out of focus
    sigma = known["blur_um"] / known["pixel_size_um"] * (1 + 1.2 * away * away)
    u, v = cell_coordinates(int(radius * 1.5 + 3 * sigma + 3), radius, draws)
    if draws.chance(known["crenated"]):
        rho = of_area(_crenated(u, v, draws), radius)
        knobs = smooth_field(rho.shape, max(1.6, radius / 4), draws) - 0.5
        thick = np.sqrt(1 - np.minimum(rho * rho, 1)) * (1.1 + 0.5 * knobs) * draws.between(0.8, 1.1)
    else:
        rho, _ = star(u, v, min(max(draws.bell(1.07, 0.06), 1.0), 1.3), 0.014, 0, draws)
        rho = of_area(rho, radius)
        thick = _biconcave(rho, u, v, draws) * draws.between(0.85, 1.1)
    thickness = blur(fixed(thick), sigma).astype(np.int32)
    path = thickness * int(draws.between(*HEIGHT) * 4096) >> 12
    pale = draws.between(*PALE) if draws.chance(PALER) else 1.0
    return UnstainedCell(
        RBC, largest_part(rho <= 1), path, thickness * int(pale * 4096) >> 12, np.zeros_like(thickness)
    )


def _biconcave(rho: np.ndarray, u: np.ndarray, v: np.ndarray, draws: Draws) -> np.ndarray:
    """Thickness of a disc whose dimple may be shallow, or deep and off the middle."""
    cupped = draws.chance(CUPPED)
    square = np.minimum(rho * rho, 1)
    x, y = draws.bell(0, 0.14 if cupped else 0.04), draws.bell(0, 0.14 if cupped else 0.04)
    inner = ellipse(u - x, v - y, 1.0, 1.0)
    inner = np.minimum(inner * inner, 1)
    depth = 1.0 if cupped else draws.between(0.45, 1.0)
    full = np.sqrt(1 - square)
    dimpled = full * (0.81 + inner * (7.83 - 4.39 * inner)) / 2.57
    return depth * dimpled + (1 - depth) * full * 0.9


def _crenated(u: np.ndarray, v: np.ndarray, draws: Draws) -> np.ndarray:
    """``rho`` of a round cell with 10 to 15 blunt projections, which stand out half as far as an echinocyte's."""
    rho, _ = star(u, v, draws.between(1.0, 1.12), 0.015, draws.whole(10, 15), draws)
    distance = np.sqrt(u * u + v * v)
    return distance / (0.5 + 0.5 * distance / np.maximum(rho, 1e-9))
