"""Unstained macrophages that adhere: irregular round and granular, with a nucleus, clear vacuoles and a thin rim."""

from typing import Any

import numpy as np

from hemoseg.simulation.cells import cell_coordinates, largest_part, smooth_field
from hemoseg.simulation.exact import Draws, blur, fixed
from hemoseg.simulation.shapes import ellipse, star
from hemoseg.simulation.unstained import MACROPHAGE, UnstainedCell, diameter_in, of_area

# Ours, all of it: shares of the radius, and sizes in um as cell biology gives them.
SKIRT = (0.06, 0.34)  # breadth of the flat rim by which the cell adheres
NUCLEUS = (0.36, 0.50)
GRANULES, GRANULE_UM = (25, 70), (0.25, 0.60)  # number, radius
VACUOLES, VACUOLE_UM = (2, 14), (0.45, 1.30)


def draw_macrophage(known: dict[str, Any], draws: Draws) -> UnstainedCell:
    """Draw one macrophage.

    Args:
        known: checked settings, see `cell_kinds_settings`.
        draws: where the individual comes from.
    """
    pixel = known["pixel_size_um"]
    radius = diameter_in(known["macrophage_um"], draws) / 2 / pixel
    away = draws.between(0, 1)  # how far out of focus
    sigma = known["blur_um"] / pixel * (1 + 0.8 * away * away)
    u, v = cell_coordinates(int(radius * 1.6 + 3 * sigma + 3), radius, draws)
    rho = of_area(_outline(u, v, draws), radius)
    rise = np.minimum(np.maximum((1 - rho) / draws.between(*SKIRT), 0), 1)
    body = rise * rise * (3 - 2 * rise)
    thin = np.minimum(np.maximum((1.01 - rho) * radius * 0.8, 0), 1)  # the edge of the skirt, a pixel or two
    nucleus, nucleoli = _nucleus(u, v, draws)
    lumps = _lumps(rho.shape, radius, pixel, draws) * (1 - 0.85 * nucleus)
    thick = 0.30 + 0.45 * np.sqrt(np.maximum(1 - rho * rho, 0)) + 0.18 * nucleus + 0.35 * nucleoli
    path = thin * draws.between(0.10, 0.24) + body * np.maximum(thick + draws.between(0.7, 1.2) * lumps, 0.05)
    grey = thin * 0.012 + body * draws.between(0.4, 1.4) * np.maximum(0.10 + 0.09 * lumps + 0.05 * nucleoli, 0)
    path, grey = (blur(fixed(plane), sigma).astype(np.int32) for plane in (path, grey))
    return UnstainedCell(MACROPHAGE, largest_part(rho <= 1), path, np.zeros_like(path), grey)


def _outline(u: np.ndarray, v: np.ndarray, draws: Draws) -> np.ndarray:
    """``rho`` of an irregular round cell: a wavering ellipse with a few blunt pseudopods."""
    rho, _ = star(u, v, draws.between(1.0, 1.3), 0.06, 0, draws)
    distance = np.maximum(np.sqrt(u * u + v * v), 1e-9)
    cosine, sine = u / distance, v / distance
    reach = distance / np.maximum(rho, 1e-9)
    for _ in range(draws.whole(0, 5)):
        x, y = draws.direction()
        narrow = draws.between(4.0, 24.0)
        bump = np.maximum(1 - (1 - (cosine * x + sine * y)) * narrow, 0)
        reach = reach + bump * bump * draws.between(0.05, 0.24)
    return distance / reach


def _nucleus(u: np.ndarray, v: np.ndarray, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Where the nucleus is, off the middle and often dented like a kidney, and its one to three nucleoli."""
    x, y = draws.bell(0, 0.16), draws.bell(0, 0.16)
    cosine, sine = draws.direction()
    along, across = (u - x) * cosine + (v - y) * sine, (v - y) * cosine - (u - x) * sine
    size, long = draws.between(*NUCLEUS), draws.between(1.0, 1.3)
    bent = across - draws.between(0, 0.5) / size * along * along
    distance = ellipse(along, bent, size * long, size / long)
    nucleoli = np.zeros_like(u)
    for _ in range(draws.whole(1, 3)):
        a, b = draws.bell(0, 0.3) * size, draws.bell(0, 0.2) * size
        own = ellipse(along - a, bent - b, 0.09, 0.09)
        nucleoli = np.maximum(nucleoli, np.maximum(1 - own * own, 0))
    return np.minimum(np.maximum((1 - distance) * 5, 0), 1), nucleoli


def _lumps(shape: tuple[int, int], radius: float, pixel: float, draws: Draws) -> np.ndarray:
    """Path of what lies in the cytoplasm less its mean: fine texture, dense granules above 0, clear vacuoles below."""
    lumps = 0.5 * (smooth_field(shape, max(1.6, 0.5 / pixel), draws) - 0.5)
    lumps += 0.4 * (smooth_field(shape, max(2.5, 1.8 / pixel), draws) - 0.5)
    for count, sizes, sign in ((GRANULES, GRANULE_UM, 1), (VACUOLES, VACUOLE_UM, -1)):
        for _ in range(draws.whole(*count)):
            cosine, sine = draws.direction()
            away = 0.88 * radius * float(np.sqrt(draws.between(0, 1)))
            size = min(max(draws.between(*sizes) / pixel, 0.7), 0.3 * radius)
            _add_spot(lumps, away * cosine, away * sine, size, sign * draws.between(0.3, 0.9))
    return lumps


def _add_spot(plane: np.ndarray, x: float, y: float, radius: float, height: float) -> None:
    """Add a round bump of ``radius`` px at (x, y) px from the middle of ``plane``."""
    middle, reach = plane.shape[0] // 2, int(1.5 * radius) + 1
    row, column = middle + int(y), middle + int(x)
    at = np.arange(-reach, reach + 1, dtype=np.float64) / radius
    square = (at * at)[:, None] + (at * at)[None, :]
    bump = np.minimum(np.maximum(1.4 - square, 0), 1) * height
    plane[row - reach : row + reach + 1, column - reach : column + reach + 1] += bump
