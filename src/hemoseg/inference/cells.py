"""Cells from the class map of a network: its components, or a watershed from markers."""

from typing import Any

import numpy as np

from hemoseg.labels.components import connected_components
from hemoseg.labels.points import centres_of
from hemoseg.labels.watershed import distance_markers, split_at_markers

DEFAULT_MARKERS: dict[str, Any] = {"source": "proposals", "score": 0.5, "overlap": 0.3}


def find_cells(
    classes: np.ndarray, min_area: float, *, cells: str, boxes: np.ndarray | None, markers: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """The class map with lines where a watershed cut it, uint8 ``(H, W)``, and the cells, int32 ``(H, W)``.

    Args:
        classes: uint8 ``(H, W)``, 0 background.
        min_area: components with fewer pixels are no cells; parts that a watershed cut off are not dropped.
        cells: ``components`` or ``watershed``.
        boxes: proposals, float ``(n, 5)``, whose centres are the markers; only read for ``source: proposals``.
        markers: see `DEFAULT_MARKERS`; ``source: distance`` takes the maxima of the distance to the background.
    """
    components = connected_components(classes > 0, min_area)
    if cells == "components":
        return classes, components
    kept = components > 0
    points = distance_markers(kept) if markers["source"] == "distance" else centres_of(boxes)
    parts = split_at_markers(kept, points)
    # Lines are background; what was too small to be a cell stays foreground, as without a watershed.
    return np.where(kept & (parts == 0), 0, classes).astype(classes.dtype), parts
