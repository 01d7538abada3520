"""What shines on a slide and is no nucleus: specks, debris and fibres; and nuclei far out of focus.

Each can be told from a nucleus: specks and debris are less than a third of one across, fibres are threads, and what
lies out of focus has no edge. None is in the truth, and no dirt lies on a nucleus.
"""

from typing import Any

import numpy as np

from hemoseg.simulation.cells import cell_coordinates
from hemoseg.simulation.exact import UNIT, Draws, blur, fixed
from hemoseg.simulation.nuclei_forms import coordinates, risen
from hemoseg.simulation.nuclei_settings import FIELD
from hemoseg.simulation.scene import TRIES, Scene
from hemoseg.simulation.shapes import ellipse, star

KINDS = {"specks": 0.42, "debris": 0.43, "fibre": 0.15}  # share of the dirt; ours
SEEN = UNIT // 50  # light from which on a pixel shows dirt


def add_dirt(light: np.ndarray, scene: Scene, known: dict[str, Any], draws: Draws) -> None:
    """Add dirt to the light, int32 ``(H, W)``, wherever no nucleus is; what finds no room is left out."""
    height, width = light.shape
    for _ in range(draws.count(known["dirt"] * height * width / FIELD)):
        patch = _draw(list(KINDS)[draws.pick(list(KINDS.values()))], known["diameter"], known["blur"], draws)
        for _ in range(TRIES):
            row = draws.whole(0, height - 1) - patch.shape[0] // 2
            column = draws.whole(0, width - 1) - patch.shape[1] // 2
            frame, inner = scene.window(patch.shape, row, column)
            if not scene.owner[frame][patch[inner] > SEEN].any():
                light[frame] += np.where(scene.owner[frame] == 0, patch[inner], 0)
                break


def add_far_nuclei(light: np.ndarray, scene: Scene, known: dict[str, Any], draws: Draws) -> None:
    """Add nuclei of other layers, so far out of focus that only broad pale spots are left."""
    height, width = light.shape
    for _ in range(draws.count(5.0 * known["haze"] * height * width / FIELD)):
        radius = known["diameter"] / 2 * draws.between(0.8, 1.5)
        u, v = coordinates(radius, draws, 3.2)
        rho, _ = star(u, v, draws.between(1.0, 1.7), 0.03, 0, draws)
        spot = fixed(risen(rho, 0.5) * draws.between(0.12, 0.42))
        patch = blur(spot, radius * draws.between(0.35, 0.7)).astype(np.int32)
        row = draws.whole(0, height - 1) - patch.shape[0] // 2
        column = draws.whole(0, width - 1) - patch.shape[1] // 2
        frame, inner = scene.window(patch.shape, row, column)
        light[frame] += patch[inner]


def _draw(kind: str, diameter: float, sharpest: float, draws: Draws) -> np.ndarray:
    """Light of one piece of dirt, int32 ``(P, P)``."""
    sigma = sharpest * draws.between(0.7, 1.6)
    light = {"specks": _specks, "debris": _debris, "fibre": _fibre}[kind](diameter / 2, draws)
    return blur(np.pad(fixed(light), int(3 * sigma + 1)), sigma).astype(np.int32)


def _specks(radius: float, draws: Draws) -> np.ndarray:
    """One to nine bright points, close together."""
    u, v = cell_coordinates(int(radius * 0.9) + 3, radius, draws)
    total = np.zeros_like(u)
    least = 0.8 / radius  # no point is smaller than a pixel
    for _ in range(1 if draws.chance(0.5) else draws.whole(3, 9)):
        x, y, size = draws.bell(0, 0.2), draws.bell(0, 0.2), max(least, draws.between(0.05, 0.12))
        distance = ellipse(u - x, v - y, size * draws.between(1.0, 1.4), size)
        total = np.maximum(total, np.maximum(1.4 - distance * distance, 0) * draws.between(0.6, 2.2))
    return total


def _debris(radius: float, draws: Draws) -> np.ndarray:
    """A scrap of irregular form."""
    small = max(1.2, radius * draws.between(0.12, 0.28))
    u, v = coordinates(small, draws)
    rho, _ = star(u, v, draws.between(1.0, 2.0), 0.12, 0, draws)
    return risen(rho, 0.6) * draws.between(0.3, 1.6)


def _fibre(radius: float, draws: Draws) -> np.ndarray:
    """A long, thin, slightly bent thread that fades towards its ends."""
    length = radius * draws.between(1.5, 4.0)
    u, v = cell_coordinates(int(length * 1.1), length, draws)
    bent = v - draws.bell(0, 0.16) * u * u
    width = max(0.7, radius * draws.between(0.04, 0.10)) / length
    across = np.maximum(1 - bent * bent / (width * width), 0)
    return across * np.minimum(np.maximum((0.95 - np.abs(u)) * 4, 0), 1) * draws.between(0.25, 1.1)
