"""Mask R-CNN with a residual encoder: finds each cell, then its class, its box and its mask (autocsc, compared)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hemoseg.models import Labelled
from hemoseg.nn.boxes import boxes_of_labels
from hemoseg.nn.mask_rcnn import MaskRCNN, Reading
from hemoseg.nn.pretrained import load_published
from hemoseg.nn.suppression import suppress

SMALL_CELL = 0.1  # quantile of the training cells' sides that the finest anchor has


def build(
    in_channels: int,
    classes: int,
    *,
    encoder: str = "resnet18",
    width: int = 64,
    channels: int = 128,
    hidden: int = 512,
    anchor: float = 0.0,
    scales: Sequence[float] = (1.0, 1.414),
    ratios: Sequence[float] = (0.5, 1.0, 2.0),
    proposals: int = 1000,
    drawn: int = 512,
    score: float = 0.5,
    painted: float = 0.05,
    overlap: float = 0.5,
    most: int = 300,
) -> nn.Module:
    """Build the network; see `hemoseg.nn.mask_rcnn.MaskRCNN`.

    Args:
        in_channels: channels of the image.
        classes: background included.
        encoder: ``resnet18``, ``resnet34`` or ``resnet50``.
        width: channels of the encoder's first stage; published weights need 64.
        channels: of the feature pyramid and the mask head; 256 in the source.
        hidden: outputs of the box head's fully connected layers; 1024 in the source.
        anchor: side in pixels of the finest level's square anchor of scale 1, twice as much at each of the three
            coarser levels; 0 lets `settle` take it from the training cells.
        scales: of the anchors' sides.
        ratios: heights over widths of the anchors.
        proposals: boxes of a level that are suppressed among each other, and of an image that the heads look at, at
            most; 1000 is the source's at prediction, in training it has 2000 of an image.
        drawn: regions that learn from an image in one step, a quarter of them of cells at most; the source's is 512.
        score: least probability of what is said to be a cell.
        painted: least probability of what counts in the probabilities, where it is too unlikely to be said; the
            source's least score.
        overlap: of two cells of a class with a higher IoU of their boxes the one with the lower score is left out.
        most: cells of an image.

    Raises:
        ValueError: a number that makes no sense.
    """
    if not 0 <= anchor < float("inf"):
        raise ValueError(f"anchor must be 0 or more, not {anchor}")
    for name, number, least in (("proposals", proposals, 1), ("drawn", drawn, 4), ("most", most, 1)):
        if number < least:
            raise ValueError(f"{name} must be at least {least}, not {number}")
    if not 0 <= painted <= score <= 1 or not 0 <= overlap <= 1:
        raise ValueError(f"0 <= painted <= score <= 1 and 0 <= overlap <= 1, not {painted}, {score} and {overlap}")
    return MaskRCNN(
        in_channels, classes, encoder=encoder, width=width, channels=channels, hidden=hidden, anchor=anchor,
        scales=scales, ratios=ratios, reading=Reading(proposals, drawn, score, painted, overlap, most),
    )  # fmt: skip


def settle(settings: dict[str, Any], instances: Sequence[np.ndarray]) -> dict[str, Any]:
    """The settings with an anchor as large as small training cells, where ``anchor`` is 0.

    It is the side, the root of width times height, that a tenth of the cells stay below; the levels' anchors double
    from there. Cells at the frame are left out where there are others: they say where it cut.

    Args:
        settings: of `build`.
        instances: cells of each training image, int ``(H, W)``.

    Raises:
        ValueError: there is no cell to take it from.
    """
    if settings.get("anchor", 0.0):
        return settings
    sides, whole = [], []
    for one in instances:
        boxes = boxes_of_labels(torch.from_numpy(np.asarray(one, np.int64)))[1]
        sides.append((boxes[:, 2:] - boxes[:, :2]).double().prod(dim=1).sqrt())
        most = boxes.new_tensor([one.shape[1], one.shape[0]])
        whole.append((boxes[:, :2] > 0).all(dim=1) & (boxes[:, 2:] < most).all(dim=1))
    side, uncut = torch.cat([torch.zeros(0, dtype=torch.double), *sides]), torch.cat([torch.zeros(0).bool(), *whole])
    if not len(side):
        raise ValueError("no training cell to take the anchors' side from; give instances, or set anchor")
    chosen = side[uncut] if uncut.any() else side
    return settings | {"anchor": round(float(np.quantile(chosen.numpy(), SMALL_CELL)), 3)}


def compute_loss(network: nn.Module, batch: Any, loss: Callable[[Tensor, Any], Tensor]) -> Tensor:
    """The sum of the network's own five losses; the one of the settings has nothing to say here.

    The log loss and smooth L1 of the proposals; log loss of the regions' classes, smooth L1 of their boxes and binary
    log loss of their masks, box and mask of the right class alone.

    Args:
        network: what `build` gave, or a wrapper of it.
        batch: images, classes and instances (`hemoseg.training.batches.Batch`).
        loss: not used.

    Returns:
        a scalar.
    """
    return network(batch.images, batch.classes, batch.instances)


def propose(network: nn.Module, images: Tensor, *, score: float, overlap: float) -> Tensor:
    """Boxes of cells in one image, whatever their class: those of the box head.

    Args:
        network: what `build` gave, in evaluation mode.
        images: one normalised image ``(1, C, H, W)``.
        score: least probability of a class but background.
        overlap: of two boxes with a higher IoU the one with the lower score is left out.

    Returns:
        float32 ``(n, 5)``: x0, y0, x1, y1 within the image, each side 1 pixel or more, and the score, by which they
        fall; finite whatever the weights are.
    """
    (found,) = network.boxes(images, score=score)
    stay = suppress(found.boxes, found.scores, overlap)
    return torch.cat([found.boxes[stay], found.scores[stay, None]], dim=1).float()


def label(network: nn.Module, images: Tensor) -> Labelled:
    """The cells of one image as the network itself tells them apart.

    Where masks overlap the cell of the higher score keeps the pixel; one that keeps none is no cell.

    Args:
        network: what `build` gave, in evaluation mode.
        images: one normalised image ``(1, C, H, W)``.

    Returns:
        classes, the probabilities of `forward`, cells numbered by falling score from 1, and as many boxes with scores:
        the box of cell i is in row i - 1.
    """
    ((found, masks),) = network.detect(images)
    probability, owner = network.paint(found, masks, *images.shape[-2:])
    kept, numbers = owner.unique(return_inverse=True)
    instances = numbers if not len(kept) or kept[0] == 0 else numbers + 1
    said = kept[kept > 0] - 1
    boxes = torch.cat([found.boxes[said], found.scores[said, None]], dim=1)
    return Labelled(
        probability.argmax(dim=0).to(torch.uint8).cpu().numpy(),
        probability.float().cpu().numpy(),
        instances.to(torch.int32).cpu().numpy(),
        boxes.float().cpu().numpy(),
    )


def load_pretrained(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Start the encoder from a ResNet's state dict as torchvision publishes it (ImageNet); the classifier is dropped.

    Raises:
        ValueError: it is the state of another encoder.
    """
    load_published(network.features.encoder, state, first="conv1.weight", dropped=("fc.",))
