"""Cells that an image shows and its labels leave out, as where only the cell in the middle of a tile was labelled."""

import numpy as np
from scipy.ndimage import binary_dilation

from hemoseg.labels.components import connected_components
from hemoseg.labels.otsu import cells_are_dark, otsu_mask

SQUARE = np.ones((3, 3), bool)


def unlabelled_cells(grey: np.ndarray, labelled: np.ndarray, *, grow: int, least: float) -> np.ndarray:
    """Pixels of cells, and around them, that no label tells of.

    What Otsu's threshold takes for a cell, its pale middle included, less what was labelled. The labelled cells tell
    whether cells are dark or bright. Whatever lies less than ``grow`` pixels from a labelled cell and belongs to
    nothing farther off is the rim of that cell and stays background; so does dust: a part smaller than ``least`` of
    the median labelled cell that the frame does not cut. Larger dirt as dark as a cell is taken for one.

    Args:
        grey: ``(H, W)``.
        labelled: labels 1..n of the labelled cells ``(H, W)``, 0 elsewhere.
        grow: how far beyond the threshold's outline a cell may reach, in pixels (of a square), >= 0.
        least: share of the median area of the labelled cells.

    Returns:
        bool ``(H, W)``, nowhere on a labelled pixel.
    """
    known = labelled > 0
    areas = np.bincount(labelled[known])
    median = float(np.median(areas[areas > 0])) if known.any() else 0.0
    found = otsu_mask(grey, _polarity(grey, known)) & ~known
    away = found & ~_grown(known, max(grow - 1, 0))
    away |= _pale_middles(away, known, median) & ~_grown(known, grow)
    parts = connected_components(away)
    size = np.bincount(parts.ravel())
    kept = size >= least * median
    for line in (parts[0], parts[-1], parts[:, 0], parts[:, -1]):
        kept[line] = True
    kept[0] = False
    return _grown(kept[parts], grow) & ~known


def _polarity(grey: np.ndarray, known: np.ndarray) -> str:
    if not known.any() or known.all():
        return "dark" if cells_are_dark(grey) else "bright"
    return "dark" if np.median(grey[known]) < np.median(grey[~known]) else "bright"


def _pale_middles(away: np.ndarray, known: np.ndarray, largest: float) -> np.ndarray:
    """Parts of the background smaller than a cell that an unlabelled cell encloses, alone or with what is beside it."""
    parts = connected_components(~(away | known))
    inner = np.bincount(parts.ravel()) < largest
    beside = np.zeros(len(inner), bool)
    beside[parts[_grown(away, 1)]] = True
    beside[0] = False
    return (inner & beside)[parts]


def _grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    return binary_dilation(mask, SQUARE, iterations=pixels) if pixels > 0 else mask
