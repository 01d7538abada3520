"""What fills an outline: haemoglobin (pink) and basophilic stain (blue) per position.

Both are thicknesses: 1.0 is the middle of a well-filled discocyte's rim. The two colours are mixed in `optics`.
"""

import numpy as np

from hemoseg.simulation.exact import Draws
from hemoseg.simulation.shapes import ellipse

PALE = 0.12  # share of the discocytes, ovals, stomatocytes and granular cells with little haemoglobin


def fill(morphology: str, rho, u, v, half: float, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """Haemoglobin and basophilic stain of one cell, float64 ``(P, P)`` each, 0 outside the outline.

    Args:
        morphology: one of `settings.MORPHOLOGIES`.
        rho: from `shapes.outline`.
        u: coordinate along the long axis, in cell radii.
        v: coordinate across it.
        half: the cell's half width, in cell radii.
        draws: where the individual texture comes from.
    """
    # The edge rises like a rounded rim within a seventh of a radius.
    rise = np.minimum(np.maximum((1.02 - rho) * half / 0.15, 0), 1)
    body = np.sqrt(rise * (2 - rise))
    hb = body * (0.88 + 0.12 * np.minimum(rho * rho, 1))
    basophil = np.zeros_like(hb)
    strength = draws.between(0.58, 0.74) if draws.chance(PALE) else draws.between(0.75, 1.12)

    if morphology == "discocyte":
        hb = hb * (1 - _pallor(u, v, draws.between(0.55, 0.86), draws.between(0.5, 0.98), 1.05, draws))
    elif morphology == "oval":
        hb = hb * (1 - _pallor(u, v, draws.between(0.42, 0.62), draws.between(0.25, 0.85), 1.7, draws))
    elif morphology == "reticulocyte":
        strength = draws.between(0.75, 0.95)
        hb = hb * (1 - _pallor(u, v, 0.5, draws.between(0.0, 0.2), 1.0, draws))
        basophil = body * (0.16 + 0.85 * _reticulum(u, v, draws))
    elif morphology == "elongated":
        strength = draws.between(0.85, 1.25)
        hb = hb * (1 - _pallor(u, v, draws.between(0.28, 0.36), draws.between(0.0, 0.45), 2.6, draws))
    elif morphology == "stomatocyte":
        hb = hb * (1 - _mouth(u, v, draws))
    elif morphology == "echinocyte":
        strength = draws.between(0.9, 1.2)
        hb = hb * (1 + 0.55 * _dots(u, v, draws, draws.whole(7, 11), 0.62, (0.07, 0.10)))
        hb = hb * (1 - 0.28 * _dots(u, v, draws, draws.whole(9, 13), 0.70, (0.10, 0.15)))
    elif morphology == "granular":
        hb = hb * (1 - _pallor(u, v, 0.6, draws.between(0.1, 0.45), 1.0, draws))
        basophil = body * 1.25 * _dots(u, v, draws, draws.whole(36, 64), 0.86, (0.026, 0.058))
    elif morphology == "sickle":
        strength = draws.between(1.0, 1.4)
    inside = rho <= 1.02
    return hb * strength * inside, basophil * inside


def _bump(square: np.ndarray) -> np.ndarray:
    """1 at 0, smoothly 0 from 1 on; ``square`` is a squared distance."""
    left = np.maximum(1 - square, 0)
    return left * left


def _pallor(u, v, width: float, depth: float, aspect: float, draws: Draws) -> np.ndarray:
    """The pale centre of a biconcave disc: flat within, then a soft slope."""
    root = np.sqrt(aspect)
    distance = ellipse(u - draws.bell(0, 0.05), v - draws.bell(0, 0.04), width * root, width / root)
    return depth * np.minimum(1.35 * _bump(distance * distance), 1)


def _mouth(u, v, draws: Draws) -> np.ndarray:
    """The slit of a stomatocyte: long, narrow, slightly curved, with a sharp edge."""
    bent = v - draws.bell(0, 0.12) * (u * u - 0.2) - draws.bell(0, 0.05)
    distance = ellipse(u, bent, draws.between(0.56, 0.70), draws.between(0.13, 0.20))
    return draws.between(0.85, 1.0) * np.minimum(2.2 * _bump(distance * distance), 1)


def _dots(u, v, draws: Draws, count: int, reach: float, sizes: tuple[float, float]) -> np.ndarray:
    """Round dots scattered over the inner ``reach`` of the cell; 1.0 in their middles."""
    total = np.zeros_like(u)
    for _ in range(count):
        cosine, sine = draws.direction()
        distance = reach * float(np.sqrt(draws.between(0, 1)))
        size = draws.between(*sizes)
        total = np.maximum(total, _spot(u, v, distance * cosine, distance * sine, size))
    return total


def _spot(u, v, x: float, y: float, size: float) -> np.ndarray:
    a, b = (u - x) / (1.6 * size), (v - y) / (1.6 * size)
    return _bump(a * a + b * b)


def _reticulum(u, v, draws: Draws) -> np.ndarray:
    """The net of a reticulocyte: a few winding beaded threads around the middle."""
    total = np.zeros_like(u)
    for _ in range(draws.whole(4, 6)):
        cosine, sine = draws.direction()
        start = draws.between(0.05, 0.5)
        x, y = start * cosine, start * sine
        along = draws.direction()
        for _ in range(draws.whole(9, 15)):
            total = np.maximum(total, _spot(u, v, x, y, draws.between(0.032, 0.066)))
            turn = draws.bell(0, 0.45)
            along = (along[0] - turn * along[1], along[1] + turn * along[0])
            norm = float(np.sqrt(along[0] * along[0] + along[1] * along[1]))
            along = (along[0] / norm, along[1] / norm)
            x, y = x + 0.075 * along[0], y + 0.075 * along[1]
            if x * x + y * y > 0.5:
                x, y = x * 0.8, y * 0.8
    return total
