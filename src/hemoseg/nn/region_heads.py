"""The heads of Mask R-CNN over a pyramid and their losses (He et al., 2017, section 3 and figure 4, arXiv:1703.06870).

Boxes are predicted as in Fast R-CNN (Girshick, 2015, section 2.3, arXiv:1504.08083): for each class, from the region.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hemoseg.nn.boxes import decode, encode

# Standard deviations by which deltas are divided before they are learnt, so that they count as much as the classes.
# Not in the papers; the numbers are those of the authors' code (Detectron).
SPREAD = (0.1, 0.1, 0.2, 0.2)
BOX_SIDE, MASK_SIDE = 7, 14  # bins that the heads read, figure 4
MASK_CONVOLUTIONS = 4
# Chance of a cell that a region has before training. Ours, as Lin et al., 2017, section 4.1, arXiv:1708.02002, do for
# dense detectors: an untrained network then says nothing, rather than cells all over.
PRIOR = 0.01
MOST_HIDDEN = 4096


class BoxHead(nn.Module):
    """Two fully connected layers, then a class and a box for each class but background.

    Args:
        channels: of the features.
        classes: background included.
        hidden: outputs of the fully connected layers; 1024 in the source.

    Raises:
        ValueError: no output, or more than `MOST_HIDDEN`.
    """

    def __init__(self, channels: int, classes: int, hidden: int):
        super().__init__()
        if not 1 <= hidden <= MOST_HIDDEN:
            raise ValueError(f"hidden must be from 1 to {MOST_HIDDEN}, not {hidden}")
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * BOX_SIDE**2, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
        )
        self.score = nn.Linear(hidden, classes)
        self.delta = nn.Linear(hidden, 4 * (classes - 1))
        for layer in self.layers[1::2]:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        for layer, deviation in ((self.score, 0.01), (self.delta, 0.001)):  # Fast R-CNN, section 2.3
            nn.init.normal_(layer.weight, std=deviation)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.score.bias[:1], math.log((1 - PRIOR) / PRIOR * (classes - 1)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits ``(n, K)`` and deltas ``(n, K - 1, 4)`` of regions' features ``(n, C, BOX_SIDE, BOX_SIDE)``."""
        x = self.layers(x)
        return self.score(x), self.delta(x).unflatten(1, (-1, 4))


class MaskHead(nn.Sequential):
    """Four 3x3 convolutions, a 2x2 transposed one of stride 2, each with ReLU, and a 1x1 one to a mask per class.

    ``(n, K - 1, 2 MASK_SIDE, 2 MASK_SIDE)`` logits of regions' features ``(n, C, MASK_SIDE, MASK_SIDE)``.

    Args:
        channels: of the features, and of every layer but the last.
        classes: background included.
    """

    def __init__(self, channels: int, classes: int):
        layers: list[nn.Module] = []
        for _ in range(MASK_CONVOLUTIONS):
            layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(inplace=True)]
        layers += [nn.ConvTranspose2d(channels, channels, 2, stride=2), nn.ReLU(inplace=True)]
        super().__init__(*layers, nn.Conv2d(channels, classes - 1, 1))
        for layer in list(self)[::2]:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)


def decode_regions(deltas: Tensor, regions: Tensor) -> Tensor:
    """Boxes ``(n, K - 1, 4)`` of deltas ``(n, K - 1, 4)`` from regions ``(n, 4)``."""
    scaled = deltas * deltas.new_tensor(SPREAD)
    from_each = regions.to(deltas)[:, None].expand_as(deltas)
    return decode(scaled.flatten(0, 1), from_each.flatten(0, 1)).view_as(deltas)


def class_loss(logits: Tensor, answers: Tensor) -> Tensor:
    """Mean log loss of regions' logits ``(n, K)`` for classes ``(n,)``; 0 of none."""
    return F.cross_entropy(logits, answers, reduction="sum") / max(1, len(answers))


def box_loss(deltas: Tensor, regions: Tensor, boxes: Tensor, answers: Tensor) -> Tensor:
    """Smooth L1 of the deltas of the right class, over all regions (Fast R-CNN, equations 1 to 3).

    Args:
        deltas: ``(n, K - 1, 4)``.
        regions: ``(n, 4)``.
        boxes: of the cell of each region ``(n, 4)``; whatever where it has none.
        answers: class of each region, int64 ``(n,)``, 0 of background, whose boxes do not count.

    Returns:
        the sum over the four numbers and the regions of a cell, divided by the number of all regions; 0 of none.
    """
    cell = answers > 0
    wanted = encode(boxes[cell], regions[cell]) / boxes.new_tensor(SPREAD)
    said = deltas[cell, answers[cell] - 1]
    return F.smooth_l1_loss(said, wanted.to(said), reduction="sum") / max(1, len(answers))


def mask_loss(logits: Tensor, answers: Tensor, masks: Tensor, known: Tensor) -> Tensor:
    """Mean binary log loss of the masks of the right class over the bins that are known; 0 where there is none.

    Args:
        logits: ``(n, K - 1, s, s)`` of regions of a cell.
        answers: class of each, int64 ``(n,)``, 1 or more.
        masks: bool ``(n, s, s)``.
        known: bool ``(n, s, s)``.
    """
    said = logits[torch.arange(len(answers), device=answers.device), answers - 1]
    losses = F.binary_cross_entropy_with_logits(said, masks.to(said), reduction="none")
    return (losses * known).sum() / known.sum().clamp(min=1)
