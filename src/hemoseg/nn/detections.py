"""From the answers of the heads to cells, and from cells to a picture of probabilities and numbers."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hemoseg.nn.boxes import clip
from hemoseg.nn.region_heads import decode_regions
from hemoseg.nn.region_proposals import large_enough
from hemoseg.nn.suppression import suppress

# What a pixel of a cell has at least of its class, and what any other has at most; told apart in float16 too.
SAID, NOT_SAID = 0.501, 0.499


@dataclass(frozen=True)
class Detections:
    """Cells of one image by falling score: ``boxes`` ``(n, 4)``, ``scores`` ``(n,)``, ``classes`` int64 ``(n,)``."""

    boxes: Tensor
    scores: Tensor
    classes: Tensor


@torch.no_grad()
def detect(
    logits: Tensor, deltas: Tensor, regions: Tensor, height: int, width: int,
    *, score: float, overlap: float, most: int,
) -> Detections:  # fmt: skip
    """The cells of one image, after Fast R-CNN (Girshick, 2015, section 3.1): each class suppressed by itself.

    Args:
        logits: ``(n, K)`` of the regions.
        deltas: ``(n, K - 1, 4)``.
        regions: ``(n, 4)``.
        height: rows of the image.
        width: columns of the image.
        score: least probability of a cell's class.
        overlap: largest IoU of two boxes of a class that both stay.
        most: cells of an image.

    Returns:
        boxes within the image, each side 1 pixel or more; one region may yield cells of several classes. Whatever is
        not a number is left out.
    """
    chances = logits.to(regions).softmax(dim=1)[:, 1:]
    boxes = clip(decode_regions(deltas.to(regions), regions).flatten(0, 1), height, width).view(*chances.shape, 4)
    good = (chances >= score) & large_enough(boxes)
    found = []
    for kind in range(chances.shape[1]):
        box, chance = boxes[good[:, kind], kind], chances[good[:, kind], kind]
        stay = suppress(box, chance, overlap)
        found.append((box[stay], chance[stay], torch.full_like(stay, kind + 1)))
    boxes, scores, classes = (torch.cat(each) for each in zip(*found, strict=True))
    order = scores.argsort(descending=True, stable=True)[:most]
    return Detections(boxes[order], scores[order], classes[order])


def paste(mask: Tensor, box: Tensor, height: int, width: int) -> tuple[slice, slice, Tensor]:
    """The pixels whose centres lie in a box, as rows and columns, and what its mask says of each, bilinear.

    The mask's values stand at the middles of its bins; nearer to the box's edge the outermost hold.

    Args:
        mask: ``(s, s)``.
        box: ``(4,)`` within the image.
        height: rows of the image.
        width: columns of the image.
    """
    (x0, y0), (x1, y1) = box.double().view(2, 2)
    # Row r has its centre at r + 1/2.
    rows, columns = (
        slice(max(0, int((begin - 0.5).ceil())), min(length, int((end - 0.5).ceil())))
        for begin, end, length in ((y0, y1, height), (x0, x1, width))
    )
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return slice(0, 0), slice(0, 0), mask[:0, :0]
    x, y = (
        (2 * (torch.arange(span.start, span.stop).to(x0) + 0.5 - begin) / (end - begin) - 1).to(mask)
        for span, begin, end in ((columns, x0, x1), (rows, y0, y1))
    )
    grid = torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))], dim=-1)
    return rows, columns, F.grid_sample(mask[None, None], grid[None], padding_mode="border", align_corners=False)[0, 0]


@torch.no_grad()
def paint(found: Detections, masks: Tensor, n_classes: int, height: int, width: int, *, score: float):
    """Probabilities of the classes at every pixel, and the cells.

    A pixel belongs to the cell of the highest score, ``score`` or more, whose mask says 1/2 or more there. The
    probability of a class is the highest product of a cell's score and its mask there, of all cells of the class; it is
    moved to `SAID` or `NOT_SAID` where it would put the pixel to another class than its cell's, or to a cell where it
    belongs to none. Background has what the likeliest class leaves of 1, and all are divided by their sum: so the
    class of the highest probability is that of the pixel's cell, and of a pixel without cell it is background.

    Args:
        found: by falling score.
        masks: probabilities ``(n, s, s)`` of the mask of each cell.
        n_classes: background included.
        height: rows of the image.
        width: columns of the image.
        score: least score of what is said to be a cell.

    Returns:
        probabilities ``(n_classes, height, width)`` and the position of each pixel's cell plus 1, 0 of none, int64
        ``(height, width)``.
    """
    chance = masks.new_zeros(n_classes - 1, height, width)
    owner = torch.zeros(height, width, dtype=torch.long, device=masks.device)
    for number, (box, certain, kind) in enumerate(
        zip(found.boxes, found.scores.tolist(), found.classes.tolist(), strict=True)
    ):
        rows, columns, inside = paste(masks[number], box, height, width)
        of_class = chance[kind - 1, rows, columns]
        torch.maximum(of_class, certain * inside, out=of_class)
        if certain >= score:
            place = owner[rows, columns]
            place[(place == 0) & (inside >= 0.5)] = number + 1
    kinds = torch.cat([found.classes.new_zeros(1), found.classes])[owner]
    own = kinds[None] == torch.arange(1, n_classes, device=kinds.device)[:, None, None]
    chance = torch.where(own, chance.clamp(min=SAID), chance.clamp(max=NOT_SAID))
    painted = torch.cat([1 - chance.amax(dim=0, keepdim=True), chance])
    return painted / painted.sum(dim=0, keepdim=True), owner
