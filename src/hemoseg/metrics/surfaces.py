"""Distances between the boundaries of two masks, from the nearest pixel of the other boundary (`metrics.nearest`).

Masks are bool ``(H, W)``, distances Euclidean between pixel centres, in pixels. The boundary is the inner 8-connected
one (`boundary`), and every boundary pixel counts alike: no lengths of contours between pixels are estimated.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from hemoseg.metrics.nearest import squared_distances

CASES = ("both", "missed", "spurious", "absent")
PERCENTILE = 95
ROUNDING = 1e-6  # a distance that is beyond the tolerance by less is within it: 0.3 um / 0.1 um is not 3


class Surfaces(NamedTuple):
    """What lies between the boundaries of truth and prediction; the distances are NaN where one of them is empty.

    Attributes:
        hausdorff: the largest distance from a boundary pixel of one mask to the nearest one of the other, the larger
            of both directions. Huttenlocher et al. 1993, doi:10.1109/34.232073; on boundaries as in
            doi:10.1186/s12880-015-0068-x.
        hausdorff_95: the larger of the 95th percentiles of both directions, linear between two distances (numpy's
            "linear"); not the percentile of both directions pooled, nor their mean. doi:10.1038/s41592-023-02151-z.
        surface_gt: sum of the distances from the boundary pixels of the truth to those of the prediction.
        surface_pred: sum of the distances from the boundary pixels of the prediction to those of the truth.
        boundary_gt: boundary pixels of the truth.
        boundary_pred: boundary pixels of the prediction.
        near_gt: boundary pixels of the truth within the tolerance of the prediction's boundary.
        near_pred: boundary pixels of the prediction within the tolerance of the truth's boundary.
    """

    hausdorff: float
    hausdorff_95: float
    surface_gt: float
    surface_pred: float
    boundary_gt: int
    boundary_pred: int
    near_gt: int
    near_pred: int


def surfaces(gt: np.ndarray, pred: np.ndarray, tolerance: float = 0) -> Surfaces:
    """Compare the boundaries of two masks.

    Mean surface distance, normalised surface Dice and boundary F1 are ratios of the sums: `tables.distance_columns`.
    Where one mask is empty nothing is near and the distances are NaN: `case` says which.

    Raises:
        ValueError: the masks differ in shape.
    """
    if gt.shape != pred.shape:
        raise ValueError(f"masks of shapes {gt.shape} and {pred.shape} cannot be compared")
    box = _bounding_box(gt | pred)
    return surfaces_of([(gt[box], pred[box])], tolerance)[0]


def surfaces_of(pairs: Sequence[tuple[np.ndarray, np.ndarray]], tolerance: float = 0) -> list[Surfaces]:
    """Compare the boundaries of pairs of masks of one shape, such as all classes of an image; see `surfaces`."""
    edges = [(boundary(gt), boundary(pred)) for gt, pred in pairs]
    numbers = [tuple(int(np.count_nonzero(edge)) for edge in pair) for pair in edges]
    both = [pair for pair, known in zip(edges, numbers, strict=True) if all(known)]
    sides = list(zip(*both, strict=True)) or [(), ()]
    squares = squared_distances([*sides[0], *sides[1]], [*sides[1], *sides[0]])
    found = iter(zip(squares[: len(both)], squares[len(both) :], strict=True))
    blank = [np.nan] * 4
    return [_summary(*next(found), tolerance) if all(known) else Surfaces(*blank, *known, 0, 0) for known in numbers]


def boundary(mask: np.ndarray) -> np.ndarray:
    """Inner 8-connected boundary: pixels of a mask with one of 8 neighbours outside it.

    What lies outside the image is outside the mask, so a mask that fills the image has its frame as boundary.
    """
    if not mask.size:
        return mask
    inside = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return mask & (inside == 0)


def _summary(there: np.ndarray, back: np.ndarray, tolerance: float) -> Surfaces:
    """What the squared distances of the boundary pixels of the truth and of the prediction say."""
    sides = [np.sqrt(squares) for squares in (there, back)]
    near = [int(np.count_nonzero(distances <= tolerance + ROUNDING)) for distances in sides]
    farthest = max(float(distances.max()) for distances in sides)
    percentile = max(float(np.percentile(distances, PERCENTILE)) for distances in sides)
    sums = [float(distances.sum()) for distances in sides]
    return Surfaces(farthest, percentile, *sums, *map(len, sides), *near)


def case(gt: np.ndarray, pred: np.ndarray) -> str:
    """Which sides have any pixel: ``both``, ``missed`` (truth only), ``spurious`` (prediction only), ``absent``."""
    return CASES[2 * (not gt.any()) + (not pred.any())]


def diagonal(shape: tuple[int, int]) -> float:
    """The largest distance between two pixel centres of an ``(H, W)`` image: no distance here exceeds it."""
    return float(np.hypot(shape[0] - 1, shape[1] - 1))


def _bounding_box(mask: np.ndarray) -> tuple[slice, slice]:
    """The smallest box that holds the mask: beyond it there is nothing to measure."""
    column, row, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return slice(row, row + height), slice(column, column + width)
