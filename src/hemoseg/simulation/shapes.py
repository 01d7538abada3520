"""Outlines of the eight morphologies as implicit functions of position.

A shape is ``rho``: 0 on the cell's middle (point or line), 1 on its outline, larger outside. Coordinates are rotated
into the cell's own frame and in units of its radius, float64 ``(P, P)``. Only + - * / and square roots are used.

Forms follow the usual descriptions of red cells: discocytes and ovals are near-ellipses, elongated cells are slightly
bent rods, sickle cells are crescents between two parabolas that meet in points, echinocytes carry 11 to 17 crenations.
"""

import numpy as np

from hemoseg.simulation.exact import Draws, direction


def outline(morphology: str, u: np.ndarray, v: np.ndarray, draws: Draws) -> tuple[np.ndarray, float]:
    """``rho`` of a cell and its half width (the distance in radii over which rho runs from 0 to 1 at the edge).

    Args:
        morphology: one of `settings.MORPHOLOGIES`.
        u: coordinate along the cell's long axis, float64 ``(P, P)``, in cell radii.
        v: coordinate across it.
        draws: where the individual form comes from.
    """
    if morphology == "sickle":
        return _crescent(u, v, draws)
    if morphology == "elongated":
        return _rod(u, v, draws)
    aspect, wobble, crenations = {
        "discocyte": (draws.between(1.0, 1.12), 0.016, 0),
        "oval": (draws.between(1.30, 1.65), 0.018, 0),
        "reticulocyte": (draws.between(1.0, 1.15), 0.025, 0),
        "stomatocyte": (draws.between(1.0, 1.14), 0.018, 0),
        "echinocyte": (draws.between(1.0, 1.15), 0.015, draws.whole(11, 17)),
        "granular": (draws.between(1.0, 1.22), 0.028, 0),
    }[morphology]
    return star(u, v, aspect, wobble, crenations, draws)


def ellipse(u: np.ndarray, v: np.ndarray, long: float, short: float) -> np.ndarray:
    """``rho`` of an ellipse with half axes ``long`` and ``short``."""
    a, b = u / long, v / short
    return np.sqrt(a * a + b * b)


def star(u, v, aspect: float, wobble: float, crenations: int, draws: Draws) -> tuple[np.ndarray, float]:
    """``rho`` and half width of an ellipse whose radius swings with the 2nd to 5th harmonic, and with crenations.

    Args:
        u: coordinate along the long axis, float64 ``(P, P)``, in radii of the disc of the same area.
        v: coordinate across it.
        aspect: long by short axis.
        wobble: how far the outline swings, as a share of the radius.
        crenations: number of short projections; 0 makes none.
        draws: where the individual form comes from.
    """
    root = np.sqrt(aspect)
    a, b = u / root, v * root
    radius = np.sqrt(a * a + b * b)
    safe = np.maximum(radius, 1e-9)
    cosine, sine = a / safe, b / safe
    reach = np.ones_like(radius)
    c, s = cosine, sine
    for order in range(2, 6):
        c, s = c * cosine - s * sine, s * cosine + c * sine
        scale = wobble * 2 / order
        reach = reach + draws.bell(0, scale) * c + draws.bell(0, scale) * s
    if crenations:
        reach = reach + _crenations(cosine, sine, crenations, draws)
    return radius / reach, 1.0 / float(root)


def _crenations(cosine: np.ndarray, sine: np.ndarray, count: int, draws: Draws) -> np.ndarray:
    """Short blunt projections at nearly even angles, their heights uneven."""
    height = np.zeros_like(cosine)
    for k in range(count):
        x, y = direction((k + draws.between(-0.22, 0.22)) / count)
        across = 1 - (cosine * x + sine * y)  # half the squared angle to the projection, nearly
        bump = 1 - across * (0.24 * count * count)
        bump = np.maximum(bump, 0)
        height = np.maximum(height, bump * (2 - bump) * draws.between(0.12, 0.22))
    return height - 0.09


def _rod(u, v, draws: Draws) -> tuple[np.ndarray, float]:
    """A capsule, slightly bent and tapered."""
    aspect = draws.between(2.0, 3.1)
    half = 1.0 / np.sqrt(aspect) * 0.92
    length = half * aspect
    bent = v - draws.bell(0, 0.07) * (u * u - 0.5)
    taper = half * (1 + draws.bell(0, 0.09) * u)
    beyond = np.maximum(np.abs(u) - (length - half), 0)
    return np.sqrt(beyond * beyond * 0.8 + bent * bent) / taper, float(half)


def _crescent(u, v, draws: Draws) -> tuple[np.ndarray, float]:
    """The region between two parabolas through the same two tips."""
    length = draws.between(1.25, 1.6)
    outer = draws.between(0.70, 0.96)
    inner = draws.between(-0.06, 0.34) * outer
    along = u / length
    rise = 1 - along * along
    inside = np.maximum(rise, 1e-3)
    middle, half = (outer + inner) / 2, (outer - inner) / 2
    shifted = v + middle * 0.55  # centres the crescent's mass on the origin
    rho = np.abs(shifted - middle * rise) / (half * inside)
    return np.where(rise > 1e-3, rho, 9.0), half
