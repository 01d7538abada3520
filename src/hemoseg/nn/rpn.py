"""The region proposal network: scores and boxes from anchors, and their loss (Ren et al., 2015, arXiv:1506.01497)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hemoseg.nn.boxes import encode
from hemoseg.nn.proposals import DRAWN, IGNORED, NEGATIVE, match, sample

BALANCE = 10.0  # lambda, as the source has it
INITIAL = 0.01  # standard deviation of the first weights, the source's, section 3.1.3


class ProposalHead(nn.Module):
    """Two 1x1 convolutions: at each place 2k scores and 4k box deltas (touching, RPN).

    Args:
        in_channels: of the features.
        anchors: k, anchors of a place.
    """

    def __init__(self, in_channels: int, anchors: int):
        super().__init__()
        self.score = nn.Conv2d(in_channels, 2 * anchors, 1)
        self.delta = nn.Conv2d(in_channels, 4 * anchors, 1)
        for layer in (self.score, self.delta):
            nn.init.normal_(layer.weight, std=INITIAL)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``(B, h, w, k, 2)``, of background and of a cell, and deltas ``(B, h, w, k, 4)`` as of `encode`.

        Args:
            x: features ``(B, C, h, w)``.
        """
        scores, deltas = self.score(x), self.delta(x)
        return _by_place(scores, 2), _by_place(deltas, 4)


def _by_place(maps: Tensor, numbers: int) -> Tensor:
    return maps.unflatten(1, (-1, numbers)).permute(0, 3, 4, 1, 2)


def proposal_loss(
    scores: Tensor,
    deltas: Tensor,
    anchors: Tensor,
    boxes: Sequence[Tensor],
    *,
    locations: int,
    known: Tensor | None = None,
    balance: float = BALANCE,
    number: int = DRAWN,
) -> Tensor:
    """The loss of the proposals of a batch: the mean over its images of `image_loss` of anchors drawn by `sample`.

    Args:
        scores: ``(B, n, 2)``, of background and of a cell.
        deltas: ``(B, n, 4)``.
        anchors: ``(n, 4)``.
        boxes: true boxes ``(m, 4)`` of each image.
        locations: places of the feature map, N_reg.
        known: bool ``(B, n)``: an anchor of which it is not known what is there is no negative one; none: all are.
        balance: lambda.
        number: anchors drawn of an image.

    Returns:
        a scalar; 0 without anchors.
    """
    losses = []
    for position, true in enumerate(boxes):
        partner = match(anchors, true)
        if known is not None:
            partner = torch.where((partner == NEGATIVE) & ~known[position], IGNORED, partner)
        learn = torch.where(sample(partner, number=number), partner, IGNORED)
        losses.append(image_loss(scores[position], deltas[position], anchors, true, learn, locations, balance))
    return torch.stack(losses).mean()


def image_loss(
    scores: Tensor, deltas: Tensor, anchors: Tensor, boxes: Tensor, partner: Tensor, locations: int, balance: float
) -> Tensor:
    """(1 / N_cls) sum of log losses + lambda (1 / N_reg) sum over positive anchors of smooth L1, of one image.

    touching prints this formula and none of its constants. Our reading is the source's, section 3.1.2: N_cls is the
    number of anchors drawn, 256 where there are as many; N_reg is the number of places of the feature map; lambda is
    10; smooth L1 is x^2 / 2 up to 1, then abs(x) - 1/2, summed over the four numbers of a box; the log loss is that of
    two classes.

    Args:
        scores: ``(n, 2)``, of background and of a cell.
        deltas: ``(n, 4)``.
        anchors: ``(n, 4)``.
        boxes: true boxes ``(m, 4)``.
        partner: ``(n,)`` of `match`, `IGNORED` where an anchor was not drawn.
        locations: places of the feature map, N_reg.
        balance: lambda.

    Returns:
        a scalar; 0 where no anchor was drawn.
    """
    drawn, positive = partner != IGNORED, partner >= 0
    answers = positive[drawn].long()
    log_loss = F.cross_entropy(scores[drawn], answers, reduction="sum") / max(1, len(answers))
    wanted = encode(boxes[partner[positive]], anchors[positive])
    distance = F.smooth_l1_loss(deltas[positive], wanted.to(deltas), reduction="sum")
    return log_loss + balance * distance / max(1, locations)
