"""Hausdorff distance between the boundaries of two masks, by distance transform."""

import cv2
import numpy as np

CASES = ("both", "missed", "spurious", "absent")


def boundary(mask: np.ndarray) -> np.ndarray:
    """Inner 8-connected boundary: pixels of a bool ``(H, W)`` mask with one of 8 neighbours outside it.

    What lies outside the image is outside the mask, so a mask that fills the image has its frame as boundary.
    """
    inside = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return mask & (inside == 0)


def hausdorff(gt: np.ndarray, pred: np.ndarray) -> float:
    """Hausdorff distance of the boundaries of two bool ``(H, W)`` masks, in pixels.

    The largest Euclidean distance from a boundary pixel of one mask to the nearest boundary pixel of the other;
    the maximum over both directions, no percentile. NaN where a mask is empty: `case` says which.
    Definition: Huttenlocher et al. 1993, doi:10.1109/34.232073; on boundaries as in doi:10.1186/s12880-015-0068-x.

    Raises:
        ValueError: the masks differ in shape.
    """
    if gt.shape != pred.shape:
        raise ValueError(f"masks of shapes {gt.shape} and {pred.shape} cannot be compared")
    if not (gt.any() and pred.any()):
        return float("nan")
    box = _bounding_box(gt | pred)
    gt_edge, pred_edge = boundary(gt[box]), boundary(pred[box])
    return max(_directed(gt_edge, pred_edge), _directed(pred_edge, gt_edge))


def case(gt: np.ndarray, pred: np.ndarray) -> str:
    """Which sides have any pixel: ``both``, ``missed`` (truth only), ``spurious`` (prediction only), ``absent``."""
    return CASES[2 * (not gt.any()) + (not pred.any())]


def diagonal(shape: tuple[int, int]) -> float:
    """The largest distance between two pixel centres of an ``(H, W)`` image: no Hausdorff distance exceeds it."""
    return float(np.hypot(shape[0] - 1, shape[1] - 1))


def _directed(source: np.ndarray, target: np.ndarray) -> float:
    """Largest distance from a pixel of ``source`` to ``target``.

    The transform (float32) finds the pixel; its distance is then taken in integers, so that no rounding remains.
    """
    distance = cv2.distanceTransform((~target).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    row, column = np.unravel_index(np.argmax(np.where(source, distance, -1)), source.shape)
    rows, columns = np.nonzero(target)
    return float(np.sqrt(((rows - row) ** 2 + (columns - column) ** 2).min()))


def _bounding_box(mask: np.ndarray) -> tuple[slice, slice]:
    """The smallest box that holds the mask: beyond it there is nothing to measure."""
    column, row, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return slice(row, row + height), slice(column, column + width)
