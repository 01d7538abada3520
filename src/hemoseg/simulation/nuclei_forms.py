"""One drawn nucleus: its outline as a mask, and the light that it gives.

Interphase nuclei are ellipses with a wavering outline, chromatin texture and dark nucleoli; mitotic ones are bright
plates or lumps of chromosomes; apoptotic ones have shrunk to a bright bead or fallen into a heap of beads.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hemoseg.simulation.cells import cell_coordinates, largest_part, smooth_field
from hemoseg.simulation.exact import Draws, blur, fixed
from hemoseg.simulation.shapes import ellipse, outline, star

EDGE = 0.16  # share of the radius over which the light rises; half of it is reached on the outline
LOBED = 0.11  # share of the interphase nuclei with dents between two or three lobes; ours
ROOM = 6  # px between the farthest outline and the patch's edge


@dataclass(frozen=True)
class Nucleus:
    """A nucleus on a patch of its own, its middle at the patch's middle.

    Attributes:
        mask: what lies within the outline, bool ``(P, P)``, one 4-connected component.
        light: what it gives, blurred as far as it lies out of focus, int32 ``(P + 2 rim, P + 2 rim)`` in fixed point.
        rim: px by which the light's patch is larger on each side.
    """

    mask: np.ndarray
    light: np.ndarray
    rim: int


def draw_nucleus(known: dict[str, Any], draws: Draws) -> Nucleus:
    """Draw one nucleus.

    Args:
        known: checked settings, see `nuclei_settings`.
        draws: where the individual comes from.
    """
    kind = draws.pick([known["mitotic"], known["apoptotic"], 1 - known["mitotic"] - known["apoptotic"]])
    radius = known["diameter"] / 2 * max(0.6, draws.bell(1.0, 0.14))
    spread = 1 + known["brightness"] * draws.bell(0, 0.5)
    strength, away = spread * spread, draws.between(0, 1)
    if kind == 0:
        rho, light = _mitotic(radius, known["texture"], draws)
    elif kind == 1:
        rho, light = _apoptotic(radius, draws)
    else:
        rho, light = _interphase(radius, known["texture"], draws)
        strength *= draws.between(0.28, 0.42) if draws.chance(known["dim"]) else 1.0
    sigma = known["blur"] * (1 + 1.1 * away * away)
    rim = int(3 * sigma + 1)
    padded = np.pad(fixed(light * strength), rim)
    return Nucleus(mask=largest_part(rho <= 1), light=blur(padded, sigma).astype(np.int32), rim=rim)


def coordinates(radius: float, draws: Draws, reach: float = 1.75) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along and across a random axis in radii, float64 ``(P, P)``, on a patch of ``reach`` radii."""
    return cell_coordinates(int(radius * reach) + ROOM, radius, draws)


def risen(rho: np.ndarray, edge: float) -> np.ndarray:
    """1 well inside, 0 outside, one half on the outline; a smooth step of width ``edge`` in ``rho``."""
    step = np.minimum(np.maximum((1 - rho) / edge + 0.5, 0), 1)
    return step * step * (3 - 2 * step)


def _interphase(radius: float, texture: float, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    u, v = coordinates(radius, draws)
    if draws.chance(LOBED):
        rho, half = _lobed(u, v, draws), 0.8
    else:
        aspect = min(max(draws.bell(1.48, 0.24), 1.02), 2.1)
        rho, half = star(u, v, aspect, draws.between(0.012, 0.036), 0, draws)
    dome = 1 - 0.22 * np.minimum(rho * rho, 1)
    rim = np.maximum(1 - np.abs(rho - 0.86) * 6, 0) * draws.between(0, 0.22)  # heterochromatin under the envelope
    body = risen(rho, EDGE / half) * (dome + rim) * _chromatin(rho.shape, radius, texture, draws)
    return rho, body * (1 - np.minimum(texture, 1.4) * _nucleoli(u, v, draws))


def _lobed(u: np.ndarray, v: np.ndarray, draws: Draws) -> np.ndarray:
    """``rho`` of two or three lobes that flow into each other: the fourth root of 1 / sum of 1 / rho^4."""
    total = np.zeros_like(u)
    for at in (-0.38, 0.38, 0.0)[: draws.whole(2, 3)]:
        x, y = at + draws.bell(0, 0.08), draws.bell(0, 0.22)
        size = draws.between(0.56, 0.76)
        square = ellipse(u - x, v - y, size * draws.between(1.0, 1.25), size)
        square = np.maximum(square * square, 1e-3)
        total = total + 1 / (square * square)
    return np.sqrt(np.sqrt(1 / total))


def _chromatin(shape: tuple[int, int], radius: float, texture: float, draws: Draws) -> np.ndarray:
    """Light of the chromatin around 1.0: lumps of two sizes."""
    fine = smooth_field(shape, max(1.6, radius / 8), draws) - 0.5
    coarse = smooth_field(shape, max(2.5, radius / 3), draws) - 0.5
    strong = texture * draws.between(0.5, 1.3)
    return np.maximum(1 + strong * (0.55 * fine + 0.40 * coarse), 0.1)


def _nucleoli(u: np.ndarray, v: np.ndarray, draws: Draws) -> np.ndarray:
    """Depth of one to four dark holes, 0 beside them."""
    holes = np.zeros_like(u)
    for _ in range(draws.whole(1, 4)):
        cosine, sine = draws.direction()
        away = 0.55 * float(np.sqrt(draws.between(0, 1)))
        size, depth = draws.between(0.13, 0.28), draws.between(0.15, 0.55)
        distance = ellipse(u - away * cosine, v - away * sine, size * draws.between(1.0, 1.4), size)
        bump = np.maximum(1 - distance * distance, 0)
        holes = np.maximum(holes, depth * np.minimum(2 * bump, 1))
    return holes


def _mitotic(radius: float, texture: float, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """A metaphase plate seen from its side, or a lump of chromosomes before it."""
    if draws.chance(0.6):
        u, v = coordinates(radius * draws.between(0.52, 0.68), draws, 2.2)
        rho, half = outline("elongated", u, v, draws)
    else:
        u, v = coordinates(radius * draws.between(0.66, 0.84), draws)
        rho, half = star(u, v, draws.between(1.05, 1.45), 0.07, 0, draws)
    lumps = smooth_field(rho.shape, max(1.6, radius / 6), draws) - 0.5
    body = risen(rho, EDGE / half) * np.maximum(1 + 1.1 * min(texture, 1.6) * lumps, 0.1)
    return rho, body * draws.between(1.7, 3.0)


def _apoptotic(radius: float, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """A shrunken bead, or a heap of beads of which each touches one before it."""
    u, v = coordinates(radius, draws)
    beads = [(0.0, 0.0, draws.between(0.36, 0.56))]
    if draws.chance(0.6):
        beads = [(0.0, 0.0, draws.between(0.22, 0.34))]
        for _ in range(draws.whole(3, 7)):
            x, y, size = beads[draws.whole(0, len(beads) - 1)]
            small, (cosine, sine) = draws.between(0.14, 0.32), draws.direction()
            away = 0.85 * (size + small)
            if abs(x + away * cosine) < 0.9 and abs(y + away * sine) < 0.9:
                beads.append((x + away * cosine, y + away * sine, small))
    rho, light = np.full(u.shape, 9.0), np.zeros(u.shape)
    for x, y, size in beads:
        own = ellipse(u - x, v - y, size * draws.between(1.0, 1.2), size)
        rho = np.minimum(rho, own)
        light = np.maximum(light, risen(own, 0.35) * draws.between(0.9, 2.6))
    return rho, light
