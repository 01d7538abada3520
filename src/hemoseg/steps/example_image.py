"""A simulated field of cells for whoever tries a model out: no image of a lab leaves with it."""

import numpy as np

from hemoseg.simulation.smear import simulate_frame

DIAMETER = (12.0, 48.0)  # pixels, of simulated cells: bounds so that a small field shows several
SEED = 0


def example_image(channels: int, size: tuple[int, int], cell_area: float, white: float) -> np.ndarray:
    """A simulated smear in the numbers of a model's images, float32 ``(C, H, W)`` of whole numbers up to ``white``.

    Args:
        channels: 1 takes the mean of red, green and blue; up to 4 are those and a near-infrared one, more repeat.
        size: rows and columns, 64 or more.
        cell_area: of a usual cell, in pixels; 0 where it is not known.
        white: value that means 1.0.
    """
    diameter = float(np.clip(2 * np.sqrt(cell_area / np.pi), *DIAMETER))
    cells = 0.35 * size[0] * size[1] / diameter**2
    settings = {"height": size[0], "width": size[1], "diameter": diameter, "cells": cells, "channels": 4}
    frame = simulate_frame(settings | {"margin": [0, 0], "artefacts": 0.0}, seed=SEED, index=0)
    image = np.moveaxis(frame.image.astype(np.float32) / 255, -1, 0)
    image = image[:3].mean(axis=0, keepdims=True) if channels == 1 else image[np.arange(channels) % 4]
    return np.round(image * white).astype(np.float32) if white > 1 else (image * white).astype(np.float32)
