"""What lies on a slide and is no cell: platelets, precipitate, dust, fibres, drying rings, ghosts and smudges.

Each kind can be told from a cell by size, texture, edge or colour; none is in the truth. Platelets, ghosts, rings and
smudges keep away from the cells; precipitate and dust may lie on them.
"""

from dataclasses import dataclass

import numpy as np

from hemoseg.simulation.cells import cell_coordinates, smooth_field
from hemoseg.simulation.exact import Draws, blur, fixed
from hemoseg.simulation.optics import Stain
from hemoseg.simulation.shapes import ellipse, outline

KINDS = {  # share of the artefacts
    "platelet": 0.38,
    "platelet_clump": 0.08,
    "precipitate": 0.15,
    "dust": 0.13,
    "fibre": 0.03,
    "ring": 0.09,
    "ghost": 0.09,
    "smudge": 0.05,
}
OVER_CELLS = ("precipitate", "dust")


@dataclass(frozen=True)
class Artefact:
    """An artefact on a patch of its own.

    Attributes:
        amount: thickness, int32 ``(P, P)`` in fixed point; negative where light is gathered.
        colour: optical density of thickness 1.0 per channel.
    """

    amount: np.ndarray
    colour: tuple[float, ...]


def draw_artefact(kind: str, diameter: float, sharpest: float, stain: Stain, draws: Draws) -> Artefact:
    """Draw one artefact of ``kind``, sizes in proportion to a discocyte's ``diameter`` (px)."""
    radius = diameter / 2
    sigma = sharpest * draws.between(1.0, 2.2)
    if kind == "platelet":
        return Artefact(_signed(_platelet(radius * draws.between(0.17, 0.34), sigma, draws), sigma), stain.platelet)
    if kind == "platelet_clump":
        return Artefact(_signed(_clump(radius, sigma, draws), sigma), stain.platelet)
    if kind == "precipitate":
        return Artefact(
            _signed(_precipitate(radius * draws.between(0.5, 1.3), radius, draws), sharpest), stain.platelet
        )
    if kind == "dust":
        amount = _speck(radius * draws.between(0.05, 0.16), sigma * 1.5, draws)
        return Artefact(_signed(amount * draws.between(0.6, 1.6), sigma), stain.neutral)
    if kind == "fibre":
        return Artefact(_signed(_fibre(radius, draws), sigma * 2), stain.neutral)
    if kind == "ring":
        return Artefact(_ring(radius * draws.between(0.35, 1.1), sigma, draws), stain.neutral)
    if kind == "ghost":
        return Artefact(_signed(_ghost(radius * draws.between(0.8, 1.1), draws), sigma * 2.5), stain.haemoglobin)
    return Artefact(_signed(_smudge(radius * draws.between(0.9, 1.7), draws), radius * 0.12), stain.platelet)


def _signed(values: np.ndarray, sigma: float) -> np.ndarray:
    return blur(fixed(values), sigma).astype(np.int32)


def _platelet(radius: float, sigma: float, draws: Draws) -> np.ndarray:
    u, v = cell_coordinates(int(radius * 1.7 + 3 * sigma + 2), radius, draws)
    rho, _ = outline("granular", u, v, draws)
    grain = smooth_field(u.shape, max(2.0, radius / 2.5), draws)
    body = np.minimum(np.maximum((1 - rho) * 2.2, 0), 1)
    return body * (0.35 + 0.9 * grain * grain) * draws.between(0.6, 1.1)


def _clump(radius: float, sigma: float, draws: Draws) -> np.ndarray:
    reach = int(radius * 1.3 + 3 * sigma + 2)
    total = np.zeros((2 * reach + 1, 2 * reach + 1))
    for _ in range(draws.whole(4, 8)):
        part = _platelet(radius * draws.between(0.16, 0.26), sigma, draws)
        cosine, sine = draws.direction()
        away = radius * 0.62 * draws.between(0, 1)
        row = reach + int(away * sine) - part.shape[0] // 2
        column = reach + int(away * cosine) - part.shape[1] // 2
        box = total[max(row, 0) : row + part.shape[0], max(column, 0) : column + part.shape[1]]
        np.maximum(box, part[max(-row, 0) :, max(-column, 0) :][: box.shape[0], : box.shape[1]], out=box)
    return total


def _precipitate(spread: float, radius: float, draws: Draws) -> np.ndarray:
    """Many small sharp grains of uneven size, dense in the middle."""
    reach = int(spread * 1.2 + 4)
    at = np.arange(2 * reach + 1, dtype=np.float64) - reach
    total = np.zeros((2 * reach + 1, 2 * reach + 1))
    for _ in range(draws.whole(18, 60)):
        x, y = draws.bell(0, spread / 3), draws.bell(0, spread / 3)
        size = max(0.8, radius * draws.between(0.015, 0.06))
        rows = slice(max(0, reach + int(y - size) - 1), reach + int(y + size) + 2)
        columns = slice(max(0, reach + int(x - size) - 1), reach + int(x + size) + 2)
        a, b = (at[rows][:, None] - y) / size, (at[columns][None, :] - x) / size
        grain = np.maximum(1.3 - a * a - b * b, 0) * 1.2
        np.maximum(total[rows, columns], np.minimum(grain, 1.3), out=total[rows, columns])
    return total


def _speck(radius: float, sigma: float, draws: Draws) -> np.ndarray:
    radius = max(radius, 1.0)
    u, v = cell_coordinates(int(radius * 2 + 3 * sigma + 2), radius, draws)
    rho = ellipse(u, v, 1.0, draws.between(0.5, 1.0)) + 0.4 * (smooth_field(u.shape, max(2.0, radius), draws) - 0.5)
    return np.minimum(np.maximum((1 - rho) * 3, 0), 1)


def _fibre(radius: float, draws: Draws) -> np.ndarray:
    """A long thin slightly bent thread, out of focus."""
    length = radius * draws.between(2.5, 4.5)
    u, v = cell_coordinates(int(length * 1.05), length, draws)
    bent = v - draws.bell(0, 0.12) * u * u
    width = draws.between(0.018, 0.04)
    across = 1 - bent * bent / (width * width)
    return np.minimum(np.maximum(across, 0), 1) * (np.abs(u) < 0.92) * draws.between(0.35, 0.9)


def _ring(radius: float, sigma: float, draws: Draws) -> np.ndarray:
    """A drying ring or bubble: a bright disc with a thin dark wall, without stain."""
    u, v = cell_coordinates(int(radius * 1.4 + 3 * sigma + 3), radius, draws)
    rho = ellipse(u, v, 1.0, draws.between(0.8, 1.0))
    wall = np.maximum(1 - np.abs(rho - 1) * draws.between(9, 14), 0) * draws.between(0.25, 0.6)
    inner = np.minimum(np.maximum((1 - rho) * 6, 0), 1) * draws.between(0.04, 0.12)
    return _signed(wall, sigma) - _signed(inner, sigma)


def _ghost(radius: float, draws: Draws) -> np.ndarray:
    """The faint shell of a burst cell: a trace of haemoglobin without rim or pallor, frayed."""
    u, v = cell_coordinates(int(radius * 1.6 + 8), radius, draws)
    rho, _ = outline("granular", u, v, draws)
    frayed = rho + 0.5 * (smooth_field(u.shape, max(3.0, radius / 3), draws) - 0.5)
    return np.minimum(np.maximum((1 - frayed) * 2.5, 0), 1) * draws.between(0.10, 0.20)


def _smudge(radius: float, draws: Draws) -> np.ndarray:
    """A crushed cell: a wide streaky stain, as dark as a cell, with no edge."""
    u, v = cell_coordinates(int(radius * 1.7), radius, draws)
    rho = ellipse(u, v, 1.3, draws.between(0.5, 0.8))
    cloud = smooth_field(u.shape, max(4.0, radius / 4), draws)
    fall = np.maximum(1 - rho, 0)
    return np.minimum(fall * 1.6, 1) * (0.15 + 1.0 * cloud * cloud) * draws.between(0.5, 0.95)
