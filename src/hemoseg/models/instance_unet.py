"""Instance-U-Net of `touching`: a U-Net trained jointly with a region proposal network; without it, its plain U-Net."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hemoseg.nn.anchors import anchor_boxes, anchor_sizes, places
from hemoseg.nn.boxes import boxes_of_labels, clip, decode
from hemoseg.nn.instance_unet import InstanceUNet
from hemoseg.nn.proposals import DRAWN
from hemoseg.nn.rpn import BALANCE, proposal_loss
from hemoseg.nn.suppression import suppress

IGNORE = 255  # class of pixels of which nothing is known
LEAST_SIDE = 1.0  # pixels; a proposal that the image's frame cuts below it is none
# Share of the anchor's side: a cell of which augmentation or the frame leaves less is taught to no anchor. Every true
# box makes its best anchor positive, and a strip of two pixels would teach it a side of a twentieth of its own.
SLIVER = 0.125


@dataclass(frozen=True)
class Proposing:
    """How a network proposes, by the names of `build`; ``sizes`` are the anchors' widths and heights ``(k, 2)``."""

    anchor: float
    sizes: Tensor
    proposal_weight: float
    balance: float
    drawn: int


def build(
    in_channels: int,
    classes: int,
    *,
    width: int = 64,
    levels: int = 4,
    proposals: bool = True,
    anchor: float = 0.0,
    scales: Sequence[float] = (0.5, 1.0, 2.0),
    ratios: Sequence[float] = (0.5, 1.0, 2.0),
    proposal_weight: float = 1.0,
    balance: float = BALANCE,
    drawn: int = DRAWN,
) -> nn.Module:
    """Build the network; see `hemoseg.nn.instance_unet.InstanceUNet`.

    Args:
        in_channels: channels of the image.
        classes: maps put out, background included.
        width: channels of the first step.
        levels: number of poolings.
        proposals: whether there is a region proposal network; without it nothing else differs.
        anchor: side in pixels of the square anchor of scale 1; 0 lets `settle` take the mean training box.
        scales: of the anchors' sides.
        ratios: heights over widths of the anchors.
        proposal_weight: of the loss of the proposals beside that of the segmentation.
        balance: lambda, weight of the boxes in the loss of the proposals.
        drawn: anchors that learn from an image in one step, half of them positive ones at most. Where cells have far
            fewer, nearly all are background, and scores are low: then take fewer.

    Raises:
        ValueError: a number that makes no sense.
    """
    for name, number in (("anchor", anchor), ("proposal_weight", proposal_weight), ("balance", balance)):
        if not 0 <= number < float("inf"):
            raise ValueError(f"{name} must be 0 or more, not {number}")
    if drawn < 2:
        raise ValueError(f"drawn must be at least 2, not {drawn}")
    sizes = anchor_sizes(anchor or 1.0, scales, ratios)
    network = InstanceUNet(in_channels, classes, width=width, levels=levels, anchors=len(sizes) if proposals else 0)
    network.proposing = Proposing(anchor, sizes, proposal_weight, balance, drawn) if proposals else None
    return network


def settle(settings: dict[str, Any], instances: Sequence[np.ndarray]) -> dict[str, Any]:
    """The settings with the mean side of the training boxes, the root of width times height, where ``anchor`` is 0.

    Args:
        settings: of `build`.
        instances: cells of each training image, int ``(H, W)``.

    Raises:
        ValueError: there is no cell to take it from.
    """
    if not settings.get("proposals", True) or settings.get("anchor", 0.0):
        return settings
    boxes = [boxes_of_labels(torch.from_numpy(np.asarray(one, np.int64)))[1] for one in instances]
    sides = [(box[:, 2:] - box[:, :2]).double().prod(dim=1).sqrt() for box in boxes]
    if not sum(map(len, sides)):
        raise ValueError("no training cell to take the anchors' side from; give instances, or set anchor or proposals")
    return settings | {"anchor": round(float(torch.cat(sides).mean()), 3)}


def compute_loss(network: nn.Module, batch: Any, loss: Callable[[Tensor, Any], Tensor]) -> Tensor:
    """The loss of the segmentation plus ``proposal_weight`` times that of the proposals.

    Args:
        network: what `build` gave, or a wrapper of it.
        batch: images, classes, and instances where the network proposes (`hemoseg.training.batches.Batch`).
        loss: that of logits and batch.

    Returns:
        a scalar.
    """
    settings = network.proposing
    if settings is None:
        return loss(network(batch.images), batch)
    logits, scores, deltas = network(batch.images, proposals=True)
    anchors = _anchors(network, batch.images)
    boxes = [boxes_of_labels(cells, least_side=SLIVER * settings.anchor)[1] for cells in batch.instances]
    height, width = batch.images.shape[-2:]
    of_proposals = proposal_loss(
        scores, deltas, anchors, boxes,
        locations=places(height, network.stride) * places(width, network.stride),
        known=_known(anchors, batch.classes), balance=settings.balance, number=settings.drawn,
    )  # fmt: skip
    return loss(logits, batch) + settings.proposal_weight * of_proposals


def reads_cells(network: nn.Module) -> bool:
    """Whether `compute_loss` looks at the cells of a batch: they are what proposals learn from."""
    return network.proposing is not None


def _known(anchors: Tensor, classes: Tensor) -> Tensor:
    """Whether it is known what is at each anchor's centre, bool ``(B, n)``; the centres of anchors lie in the image."""
    columns, rows = ((anchors[:, :2] + anchors[:, 2:]) / 2).long().unbind(1)
    return classes[:, rows, columns] != IGNORE


def _anchors(network: nn.Module, images: Tensor) -> Tensor:
    if not network.proposing.anchor:
        raise ValueError("the anchors have no side yet; give `anchor`, or take it from training cells by `settle`")
    sizes = network.proposing.sizes.to(images.device, torch.float32)
    return anchor_boxes(sizes, network.stride, *images.shape[-2:])


def propose(network: nn.Module, images: Tensor, *, score: float, overlap: float) -> Tensor | None:
    """Boxes of cells in one image.

    Args:
        network: what `build` gave, in evaluation mode.
        images: one normalised image ``(1, C, H, W)``.
        score: least probability of a cell.
        overlap: of two boxes with a higher IoU the one with the lower score is left out.

    Returns:
        float32 ``(n, 5)``: x0, y0, x1, y1 within the image, each side 1 pixel or more, and the score, by which they
        fall; finite whatever the weights are. None of a network without proposals.
    """
    if network.proposing is None:
        return None
    scores, deltas = (one[0].float() for one in network.proposed(images))
    boxes = clip(decode(deltas, _anchors(network, images)), *images.shape[-2:])
    probability = scores.softmax(dim=1)[:, 1]
    sides = boxes[:, 2:] - boxes[:, :2]
    kept = (probability >= score) & (sides >= LEAST_SIDE).all(dim=1)  # neither holds of what is not a number
    boxes, probability = boxes[kept], probability[kept]
    stay = suppress(boxes, probability, overlap)
    return torch.cat([boxes[stay], probability[stay, None]], dim=1)
