"""Mask R-CNN over a feature pyramid: proposals, then class, box and mask (He et al., 2017, arXiv:1703.06870)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hemoseg.nn.anchors import anchor_sizes
from hemoseg.nn.detections import Detections, detect, paint
from hemoseg.nn.feature_pyramid import STRIDES, ResidualPyramid
from hemoseg.nn.proposals import DRAWN, NEGATIVE, sample
from hemoseg.nn.region_heads import BOX_SIDE, MASK_SIDE, BoxHead, MaskHead, box_loss, class_loss, mask_loss
from hemoseg.nn.region_proposals import PyramidProposals, proposals
from hemoseg.nn.regions import Truth, mask_targets, match_regions, mostly_known, truth_of
from hemoseg.nn.roi_align import pyramid_align
from hemoseg.nn.rpn import proposal_loss

# Share of the anchor's side: a cell of which augmentation or the frame leaves less is taught to no region.
SLIVER = 0.125
LEAST_PROBABILITY = 1e-6  # before the logarithm


@dataclass(frozen=True)
class Reading:
    """How regions are drawn in training and read at prediction, by the names of `hemoseg.models.mask_rcnn.build`."""

    proposals: int
    drawn: int
    score: float
    painted: float
    overlap: float
    most: int


class MaskRCNN(nn.Module):
    """Residual encoder, feature pyramid, proposals, a box head and a mask head.

    Args:
        in_channels: channels of the image.
        classes: background included, 2 or more.
        encoder: of `hemoseg.nn.resnet.ResNet`.
        width: channels of its first stage.
        channels: of the pyramid, of the proposals and of the mask head.
        hidden: outputs of the box head's fully connected layers.
        anchor: side of the finest level's square anchor of scale 1, in pixels; 0 where it is not known yet.
        scales: of the anchors' sides.
        ratios: heights over widths of the anchors.
        reading: how regions are drawn and read.

    Raises:
        ValueError: a number that makes no network.
    """

    def __init__(
        self, in_channels: int, classes: int, *, encoder: str, width: int, channels: int, hidden: int,
        anchor: float, scales: Sequence[float], ratios: Sequence[float], reading: Reading,
    ):  # fmt: skip
        super().__init__()
        if classes < 2:
            raise ValueError(f"classes must be background and one more at least, not {classes}")
        self.features = ResidualPyramid(in_channels, encoder, width=width, channels=channels)
        self.proposing = PyramidProposals(channels, anchor_sizes(anchor or 1.0, scales, ratios), STRIDES)
        self.box_head = BoxHead(channels, classes, hidden)
        self.mask_head = MaskHead(channels, classes)
        self.classes, self.anchor, self.reading = classes, anchor, reading

    def forward(self, images: Tensor, classes: Tensor | None = None, instances: Tensor | None = None) -> Tensor:
        """Logits ``(B, K, H, W)`` of images ``(B, C, H, W)`` of any size, or the loss where the truth is given.

        The softmax of the logits is what `hemoseg.nn.detections.paint` gives.

        Args:
            images: normalised.
            classes: int64 ``(B, H, W)``, 255 ignored.
            instances: cells, int64 ``(B, H, W)``, 0 background.

        Raises:
            ValueError: the anchors have no side yet.
        """
        if classes is not None:
            return self._loss(images, classes, instances)
        painted = [self.paint(one, masks, *images.shape[-2:])[0] for one, masks in self.detect(images)]
        return torch.stack(painted).clamp(min=LEAST_PROBABILITY).log()

    def paint(self, found: Detections, masks: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Probabilities ``(K, H, W)`` and the position plus 1 of the cell at each pixel ``(H, W)``, of one image."""
        return paint(found, masks, self.classes, height, width, score=self.reading.score)

    def detect(self, images: Tensor) -> list[tuple[Detections, Tensor]]:
        """Cells of each image down to the score `painted`, and their masks' probabilities ``(n, s, s)``."""
        maps, regions = self._regions(images)
        read = self.reading
        found = self._found(maps, regions, images, score=read.painted, overlap=read.overlap)
        aligned = pyramid_align(maps, [one.boxes for one in found], MASK_SIDE, strides=STRIDES)
        kinds = torch.cat([one.classes for one in found])
        masks = self.mask_head(aligned)[torch.arange(len(kinds), device=kinds.device), kinds - 1].sigmoid()
        return list(zip(found, masks.split([len(one.boxes) for one in found]), strict=True))

    def boxes(self, images: Tensor, *, score: float) -> list[Detections]:
        """Cells of each image without masks, of a score of at least ``score``; nothing is suppressed yet."""
        maps, regions = self._regions(images)
        return self._found(maps, regions, images, score=score, overlap=1.0)

    def _found(
        self, maps: list[Tensor], regions: list[Tensor], images: Tensor, *, score: float, overlap: float
    ) -> list[Detections]:
        answers = self.box_head(pyramid_align(maps, regions, BOX_SIDE, strides=STRIDES))
        each = zip(*(one.split([len(some) for some in regions]) for one in answers), regions, strict=True)
        options = {"score": score, "overlap": overlap, "most": self.reading.most}
        return [detect(*one, *images.shape[-2:], **options) for one in each]

    def _regions(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        maps = self.features(images)
        scores, deltas, anchors = self._proposed(maps, images)
        return maps, self._best(scores, deltas, anchors, images)

    def _proposed(self, maps: list[Tensor], images: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        if not self.anchor:
            raise ValueError("the anchors have no side yet; give `anchor`, or take it from training cells by `settle`")
        height, width = images.shape[-2:]
        return *self.proposing(maps, height, width), self.proposing.anchors(height, width, images)

    def _best(self, scores: list[Tensor], deltas: list[Tensor], anchors: list[Tensor], images: Tensor) -> list[Tensor]:
        """Proposals ``(n, 4)`` of each image."""
        most, size = self.reading.proposals, images.shape[-2:]
        return [
            proposals([one[i] for one in scores], [one[i] for one in deltas], anchors, *size, most=most)[0]
            for i in range(len(images))
        ]

    def _loss(self, images: Tensor, classes: Tensor, instances: Tensor) -> Tensor:
        """The sum of the losses of proposals (class and box), classes, boxes and masks, all of weight 1."""
        maps = self.features(images)
        scores, deltas, anchors = self._proposed(maps, images)
        least = SLIVER * self.anchor
        truths = [truth_of(*one, self.classes, least_side=least) for one in zip(classes, instances, strict=True)]
        every = torch.cat(anchors)
        # As in the authors' code of feature pyramids, boxes count per anchor drawn, not per place.
        of_proposals = proposal_loss(
            torch.cat(scores, 1).float(), torch.cat(deltas, 1).float(), every, [one.boxes for one in truths],
            locations=DRAWN, known=torch.stack([mostly_known(every, one.known) for one in truths]), balance=1.0,
        )  # fmt: skip
        regions = self._best(scores, deltas, anchors, images)
        return of_proposals + self._loss_of_heads(maps, regions, truths)

    def _loss_of_heads(self, maps: list[Tensor], regions: list[Tensor], truths: list[Truth]) -> Tensor:
        lessons = [_lesson(some, truth, self.reading.drawn) for some, truth in zip(regions, truths, strict=True)]
        regions = [one.regions for one in lessons]
        answers, boxes = (torch.cat([getattr(one, name) for one in lessons]) for name in ("answers", "boxes"))
        logits, deltas = self.box_head(pyramid_align(maps, regions, BOX_SIDE, strides=STRIDES))
        cells = [one.regions[one.answers > 0] for one in lessons]
        said = self.mask_head(pyramid_align(maps, cells, MASK_SIDE, strides=STRIDES)).float()
        masks, known = (torch.cat(each) for each in zip(*(one.masks for one in lessons), strict=True))
        of_boxes = class_loss(logits.float(), answers) + box_loss(deltas.float(), torch.cat(regions), boxes, answers)
        return of_boxes + mask_loss(said, answers[answers > 0], masks, known)


@dataclass(frozen=True)
class Lesson:
    """What the heads learn from one image: regions drawn, class and true box of each, masks of those of a cell."""

    regions: Tensor
    answers: Tensor
    boxes: Tensor
    masks: tuple[Tensor, Tensor]


@torch.no_grad()
def _lesson(regions: Tensor, truth: Truth, number: int) -> Lesson:
    """Draw ``number`` of the proposals and the true boxes, a quarter of them of cells at most."""
    # With the true boxes there are regions of cells from the start, as in the authors' code.
    every = torch.cat([regions, truth.boxes.to(regions)])
    partner = match_regions(every, truth)
    drawn = sample(partner, number=number, positive_share=0.25)
    every, partner = every[drawn], partner[drawn]
    cell = partner > NEGATIVE
    place = partner.clamp(min=0)
    nothing = torch.zeros_like(place)
    answers = torch.where(cell, truth.classes[place], nothing) if len(truth.classes) else nothing
    boxes = truth.boxes.to(every)[place] if len(truth.boxes) else every
    return Lesson(every, answers, boxes, mask_targets(truth, every[cell], partner[cell], 2 * MASK_SIDE))
