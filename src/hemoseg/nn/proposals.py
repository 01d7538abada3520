"""Which anchors learn what: matching with true boxes, and drawing a few of each kind.

After Faster R-CNN (Ren et al., 2015, arXiv:1506.01497), whose section 3.1.2 has the thresholds, the 256 anchors drawn
and their halves. It leaves anchors that cross the frame out of training, in frames of 1000 pixels with a few large
objects. Here they take part with their whole area (ours): an anchor of 72 pixels crosses the frame at a quarter of the
places of 448 x 448 pixels, and at prediction it answers there too: what was never trained would find false cells.
"""

import torch
from torch import Tensor

from hemoseg.nn.boxes import iou

NEGATIVE, IGNORED = -1, -2
DRAWN = 256  # anchors that learn from an image in one step, the source's
PAIRS_AT_ONCE = 2**20  # anchors times boxes whose overlap is held: 4 MiB each of a handful of arrays


def match(anchors: Tensor, boxes: Tensor, *, positive: float = 0.7, negative: float = 0.3) -> Tensor:
    """What each anchor is to learn.

    An anchor is positive if its IoU with a box is ``positive`` or more, and its box is the one with which it is
    highest; so is the anchor with the highest IoU above 0 of every box, whatever it is, and this box is then its own.
    An anchor that is the best of several boxes is that of the highest IoU. Of equal ones the first counts, of anchors
    as well as of boxes.

    Args:
        anchors: ``(n, 4)``.
        boxes: true boxes ``(m, 4)``, which may be none.
        positive: least IoU of a positive anchor.
        negative: below this IoU with every box an anchor is negative; between the two it is ignored.

    Returns:
        int64 ``(n,)``: the position of its box, or `NEGATIVE`, or `IGNORED`.
    """
    partner = torch.full((len(anchors),), NEGATIVE, device=anchors.device)
    if not len(anchors) or not len(boxes):
        return partner
    highest, which, top, best = _maxima(anchors, boxes)
    partner[highest >= negative] = IGNORED
    partner = torch.where(highest >= positive, which, partner)
    owner = _owners(top, best, len(anchors))
    return torch.where(owner < len(boxes), owner, partner)


def _maxima(anchors: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Highest IoU of each anchor and its box, highest IoU of each box and its anchor; of equal ones the first."""
    (highest, which), (top, best) = (_zeros(len(each), anchors) for each in (anchors, boxes))
    step = max(1, PAIRS_AT_ONCE // len(boxes))
    for begin in range(0, len(anchors), step):
        shared = iou(anchors[begin : begin + step], boxes)
        # Written where they stay: small arrays made between large ones leave holes that no large one fits in again.
        highest[begin : begin + step], which[begin : begin + step] = shared.max(dim=1)
        value, place = shared.max(dim=0)
        better = value > top
        top, best = torch.where(better, value, top), torch.where(better, begin + place, best)
    return highest, which, top, best


def _zeros(number: int, like: Tensor) -> tuple[Tensor, Tensor]:
    return like.new_zeros(number), torch.zeros(number, dtype=torch.long, device=like.device)


def _owners(top: Tensor, best: Tensor, n_anchors: int) -> Tensor:
    """The box of which each anchor is the best, int64 ``(n,)``; the number of boxes where it is no box's."""
    none = len(top)
    claim = top.new_zeros(n_anchors).scatter_reduce(0, best, top, "amax")  # the same in every order, on every device
    wins = (top > 0) & (top == claim[best])
    numbers = torch.where(wins, torch.arange(none, device=top.device), none)
    return torch.full((n_anchors,), none, device=top.device).scatter_reduce(0, best, numbers, "amin")


def sample(partner: Tensor, *, number: int = DRAWN, positive_share: float = 0.5) -> Tensor:
    """Draw the anchors that learn in this step.

    Args:
        partner: ``(n,)`` of `match`.
        number: anchors drawn, if there are as many.
        positive_share: most of them that are positive; negative ones fill up what positive ones leave.

    Returns:
        bool ``(n,)``; drawn with torch's generator of the CPU, so that a seed gives the same on every device.
    """
    draw = torch.rand(len(partner)).to(partner.device)
    positive = _lowest(draw, partner >= 0, int(number * positive_share))
    return positive | _lowest(draw, partner == NEGATIVE, number - positive.sum())


def _lowest(draw: Tensor, allowed: Tensor, number: int | Tensor) -> Tensor:
    """The ``number`` allowed ones with the lowest draws, or all that there are, bool ``(n,)``."""
    order = torch.where(allowed, draw, 2.0).argsort(stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))
    return allowed & (rank < number)
