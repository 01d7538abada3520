"""Unstained macrophages that adhere: irregular round and granular, with a thin rim."""

from typing import Any

import numpy as np

from hemoseg.simulation.cells import cell_coordinates, largest_part, smooth_field
from hemoseg.simulation.exact import Draws, blur, fixed
from hemoseg.simulation.shapes import star
from hemoseg.simulation.unstained import MACROPHAGE, UnstainedCell, diameter_in, of_area


def draw_macrophage(known: dict[str, Any], draws: Draws) -> UnstainedCell:
    """Draw one macrophage.

    Args:
        known: checked settings, see `cell_kinds_settings`.
        draws: where the individual comes from.
    """
    pixel = known["pixel_size_um"]
    radius = diameter_in(known["macrophage_um"], draws) / 2 / pixel
    away = draws.between(0, 1)
    sigma = known["blur_um"] / pixel * (1 + 0.8 * away * away)
    u, v = cell_coordinates(int(radius * 1.6 + 3 * sigma + 3), radius, draws)
    rho = of_area(_outline(u, v, draws), radius)
    spread = draws.between(0.05, 0.30)  # share of the radius that is a thin flat skirt
    rise = np.minimum(np.maximum((1.0 - rho) / spread, 0), 1)
    body = rise * (2 - rise)
    dome = np.sqrt(np.maximum(1 - rho * rho, 0))
    inside = np.minimum(np.maximum((1.02 - rho) * 12, 0), 1)
    grain = smooth_field(rho.shape, max(1.6, 0.45 / pixel), draws) - 0.5
    lumps = smooth_field(rho.shape, max(2.5, 1.6 / pixel), draws) - 0.5
    path = inside * (0.22 + body * (0.5 * dome + 0.25 + 0.55 * grain + 0.4 * lumps))
    grey = inside * (0.02 + body * (0.06 + 0.10 * grain + 0.05 * lumps))
    return UnstainedCell(
        MACROPHAGE,
        largest_part(rho <= 1),
        blur(fixed(path), sigma).astype(np.int32),
        np.zeros(rho.shape, np.int32),
        blur(fixed(grey), sigma).astype(np.int32),
    )


def _outline(u: np.ndarray, v: np.ndarray, draws: Draws) -> np.ndarray:
    """``rho`` of an irregular round cell: a wavering ellipse with a few blunt pseudopods."""
    rho, _ = star(u, v, draws.between(1.0, 1.3), 0.075, 0, draws)
    distance = np.maximum(np.sqrt(u * u + v * v), 1e-9)
    cosine, sine = u / distance, v / distance
    reach = distance / np.maximum(rho, 1e-9)
    for _ in range(draws.whole(1, 5)):
        x, y = draws.direction()
        narrow = draws.between(4.0, 22.0)
        bump = np.maximum(1 - (1 - (cosine * x + sine * y)) * narrow, 0)
        reach = reach + bump * bump * draws.between(0.06, 0.24)
    return distance / reach
