"""Geometry of labelled cells on a grid whose pixels need not be square: what tables of cells and the clinic show."""

import cv2
import numpy as np

from hemoseg.labels.pixel_runs import PixelRuns, pixel_runs

STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # neighbours in rows and columns: the directions of the perimeter's lines


def cell_shapes(labels: np.ndarray, spacing: tuple[float, float] = (1.0, 1.0)) -> dict[str, np.ndarray]:
    """Area, outline and form of each cell, arrays ``(n,)`` by name.

    Args:
        labels: cells 1..n without gaps, int ``(H, W)``.
        spacing: height and width of a pixel, in the unit of the result.

    Returns:
        Those of `moments`; ``perimeter`` of `perimeters`; ``form_factor`` 4 pi A / P^2, 1 for a circle and less for
        all else. Holes are no part of a cell, and their edges belong to its outline.
    """
    found = moments(pixel_runs(labels), spacing)
    around = perimeters(labels, spacing)
    return found | {"perimeter": around, "form_factor": form_factor(found["area"], around)}


def form_factor(area: np.ndarray, perimeter: np.ndarray) -> np.ndarray:
    """4 pi A / P^2: 1 for a circle and less for all else."""
    return 4 * np.pi * area / perimeter**2


def moments(runs: PixelRuns, spacing: tuple[float, float] = (1.0, 1.0)) -> dict[str, np.ndarray]:
    """What follows from the sums of rows, columns and their squares over each cell, float ``(n,)`` by name.

    Args:
        runs: of cells 1..n without gaps.
        spacing: height and width of a pixel, in the unit of the result.

    Returns:
        ``area``; ``row`` and ``column`` of the centroid; ``major_axis``, ``minor_axis`` (whole lengths) and
        ``eccentricity`` of the ellipse with the cell's second moments, 0 for a circle, where a pixel counts with its
        extent and not as a point.
    """
    cell = runs.label - 1
    count = int(runs.label.max(initial=0))
    # Counted from each cell's first pixel the sums stay small, whole and so exact.
    top, left = np.zeros(count, np.int64), np.zeros(count, np.int64)
    top[cell[::-1]], left[cell[::-1]] = runs.row[::-1], runs.start[::-1]
    row, start, stop = runs.row - top[cell], runs.start - left[cell], runs.stop - left[cell]
    length, columns = stop - start, (stop * (stop - 1) - start * (start - 1)) // 2
    squares = _squares_below(stop) - _squares_below(start)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(cell, values, count) / area

    area = np.bincount(cell, length, count)
    rows_mean, columns_mean = mean(row * length), mean(columns)
    height, width = spacing
    down = height**2 * (mean(row**2 * length) - rows_mean**2 + 1 / 12)
    across = width**2 * (mean(squares) - columns_mean**2 + 1 / 12)
    both = height * width * (mean(row * columns) - rows_mean * columns_mean)
    half_difference = np.hypot((across - down) / 2, both)
    major, minor = (across + down) / 2 + half_difference, (across + down) / 2 - half_difference
    return {
        "area": area * height * width,
        "row": (rows_mean + top) * height,
        "column": (columns_mean + left) * width,
        "major_axis": 4 * np.sqrt(major),
        "minor_axis": 4 * np.sqrt(np.clip(minor, 0, None)),
        "eccentricity": np.sqrt(np.clip(1 - minor / major, 0, 1)),
    }


def _squares_below(number: np.ndarray) -> np.ndarray:
    """0 + 1 + 4 + ... + (number - 1)^2; the formula holds for negative numbers, too."""
    return (number - 1) * number * (2 * number - 1) // 6


def hull_areas(runs: PixelRuns) -> np.ndarray:
    """Area of the convex hull of each cell's pixels, squares and not points, in pixels, float ``(n,)``.

    It is ImageJ's. scikit-image counts the pixels in the hull of the middles of the pixels' sides, which is less.

    Args:
        runs: of cells 1..n without gaps.
    """
    runs = runs.by_label()
    corners = np.empty((len(runs.label), 4, 2), np.int32)
    corners[:, :2, 0], corners[:, 2:, 0] = runs.start[:, None], runs.stop[:, None]
    corners[:, ::2, 1], corners[:, 1::2, 1] = runs.row[:, None], runs.row[:, None] + 1
    ends = np.flatnonzero(np.diff(runs.label, append=0)) + 1
    begins = np.append(0, ends)[:-1]
    found = np.empty(len(ends))
    for i, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        points = corners[begin:end].reshape(-1, 2)
        found[i] = cv2.contourArea(cv2.convexHull(points - points[0]))
    return found


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
