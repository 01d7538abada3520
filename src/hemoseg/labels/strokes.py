"""Sparse strokes drawn from full labels, as a person would scribble them into an interactive classifier."""

import cv2
import numpy as np

IGNORED = 255  # class of pixels that nobody labelled
NONE = 0  # a pixel without a stroke; class k is k + 1, as interactive programs number their labels from 1
TURN = 0.15  # standard deviation of the turn between two steps of a pixel, in radians; ours


def draw_strokes(
    classes: np.ndarray, *, strokes: int, length: int, width: int, generator: np.random.Generator
) -> np.ndarray:
    """Strokes into every class of one image.

    Each stroke starts at a random pixel of its class, goes on in a random direction, turning a little at every step,
    and ends after ``length`` steps or where it leaves the class. It marks the pixels under the pen that are of the
    class. A class that the image does not show gets none; pixels of class 255 are never marked.

    Args:
        classes: uint8 ``(H, W)``, 255 = ignore.
        strokes: per class.
        length: in pixels.
        width: of the pen, in pixels.
        generator: where chance comes from.

    Returns:
        uint8 ``(H, W)``, 0 without a stroke, class + 1 under one.
    """
    marked = np.zeros(classes.shape, np.uint8)
    for number in np.unique(classes[classes != IGNORED]):
        mask = classes == number
        pen = np.zeros(classes.shape, np.uint8)
        for start in generator.choice(np.flatnonzero(mask), strokes):
            path = _path(mask, np.unravel_index(start, mask.shape), length, generator)
            cv2.polylines(pen, [path], isClosed=False, color=1, thickness=width)
        marked[mask & (pen > 0)] = number + 1
    return marked


def thinned(marked: list[np.ndarray], budget: int, generator: np.random.Generator) -> list[np.ndarray]:
    """The strokes of several images with at most ``budget`` pixels in all, the same share for every class.

    Args:
        marked: uint8 ``(H, W)`` each, from `draw_strokes`.
        budget: pixels of all classes and images together.
        generator: chooses which pixels of a class stay.
    """
    joined = np.concatenate([image.ravel() for image in marked]) if marked else np.zeros(0, np.uint8)
    numbers = np.setdiff1d(joined, [NONE])
    for number in numbers:
        where = np.flatnonzero(joined == number)
        spare = where.size - budget // numbers.size
        if spare > 0:
            joined[generator.choice(where, spare, replace=False)] = NONE
    ends = np.cumsum([image.size for image in marked])
    parts = np.split(joined, ends[:-1]) if marked else []
    return [part.reshape(image.shape) for part, image in zip(parts, marked, strict=True)]


def _path(mask: np.ndarray, start: tuple[int, int], length: int, generator: np.random.Generator) -> np.ndarray:
    """Points (column, row) of one stroke, int32 ``(n, 1, 2)``, all inside the mask."""
    angles = generator.uniform(0, 2 * np.pi) + np.cumsum(generator.normal(0, TURN, length - 1))
    steps = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.rint(np.cumsum([start[::-1], *steps], axis=0)).astype(np.int32)
    height, width = mask.shape
    outside = (points < 0).any(axis=1) | (points[:, 0] >= width) | (points[:, 1] >= height)
    held = ~outside
    held[held] = mask[points[held, 1], points[held, 0]]
    last = int(np.argmin(held)) if not held.all() else len(points)
    return points[:last, None]
