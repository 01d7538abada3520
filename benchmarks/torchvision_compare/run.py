"""Our encoder, feature pyramid, proposals, RoIAlign and heads beside torchvision's, given the same weights.

    python3 -m venv /tmp/compare && /tmp/compare/bin/pip install -r benchmarks/torchvision_compare/requirements.txt
    /tmp/compare/bin/python benchmarks/torchvision_compare/run.py [--out benchmarks/results/torchvision_compare.json]

Not in the project's environment: the published torchvision cannot be loaded beside a torch without CUDA, and a broken
one breaks packages that try to import it. Downloads some 3 GB; runs seconds on one core, no GPU. Every part gets the
same input on both sides; `whole network` runs all of both from the image to boxes, scores, classes and masks. Prints
and writes the largest absolute difference of each part, in float64 and in float32.

What differs on purpose, and is set alike here: our anchors stand at the middles of features and are not rounded (ours
are given to torchvision); torchvision's own pooling has half-pixel alignment switched off (its operator is called with
it on); our proposals have two scores a place (the difference is torchvision's one); boxes and masks are not predicted
for background (torchvision's first ones are dropped); boxes below 1 pixel are left out (torchvision: 0.001 and 0.01).
Losses are not compared: torchvision's smooth L1 turns at 1/9, ours at 1 as published.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from torch import nn

try:
    import torchvision
except ModuleNotFoundError:
    sys.exit(f"{__doc__}\nThis environment has no torchvision: make the one that is told above.")
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.ops import FeaturePyramidNetwork, boxes, roi_align
from torchvision.ops.poolers import LevelMapper

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from hemoseg.models import mask_rcnn
from hemoseg.nn import roi_align as ours
from hemoseg.nn.feature_pyramid import STRIDES

CLASSES, CHANNELS, HIDDEN, SIZE = 3, 16, 24, (160, 192)
LEAST_SIDE = 1.0  # pixels, of a box
remove_small_boxes = boxes.remove_small_boxes
boxes.remove_small_boxes = lambda given, min_size: remove_small_boxes(given, LEAST_SIDE)


def network(dtype):
    """Ours, its heads' last weights drawn so wide that untrained answers differ from place to place."""
    torch.manual_seed(0)
    made = mask_rcnn.build(3, CLASSES, width=64, channels=CHANNELS, hidden=HIDDEN, anchor=14.0, proposals=200)
    for layer, spread in (
        (made.proposing.head.score, 0.02), (made.proposing.head.delta, 0.02),
        (made.box_head.score, 0.1), (made.box_head.delta, 0.05), (made.mask_head[-1], 0.1),
    ):  # fmt: skip
        nn.init.normal_(layer.weight, std=spread)
    nn.init.zeros_(made.box_head.score.bias)
    return made.eval().to(dtype)


def copied(layer, weight, bias):
    layer.weight.data, layer.bias.data = weight.detach().clone(), bias.detach().clone()


class Backbone(nn.Module):
    """Torchvision's ResNet-18 and pyramid with our weights."""

    def __init__(self, made):
        super().__init__()
        self.body = torchvision.models.resnet18(weights=None)
        state = made.features.encoder.state_dict()
        missing = self.body.load_state_dict(state, strict=False)
        assert missing.unexpected_keys == []
        assert set(missing.missing_keys) == {"fc.weight", "fc.bias"}
        self.pyramid = FeaturePyramidNetwork([64, 128, 256, 512], CHANNELS)
        for theirs, own in ((self.pyramid.inner_blocks, "lateral"), (self.pyramid.layer_blocks, "smooth")):
            for one, layer in zip(theirs, getattr(made.features.pyramid, own), strict=True):
                copied(one[0], layer.weight, layer.bias)

    def forward(self, x):
        x = self.body.maxpool(self.body.relu(self.body.bn1(self.body.conv1(x))))
        stages = {}
        for name in ("layer1", "layer2", "layer3", "layer4"):
            x = stages[name] = getattr(self.body, name)(x)
        return self.pyramid(stages)


class Pool(nn.Module):
    """Torchvision's pooling over levels with half-pixel alignment."""

    def __init__(self, side):
        super().__init__()
        self.output_size, self.side, self.mapper = (side, side), side, LevelMapper(2, 5, eps=1e-6)

    def forward(self, features, regions, image_shapes):
        level, maps = self.mapper(regions), list(features.values())
        images = torch.cat([torch.full_like(one[:, :1], n) for n, one in enumerate(regions)])
        every = torch.cat([images, torch.cat(regions)], dim=1)
        read = maps[0].new_zeros(len(every), CHANNELS, self.side, self.side)
        for number, (stride, one) in enumerate(zip(STRIDES, maps, strict=True)):
            chosen = level == number
            read[chosen] = roi_align(one, every[chosen], self.side, 1 / stride, 2, aligned=True)
        return read


def their_heads(made):
    """Torchvision's region heads with our weights."""
    box, predictor = TwoMLPHead(CHANNELS * 49, HIDDEN), FastRCNNPredictor(HIDDEN, CLASSES)
    for theirs, own in ((box.fc6, made.box_head.layers[1]), (box.fc7, made.box_head.layers[3])):
        copied(theirs, own.weight, own.bias)
    score, delta = made.box_head.score, made.box_head.delta
    copied(predictor.cls_score, score.weight, score.bias)
    none = torch.zeros(4, HIDDEN, dtype=delta.weight.dtype)
    copied(predictor.bbox_pred, torch.cat([none, delta.weight]), torch.cat([none[:, 0], delta.bias]))
    mask, last = MaskRCNNHeads(CHANNELS, (CHANNELS,) * 4, 1), MaskRCNNPredictor(CHANNELS, CHANNELS, CLASSES)
    layers = list(made.mask_head)
    for theirs, own in zip(mask, layers[0:8:2], strict=True):
        copied(theirs[0], own.weight, own.bias)
    copied(last.conv5_mask, layers[8].weight, layers[8].bias)
    none = torch.zeros_like(layers[10].weight[:1])
    copied(last.mask_fcn_logits, torch.cat([none, layers[10].weight]), torch.cat([none[:, 0, 0, 0], layers[10].bias]))
    read = made.reading
    return RoIHeads(
        Pool(7), box, predictor, 0.5, 0.5, 512, 0.25, None, read.painted, read.overlap, read.most, Pool(14), mask, last
    ).eval()


def their_proposals(made, images):
    """Torchvision's proposal network with our weights and our anchors."""
    k = len(made.proposing.sizes)
    head, own = RPNHead(CHANNELS, k), made.proposing
    copied(head.conv[0][0], own.shared.weight, own.shared.bias)
    weight, bias = own.head.score.weight, own.head.score.bias
    copied(head.cls_logits, weight[1::2] - weight[::2], bias[1::2] - bias[::2])
    copied(head.bbox_pred, own.head.delta.weight, own.head.delta.bias)
    anchors = nn.Module()
    anchors.num_anchors_per_location = lambda: [k] * len(STRIDES)
    anchors.forward = lambda image_list, maps: [torch.cat(own.anchors(*SIZE, images))] * len(images)
    most = dict.fromkeys(("training", "testing"), made.reading.proposals)
    return RegionProposalNetwork(anchors, head, 0.7, 0.3, 256, 0.5, most, most, 0.7).eval()


def far(pairs):
    """Largest absolute difference over pairs, and how many numbers there were."""
    pairs = list(pairs)
    assert all(a.shape == b.shape for a, b in pairs), [(tuple(a.shape), tuple(b.shape)) for a, b in pairs]
    most = max(float((a - b).detach().abs().max()) if a.numel() else 0.0 for a, b in pairs)
    return {"numbers": sum(a.numel() for a, _ in pairs), "largest_difference": most}


def of_roi_align(dtype):
    features = torch.randn(1, 4, 20, 24, dtype=dtype, requires_grad=True)
    corners = torch.rand(30, 2, 2, dtype=dtype) * torch.tensor([96.0, 80.0], dtype=dtype)
    regions = torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=1)
    one = ours.roi_align(features[0], regions, 7, stride=4)
    other = roi_align(features, [regions], 7, 1 / 4, 2, aligned=True)
    weight = torch.randn_like(one)
    gradients = [torch.autograd.grad((read * weight).sum(), features)[0] for read in (one, other)]
    every = torch.cat([regions, 8 * regions])
    levels = ours.levels_of(every, 4).to(dtype), LevelMapper(2, 5, eps=1e-6)([every]).to(dtype)
    return {"RoIAlign": far([(one, other)]), "its gradient": far([gradients]), "levels of boxes": far([levels])}


@torch.no_grad()
def of_network(dtype):
    made, images = network(dtype), torch.randn(2, 3, *SIZE, dtype=dtype)
    maps, theirs = made.features(images), Backbone(made).eval().to(dtype)(images)
    found = {"encoder and pyramid": far(zip(maps, theirs.values(), strict=True))}
    scores, deltas = made.proposing(maps, *SIZE)
    rpn, heads = their_proposals(made, images).to(dtype), their_heads(made).to(dtype)
    objectness, moves = rpn.head(maps)
    flat = [[one.permute(0, 2, 3, 1).reshape(2, -1, n) for one in level] for level, n in ((objectness, 1), (moves, 4))]
    found["proposals' scores"] = far((a[..., 1:] - a[..., :1], b) for a, b in zip(scores, flat[0], strict=True))
    found["proposals' deltas"] = far(zip(deltas, flat[1], strict=True))
    regions = made._regions(images)[1]
    theirs = rpn(ImageList(images, [SIZE] * 2), dict(enumerate(maps)))[0]
    found["proposals"] = far_in_any_order(zip(regions, theirs, strict=True))
    read = ours.pyramid_align(maps, regions, 7, strides=STRIDES)
    one, other = made.box_head(read), heads.box_predictor(heads.box_head(read))
    found["box head"] = far([(one[0], other[0]), (one[1].flatten(1), other[1][:, 4:])])
    read = ours.pyramid_align(maps, regions, 14, strides=STRIDES)
    found["mask head"] = far([(made.mask_head(read), heads.mask_predictor(heads.mask_head(read))[:, 1:])])
    found["whole network"] = of_whole(made, rpn, heads, images)
    return found


def far_in_any_order(pairs):
    """As `far`, of rows that begin with a box, each beside the nearest of the other side.

    In float32 two nearly equal scores may change places, and with them what suppression leaves: rows without one within
    0.01 are counted as ``unmatched`` instead.
    """
    numbers = unmatched = 0
    most = 0.0
    for one, other in pairs:
        assert len(one) == len(other), (len(one), len(other))
        nearest = (one[:, None] - other).abs().amax(dim=2).amin(dim=1)
        numbers, unmatched = numbers + one.numel(), unmatched + int((nearest > 0.01).sum())
        most = max([most, *nearest[nearest <= 0.01].tolist()])
    return {"numbers": numbers, "largest_difference": most, "unmatched": unmatched}


def of_whole(made, rpn, heads, images):
    """From the image to cells: boxes, scores, classes and masks of each."""
    theirs = Backbone(made).eval().to(images.dtype)(images)
    regions = rpn(ImageList(images, [SIZE] * 2), theirs)[0]
    pairs, cells = [], 0
    for (found, masks), other in zip(made.detect(images), heads(theirs, regions, [SIZE] * 2)[0], strict=True):
        cells += len(found.classes)
        one = found.boxes, found.scores[:, None], found.classes[:, None], masks.flatten(1)
        two = other["boxes"], other["scores"][:, None], other["labels"][:, None], other["masks"].flatten(1)
        pairs.append((torch.cat(one, dim=1), torch.cat(two, dim=1)))
    return far_in_any_order(pairs) | {"cells": cells}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    result = {"torch": torch.__version__, "torchvision": torchvision.__version__, "image": [2, 3, *SIZE]}
    for dtype in (torch.float64, torch.float32):
        torch.manual_seed(1)
        name = str(dtype).removeprefix("torch.")
        result[name] = of_roi_align(dtype) | of_network(dtype)
        for part, facts in result[name].items():
            print(f"{name} {part}: {facts}")
    if args.out:
        args.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
