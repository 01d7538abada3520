"""Region proposals from a feature pyramid: one head for all levels, anchors that grow with the stride."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hemoseg.nn.anchors import anchor_boxes, places
from hemoseg.nn.boxes import clip, decode
from hemoseg.nn.rpn import ProposalHead
from hemoseg.nn.suppression import suppress

LEAST_SIDE = 1.0  # pixels; a box that the image's frame cuts below it is none
OVERLAP = 0.7  # largest IoU of two proposals of a level that both stay (Ren et al., 2015, section 3.3)
MOST = 1000  # proposals of a level before suppression, and of an image after it (Lin et al., 2017, at prediction)


class PyramidProposals(nn.Module):
    """A 3x3 convolution, ReLU and `ProposalHead`, the same weights at every level (Lin et al., 2017, section 4.1).

    Args:
        channels: of every level.
        sizes: widths and heights ``(k, 2)`` of the anchors of a place of the finest level; they double at each level.
        strides: pixels per feature of each level, the finest first.
    """

    def __init__(self, channels: int, sizes: Tensor, strides: Sequence[int]):
        super().__init__()
        self.shared = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.kaiming_normal_(self.shared.weight, nonlinearity="relu")
        nn.init.zeros_(self.shared.bias)
        self.head = ProposalHead(channels, len(sizes))
        self.sizes, self.strides = sizes, tuple(strides)

    def forward(self, maps: Sequence[Tensor], height: int, width: int) -> tuple[list[Tensor], list[Tensor]]:
        """Scores ``(B, n_l, 2)`` and deltas ``(B, n_l, 4)`` of the `anchors` of each level.

        Args:
            maps: features ``(B, C, h_l, w_l)`` of each level.
            height: rows of the image; places centred in what it was filled up with have no anchors.
            width: columns of the image.
        """
        scores, deltas = [], []
        for features, stride in zip(maps, self.strides, strict=True):
            answers = self.head(F.relu(self.shared(features)))
            rows, columns = places(height, stride), places(width, stride)
            for kept, one in zip((scores, deltas), answers, strict=True):
                kept.append(one[:, :rows, :columns].flatten(1, 3))
        return scores, deltas

    def anchors(self, height: int, width: int, like: Tensor) -> list[Tensor]:
        """Anchors ``(n_l, 4)`` of each level in an image, on the device of ``like``."""
        sizes = self.sizes.to(like.device, torch.promote_types(like.dtype, torch.float32))
        return [anchor_boxes(sizes * stride / self.strides[0], stride, height, width) for stride in self.strides]


@torch.no_grad()
def proposals(
    scores: Sequence[Tensor], deltas: Sequence[Tensor], anchors: Sequence[Tensor], height: int, width: int,
    *, most: int = MOST, overlap: float = OVERLAP,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The best boxes of one image, of all levels.

    Of each level the ``most`` anchors of the highest scores are decoded, cut to the image, and suppressed; of what is
    left of all levels the ``most`` of the highest scores stay.

    Args:
        scores: ``(n_l, 2)`` of each level, of background and of a cell.
        deltas: ``(n_l, 4)`` of each level.
        anchors: ``(n_l, 4)`` of each level.
        height: rows of the image.
        width: columns of the image.
        most: boxes of a level before and of the image after suppression.
        overlap: largest IoU of two boxes of a level that both stay.

    Returns:
        boxes ``(n, 4)`` within the image, each side `LEAST_SIDE` or more, and their scores ``(n,)``, by which they
        fall; whatever is not a number is left out.
    """
    boxes, margins = [], []
    for score, delta, anchor in zip(scores, deltas, anchors, strict=True):
        # Ranked before the softmax, which in float32 is 1 of all that are sure enough.
        margin = (score[:, 1] - score[:, 0]).to(anchor).nan_to_num(nan=-torch.inf)
        best = margin.argsort(descending=True, stable=True)[:most]
        box, margin = clip(decode(delta[best].to(anchor), anchor[best]), height, width), margin[best]
        kept = (margin > -torch.inf) & large_enough(box)
        box, margin = box[kept], margin[kept]
        stay = suppress(box, margin, overlap)
        boxes.append(box[stay])
        margins.append(margin[stay])
    joined, margin = torch.cat(boxes), torch.cat(margins)
    order = margin.argsort(descending=True, stable=True)[:most]
    return joined[order], margin[order].sigmoid()


def large_enough(boxes: Tensor) -> Tensor:
    """Which boxes ``(..., 4)`` have sides of `LEAST_SIDE` or more, bool ``(...)``; not one that is not a number."""
    return (boxes[..., 2:] - boxes[..., :2] >= LEAST_SIDE).all(dim=-1)
