"""Cells by Otsu's threshold and a watershed: what a network has to beat, and what it is asked about without labels.

Nothing is learnt and no size is given: the size of a cell follows from the frame itself.
"""

import numpy as np

from hemoseg.labels.components import connected_components
from hemoseg.labels.holes import without_holes
from hemoseg.labels.otsu import otsu_mask
from hemoseg.labels.watershed import distance_markers, split_at_markers

# All not stated, ours.
LEAST = 0.1  # of the typical cell's area; components below it are none, as in params.yaml, predict.min_area_share
HOLE = 0.5  # of the typical cell's area; the pale middle of a red cell is smaller, gaps between cells are larger
BROADEST = 0.01  # of the image; holes below it are filled before a cell's size is known
DEPTH = 0.1  # of the typical cell's radius: how far a maximum must rise to be a cell's, one pixel at least


def threshold_cells(image: np.ndarray) -> np.ndarray:
    """Cells of a frame by Otsu's threshold on the mean of its channels, touching ones parted by `touching_parted`.

    Args:
        image: ``(C, H, W)``, any numbers.

    Returns:
        int32 ``(H, W)``, 0 background.
    """
    return touching_parted(otsu_mask(image.astype(np.float32).mean(axis=0)))


def touching_parted(mask: np.ndarray, typical: float | None = None) -> np.ndarray:
    """Cells of a mask: holes filled, dust left out, and a watershed from the maxima of the distance to the background.

    Args:
        mask: bool ``(H, W)``.
        typical: area of a cell in pixels; `typical_area` of the mask where none is given.

    Returns:
        int32 ``(H, W)``, 0 background and the lines between cells.
    """
    typical = typical_area(mask) if typical is None else typical
    whole = connected_components(without_holes(mask, HOLE * typical), max(1.0, LEAST * typical)) > 0
    return split_at_markers(whole, distance_markers(whole, max(1.0, DEPTH * np.sqrt(typical / np.pi))))


def typical_area(mask: np.ndarray) -> float:
    """Area of a cell in pixels, told by the mask alone; 0 where it is empty.

    Half of the foreground lies in pieces of at most this area: much dust weighs little, and clumps are parted before.
    """
    filled = without_holes(mask, BROADEST * mask.size)
    typical, depth = 0.0, 1.0
    for _ in range(2):  # the first pass parts large cells at every bump, the second knows about how large they are
        typical = _weighted_median(split_at_markers(filled, distance_markers(filled, depth)))
        depth = max(1.0, DEPTH * np.sqrt(typical / np.pi))
    return typical


def _weighted_median(pieces: np.ndarray) -> float:
    areas = np.sort(np.bincount(pieces[pieces > 0]))
    areas = areas[areas > 0]
    return float(areas[np.searchsorted(np.cumsum(areas), areas.sum() / 2)]) if len(areas) else 0.0
