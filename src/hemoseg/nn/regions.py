"""What the regions of an image are to learn: cells with their boxes, classes and masks; ignored pixels teach nothing.

After Fast R-CNN (Girshick, 2015, section 2.3, arXiv:1504.08083) and Mask R-CNN (He et al., 2017, section 3.1,
arXiv:1703.06870).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hemoseg.nn.boxes import boxes_of_labels, iou
from hemoseg.nn.proposals import IGNORED, NEGATIVE
from hemoseg.nn.roi_align import POINTS, sample_points

IGNORE = 255  # class of pixels of which nothing is known
MATCHED = 0.5  # least IoU of a region with the cell that it learns (He et al., 2017, section 3.1)
UNKNOWN = 0.25  # share of a box: where more of it is ignored, it is not taught to be background. Not stated, ours


@dataclass(frozen=True)
class Truth:
    """The cells of one image, as far as they are known.

    Attributes:
        boxes: float32 ``(m, 4)``.
        classes: int64 ``(m,)``, 1 or more.
        ids: their numbers in ``instances``, int64 ``(m,)``.
        instances: int64 ``(H, W)``, 0 where nothing is known too.
        known: bool ``(H, W)``.
    """

    boxes: Tensor
    classes: Tensor
    ids: Tensor
    instances: Tensor
    known: Tensor


def truth_of(classes: Tensor, instances: Tensor, n_classes: int, *, least_side: float) -> Truth:
    """The cells of an image.

    A cell is what is known of it: its box is that of its known pixels, and its class is the class but background of
    most of them, of equal ones the lowest. A cell none of whose known pixels has such a class is left out.

    Args:
        classes: int64 ``(H, W)``, `IGNORE` where nothing is known.
        instances: int64 ``(H, W)``, 0 background.
        n_classes: background included.
        least_side: cells whose box has a shorter side, in pixels, are left out.
    """
    known = classes != IGNORE
    cells = torch.where(known, instances, 0)
    ids, boxes = boxes_of_labels(cells, least_side=least_side)
    rows, columns = (cells > 0).nonzero(as_tuple=True)
    numbers, kinds = cells[rows, columns], classes[rows, columns]
    place = torch.searchsorted(ids, numbers)
    taught = torch.isin(numbers, ids)
    votes = torch.bincount(place[taught] * n_classes + kinds[taught], minlength=len(ids) * n_classes)
    most, kind = votes.view(len(ids), n_classes)[:, 1:].max(dim=1)
    kept = most > 0
    return Truth(boxes[kept], kind[kept] + 1, ids[kept], cells, known)


def mostly_known(boxes: Tensor, known: Tensor) -> Tensor:
    """Which boxes ``(n, 4)`` have no larger share of ignored pixels than `UNKNOWN`, bool ``(n,)``.

    Of a box, rounded to whole pixels, counts what lies in the image; one without a pixel there is known.
    """
    height, width = known.shape
    summed = F.pad((~known).double().cumsum(0).cumsum(1), (1, 0, 1, 0))
    most = torch.tensor([width, height, width, height], device=boxes.device)
    x0, y0, x1, y1 = torch.minimum(boxes.round().long().clamp(min=0), most).unbind(1)
    ignored = summed[y1, x1] - summed[y0, x1] - summed[y1, x0] + summed[y0, x0]
    return ignored <= UNKNOWN * ((x1 - x0).clamp(min=0) * (y1 - y0).clamp(min=0))


def match_regions(regions: Tensor, truth: Truth) -> Tensor:
    """What each region ``(n, 4)`` is to learn: the position of its cell, or `NEGATIVE`, or `IGNORED`, int64 ``(n,)``.

    A region learns the cell with whose box its IoU is highest, of equal ones the first, if it is `MATCHED` or more;
    the others are background, if they are `mostly_known`.
    """
    partner = torch.full((len(regions),), NEGATIVE, device=regions.device)
    if len(regions) and len(truth.boxes):
        highest, which = iou(regions, truth.boxes.to(regions)).max(dim=1)
        partner = torch.where(highest >= MATCHED, which, partner)
    return torch.where((partner == NEGATIVE) & ~mostly_known(regions, truth.known), IGNORED, partner)


def mask_targets(truth: Truth, regions: Tensor, partner: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Masks of cells as their regions see them.

    A bin looks at the pixels in which its sampling points lie, `POINTS` along a side: it belongs to the cell if half of
    the points that are known do.

    Args:
        truth: of the image.
        regions: ``(n, 4)`` within the image.
        partner: position of the cell of each region, int64 ``(n,)``.
        side: bins along a side.

    Returns:
        the masks and where they are known, bool ``(n, side, side)`` each.
    """
    height, width = truth.known.shape
    x, y = sample_points(regions, side * POINTS)
    columns, rows = (one.long().clamp(0, most - 1) for one, most in ((x, width), (y, height)))
    place = rows[:, :, None], columns[:, None, :]
    known = truth.known[place]
    own = truth.instances[place] == truth.ids[partner][:, None, None]
    hit, seen = _points_in_bins(own & known), _points_in_bins(known)
    return (2 * hit >= seen) & (seen > 0), seen > 0


def _points_in_bins(points: Tensor) -> Tensor:
    """How many of the points of each bin are true, uint8 ``(n, s, s)`` of bool ``(n, s POINTS, s POINTS)``."""
    return sum(points[:, i::POINTS, j::POINTS].byte() for i in range(POINTS) for j in range(POINTS))
