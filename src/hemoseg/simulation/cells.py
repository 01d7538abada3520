"""One drawn cell: its outline as a mask and what it absorbs."""

from dataclasses import dataclass

import cv2
import numpy as np

from hemoseg.simulation.exact import Draws, blur, fixed
from hemoseg.simulation.shapes import outline
from hemoseg.simulation.textures import fill

SIZES = {  # diameter in discocyte diameters
    "discocyte": 1.0,
    "oval": 0.98,
    "reticulocyte": 1.12,
    "elongated": 0.95,
    "stomatocyte": 1.0,
    "echinocyte": 0.93,
    "granular": 1.03,
    "sickle": 1.0,
}


@dataclass(frozen=True)
class Cell:
    """A cell on a patch of its own, middle at the patch's middle.

    Attributes:
        morphology: 1..8, position in `settings.MORPHOLOGIES` plus one.
        mask: what lies within the outline, bool ``(P, P)``, one 4-connected component.
        haemoglobin: thickness with defocus fringes, int32 ``(P, P)`` in fixed point.
        basophil: blue stain, int32 ``(P, P)``.
        relief: what phase contrast would show: thickness less its surroundings, int32 ``(P, P)``.
    """

    morphology: int
    mask: np.ndarray
    haemoglobin: np.ndarray
    basophil: np.ndarray
    relief: np.ndarray


def draw_cell(morphology: int, name: str, diameter: float, sharpest: float, draws: Draws) -> Cell:
    """Draw one cell of its morphology.

    Args:
        morphology: 1..8.
        name: its name in `settings.MORPHOLOGIES`.
        diameter: of a discocyte, px.
        sharpest: sigma of the blur in focus, px.
        draws: where the individual comes from.
    """
    radius = diameter / 2 * SIZES[name] * draws.bell(1.0, 0.06)
    away = draws.between(0, 1)  # how far out of focus
    sigma = sharpest * (1 + 1.6 * away * away)
    fringe = draws.between(0.05, 0.40) * away
    reach = int(radius * 1.72 + 3 * sigma + 3)
    u, v = cell_coordinates(reach, radius, draws)
    rho, half = outline(name, u, v, draws)
    hb, basophil = fill(name, rho, u, v, half, draws)
    mottle = 1 + 0.06 * (smooth_field(rho.shape, max(3.0, radius / 6), draws) - 0.5)
    near = blur(fixed(hb * mottle), sigma).astype(np.int32)
    # The surroundings at half the resolution: a wide blur is costly and holds no detail.
    small = blur(near[::2, ::2].astype(np.uint16), (2.5 * sigma + 0.035 * radius) / 2)
    far = cv2.resize(small, near.shape[::-1], interpolation=cv2.INTER_LINEAR_EXACT).astype(np.int32)
    relief = near - far
    return Cell(
        morphology=morphology,
        mask=largest_part(rho <= 1),
        haemoglobin=near + (relief * int(fringe * 256) >> 8),
        basophil=blur(fixed(basophil), sigma).astype(np.int32),
        relief=relief,
    )


def cell_coordinates(reach: int, radius: float, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along and across a randomly turned axis, in radii, float64 ``(2 reach + 1, 2 reach + 1)``."""
    cosine, sine = draws.direction()
    at = np.arange(-reach, reach + 1, dtype=np.float64)
    y = ((at + draws.between(-0.5, 0.5)) / radius)[:, None]
    x = ((at + draws.between(-0.5, 0.5)) / radius)[None, :]
    mirror = 1 if draws.chance(0.5) else -1
    return x * cosine + y * sine, mirror * (y * cosine - x * sine)


def smooth_field(shape: tuple[int, int], grain: float, draws: Draws) -> np.ndarray:
    """Slow random variation in [0, 1], float64 ``shape``; ``grain`` px between independent values."""
    rows, columns = (max(2, int(length / grain) + 1) for length in shape)
    small = np.rint(draws.grid(rows, columns) * 60000).astype(np.uint16)
    large = cv2.resize(small, shape[::-1], interpolation=cv2.INTER_LINEAR_EXACT)
    return large.astype(np.float64) / 60000


def largest_part(mask: np.ndarray) -> np.ndarray:
    """The largest 4-connected component of a bool mask."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    if count <= 2:
        return mask
    return parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))


def connected(mask: np.ndarray) -> bool:
    """Whether a bool mask is exactly one 4-connected component."""
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] == 2
