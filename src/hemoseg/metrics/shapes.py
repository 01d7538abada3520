"""Geometry of labelled cells on a grid whose pixels need not be square: what a page for the clinic shows of a cell."""

import numpy as np
from skimage.measure import regionprops_table

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # neighbours in rows and columns: the directions of the perimeter's lines


def cell_shapes(labels: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0)) -> dict[str, np.ndarray]:
    """Area, outline and form of each cell, arrays ``(n,)`` by name.

    Args:
        labels: cells 1..n without gaps, int ``(H, W)``.
        spacing: height and width of a pixel, in the unit of the result.

    Returns:
        ``area``; ``perimeter`` of `perimeters`; ``eccentricity`` of the ellipse with the cell's second moments, 0 for
        a circle, where a pixel counts with its extent and not as a point; ``form_factor`` 4 pi A / P^2, 1 for a
        circle and less for all else; ``row`` and ``column`` of the centroid. Holes are no part of a cell, and their
        edges belong to its outline.
    """
    found = regionprops_table(labels, properties=("area", "centroid", "inertia_tensor"), spacing=spacing)
    # Its tensor is that of points: 1/12 of the squared side is what a pixel's extent adds, in either direction.
    columns, rows = (found[f"inertia_tensor-{i}-{i}"] + side**2 / 12 for i, side in enumerate(spacing[::-1]))
    half_difference = np.hypot((columns - rows) / 2, found["inertia_tensor-0-1"])
    major, minor = (columns + rows) / 2 + half_difference, (columns + rows) / 2 - half_difference
    around = perimeters(labels, spacing)
    return {
        "area": found["area"].astype(float),
        "perimeter": around,
        "eccentricity": np.sqrt(np.clip(1 - minor / major, 0, 1)),
        "form_factor": 4 * np.pi * found["area"] / around**2,
        "row": found["centroid-0"],
        "column": found["centroid-1"],
    }


def perimeters(labels: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    """Length of each cell's outline by the Cauchy-Crofton formula in four directions, float ``(n,)``.

    The number of times that lines of a direction cross the outline, times the distance between the lines and the angle
    that the direction stands for, summed and halved. With square pixels it is scikit-image's ``perimeter_crofton``;
    for others the angles and distances are those of the grid (Legland, Kieu and Devaux 2007, Image Anal Stereol 26:83,
    DOI 10.5566/ias.v26.p83-92). The edge of the array counts as outline.

    Args:
        labels: cells 1..n, int ``(H, W)``.
        spacing: height and width of a pixel.
    """
    padded = np.pad(labels, 1)
    count = int(labels.max(initial=0)) + 1
    height, width = spacing
    angles = np.array([np.arctan2(rows * height, columns * width) % np.pi for rows, columns in STEPS])
    order = np.argsort(angles)
    gaps = np.diff(np.append(angles[order], angles[order[0]] + np.pi))
    sector = np.empty(len(STEPS))
    sector[order] = (gaps + np.roll(gaps, 1)) / 2
    total = np.zeros(count)
    for (rows, columns), angle in zip(STEPS, sector, strict=True):
        between_lines = height * width / np.hypot(rows * height, columns * width)
        total += angle * between_lines / 2 * _crossings(padded, rows, columns, count)
    return total[1:]


def _crossings(padded: np.ndarray, rows: int, columns: int, count: int) -> np.ndarray:
    """How often each label begins or ends along lines that step by (rows, columns)."""
    here = padded[: padded.shape[0] - rows, max(0, -columns) : padded.shape[1] - max(0, columns)]
    there = padded[rows:, max(0, columns) : padded.shape[1] - max(0, -columns)]
    differ = here != there
    return np.bincount(here[differ], minlength=count) + np.bincount(there[differ], minlength=count)


def cut_sides(labels: np.ndarray, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which cells touch the upper or left border of a field, and which the lower or right one, bool ``(n,)`` each.

    Args:
        labels: cells 1..n, int ``(H, W)``.
        field: bool ``(H, W)``, what was looked at; it need not be a rectangle, and ends at the array's edge.
    """
    inside = np.pad(field, 1)
    count = int(labels.max(initial=0)) + 1
    found = []
    for above, left in ((slice(0, -2), slice(0, -2)), (slice(2, None), slice(2, None))):
        beyond = ~inside[above, 1:-1] | ~inside[1:-1, left]
        found.append(np.bincount(labels[beyond & field], minlength=count)[1:] > 0)
    return found[0], found[1]
