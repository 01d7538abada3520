"""Non-maximum suppression: of boxes that share much, the one with the highest score stays."""

import torch
from torch import Tensor

from hemoseg.nn.boxes import iou

BLOCK = 1024  # boxes that are compared with each other at once: 4 MiB


def suppress(boxes: Tensor, scores: Tensor, overlap: float, *, most: int | None = None, block: int = BLOCK) -> Tensor:
    """Greedy non-maximum suppression.

    From the highest score down, a box stays unless its IoU with one that stays is above ``overlap``. Of equal scores
    the box that comes first counts as the higher one.

    Args:
        boxes: ``(n, 4)``.
        scores: ``(n,)``, none of them NaN.
        overlap: largest IoU of two boxes that both stay.
        most: take only so many boxes of the highest scores into account; none takes all.
        block: boxes that are decided at once. The result does not depend on it; memory grows with ``block`` times the
            number of boxes that stay, not with the square of ``n``.

    Returns:
        positions of the boxes that stay, int64 ``(kept,)``, by falling score.
    """
    order = scores.argsort(descending=True, stable=True)[:most]
    stay = order[:0]
    for some in order.split(block):
        free = some[~_shares(boxes[some], boxes[stay], overlap).any(dim=1)]
        stay = torch.cat([stay, free[_stays(_shares(boxes[free], boxes[free], overlap))]])
    return stay


def _shares(a: Tensor, b: Tensor, overlap: float) -> Tensor:
    return iou(a, b) > overlap


def _stays(shares: Tensor) -> Tensor:
    """Which of a few boxes stay, bool ``(n,)``; ``shares`` says which pairs share too much, the best box first.

    A box stays if none of the better ones that stay shares too much with it. Whatever is assumed at first, a pass
    decides at least one box more for good, from the best one down: what a pass leaves as it was is the answer.
    """
    better = shares.triu(diagonal=1).float()
    stay = torch.ones(len(shares), device=shares.device)
    while True:
        after = (stay @ better == 0).float()
        if torch.equal(after, stay):
            return stay.bool()
        stay = after
