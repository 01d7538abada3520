"""The loss of the whole network against its parts put together by hand, and what it learns from and what not."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

from hemoseg.models import mask_rcnn
from hemoseg.nn.boxes import encode, iou
from hemoseg.nn.feature_pyramid import STRIDES
from hemoseg.nn.mask_rcnn import SLIVER
from hemoseg.nn.region_proposals import proposals
from hemoseg.nn.regions import IGNORE
from hemoseg.nn.roi_align import pyramid_align
from hemoseg.nn.rpn import proposal_loss

torch.set_num_threads(1)  # the tensors are tiny
SIZE = 40, 56


def built(classes=3, **given):
    torch.manual_seed(0)
    own = {"width": 2, "channels": 4, "hidden": 6, "anchor": 9.0, "proposals": 30, "drawn": 4000}
    return mask_rcnn.build(1, classes, **(own | given)).eval()


def batch(seed=0):
    """Two images, the second without cells; a strip of both is not known, a cell of the first is cut by the frame."""
    generator = torch.Generator().manual_seed(seed)
    instances = torch.zeros(2, *SIZE, dtype=torch.int64)
    instances[0, 3:13, 5:16], instances[0, 18:36, 20:41], instances[0, 30:40, 0:9] = 1, 7, 9
    classes = (instances > 0).long() + (instances == 7)
    classes[:, :, -12:] = IGNORE
    pictures = torch.randn(2, 1, *SIZE, generator=generator) + classes[:, None] % 250
    return SimpleNamespace(images=pictures, classes=classes, instances=instances)


def loss_of(network, given, seed=0):
    torch.manual_seed(seed)
    return mask_rcnn.compute_loss(network, given, None)


def mostly_known_by_slices(boxes, ignored):
    """At most a quarter of the pixels of each box are ignored."""
    kept = []
    for x0, y0, x1, y1 in boxes.round().long().clamp(min=0).tolist():
        part = ignored[y0:y1, x0:x1]
        kept.append(not part.numel() or float(part.double().mean()) <= 0.25)
    return kept


def mask_by_loops(instances, ignored, number, box):
    """What each of 28 x 28 bins is to say, None where nothing is known."""
    x0, y0, x1, y1 = box.tolist()
    bins = []
    for i in range(28):
        for j in range(28):
            places = [
                (int(y0 + (y1 - y0) * (i + a) / 28), int(x0 + (x1 - x0) * (j + b) / 28))
                for a in (0.25, 0.75)
                for b in (0.25, 0.75)
            ]
            seen = [instances[r][c] == number for r, c in places if not ignored[r][c]]
            bins.append(float(sum(seen) >= len(seen) / 2) if seen else None)
    return bins


def test_the_loss_is_the_sum_of_five_over_all_that_is_drawn():
    """Every region is drawn, so that little is left to chance; each loss of the heads is written out again."""
    network, given = built(), batch()
    torch.nn.init.normal_(network.box_head.delta.weight, std=0.1)
    torch.nn.init.normal_(network.box_head.score.bias)
    true = [torch.tensor([[5.0, 3, 16, 13], [20, 18, 41, 36], [0, 30, 9, 40]]), torch.zeros(0, 4)]
    kinds, numbers, ignored = [1, 2, 1], [1, 7, 9], given.classes[0] == IGNORE
    with torch.no_grad():
        maps = network.features(given.images)
        scores, deltas = network.proposing(maps, *SIZE)
        anchors = network.proposing.anchors(*SIZE, given.images)
        known = torch.tensor(mostly_known_by_slices(torch.cat(anchors), ignored)).expand(2, -1)
        torch.manual_seed(0)
        total = float(
            proposal_loss(
                torch.cat(scores, 1), torch.cat(deltas, 1), torch.cat(anchors), true,
                locations=256, known=known, balance=1.0,
            )
        )  # fmt: skip
        of_class, of_box, of_mask = [], [], []
        for image, boxes in enumerate(true):
            regions = proposals([s[image] for s in scores], [d[image] for d in deltas], anchors, *SIZE, most=30)[0]
            regions = torch.cat([regions, boxes])
            shares = iou(regions, boxes)
            partner = [int(row.argmax()) if len(row) and row.max() >= 0.5 else -1 for row in shares]
            background = mostly_known_by_slices(regions, ignored)
            own = [one[image : image + 1] for one in maps]
            logits, moves = network.box_head(pyramid_align(own, [regions], 7, strides=STRIDES))
            masks = network.mask_head(pyramid_align(own, [regions], 14, strides=STRIDES))
            for n, cell in enumerate(partner):
                if cell < 0 and not background[n]:
                    continue
                kind = kinds[cell] if cell >= 0 else 0
                of_class.append(float(logits[n].logsumexp(0) - logits[n, kind]))
                if cell < 0:
                    continue
                target = encode(boxes[cell : cell + 1], regions[n : n + 1])[0] / torch.tensor([0.1, 0.1, 0.2, 0.2])
                of_box.append(float(F.smooth_l1_loss(moves[n, kind - 1], target, reduction="sum")))
                bins = mask_by_loops(given.instances[image].tolist(), ignored.tolist(), numbers[cell], regions[n])
                said = masks[n, kind - 1].flatten().tolist()
                of_mask += [
                    max(one, 0) - one * bit + math.log1p(math.exp(-abs(one)))  # finite however sure it is
                    for one, bit in zip(said, bins, strict=True)
                    if bit is not None
                ]
            assert partner.count(-1) > 3
        assert len(of_box) >= 3
        wanted = total + sum(of_class) / len(of_class) + sum(of_box) / len(of_class) + sum(of_mask) / len(of_mask)
        assert float(loss_of(network, given)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("what", ["classes", "instances"])
def test_only_known_pixels_teach(what):
    network, given = built(), batch()
    before = float(loss_of(network, given).detach())
    under = given.classes == IGNORE
    given.instances[under] = 5
    assert float(loss_of(network, given).detach()) == before
    given.instances[under] = 0
    given.classes[under] = 0
    assert float(loss_of(network, given).detach()) != before


def test_a_sliver_is_taught_to_no_region():
    network, given = built(anchor=17.0), batch()
    before = float(loss_of(network, given).detach())
    assert 1 < SLIVER * 17 < 9
    given.instances[0, 30:33, 0:1] = 11  # a column of a cell that is there
    given.instances[1, 30:33, 0:1], given.classes[1, 30:33, 0:1] = 4, 1
    other = batch()
    other.instances[0, 30:33, 0:1] = 0
    assert float(loss_of(network, given).detach()) == pytest.approx(float(loss_of(network, other).detach()), abs=1e-6)
    assert float(loss_of(network, given).detach()) != before


@pytest.mark.parametrize("size", [(7, 5), (1, 1), (33, 20), (64, 70)])
@pytest.mark.parametrize("fill", [0, 1, IGNORE])
def test_images_of_any_size_with_and_without_cells_are_trained_on(size, fill):
    """A cell over the whole image, no cell at all, nothing known; class 2 is in no image."""
    cells = torch.full((2, *size), int(fill == 1))
    given = SimpleNamespace(images=torch.randn(2, 1, *size), classes=cells * 0 + fill, instances=cells)
    network = built(drawn=16).train()
    loss = loss_of(network, given)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    masks = any(p.grad.any() for p in network.mask_head.parameters())
    assert masks == (fill == 1 and min(size) > 1)
    assert not network.mask_head[-1].weight.grad[1].any()  # class 2


def test_a_seed_repeats_the_loss_and_a_draw_changes_it():
    network, given = built(drawn=8), batch()
    values = [float(loss_of(network, given, seed).detach()) for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize("size", [(1, 1), (7, 90), (33, 20)])
def test_an_untrained_network_says_nothing_of_an_image_of_any_size(size):
    network = built()
    with torch.inference_mode():
        chances = network(torch.randn(2, 1, *size)).softmax(1)
    assert chances.shape == (2, 3, *size)
    assert (chances[:, 0] > 0.999).all()


def test_anchors_without_a_side_are_refused():
    with pytest.raises(ValueError, match="no side yet"):
        built(anchor=0.0)(batch().images)


@pytest.mark.parametrize("factor", [1e3, 1e30, float("nan")])
def test_whatever_the_weights_are_the_probabilities_are_numbers(factor):
    network = built()
    for p in network.box_head.parameters():
        p.data *= factor
    with torch.inference_mode():
        chances = network(batch().images).softmax(1)
        boxes = mask_rcnn.propose(network, batch().images[:1], score=0.0, overlap=0.3)
    assert torch.isfinite(chances).all()
    assert torch.isfinite(boxes).all()
