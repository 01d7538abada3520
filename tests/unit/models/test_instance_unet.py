"""Instance-U-Net: its joint loss, what it takes from the training cells, and its boxes against plain loops."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hemoseg.models import instance_unet
from hemoseg.nn.anchors import anchor_boxes
from hemoseg.nn.folding import fold_batch_norms
from hemoseg.nn.rpn import proposal_loss
from tests.plain_boxes import share

torch.set_num_threads(1)  # the tensors are tiny


def built(seed=0, **given):
    torch.manual_seed(seed)
    return instance_unet.build(1, 2, **({"width": 4, "anchor": 14.0} | given))


def batch(size=(48, 64), seed=0):
    """Two images, one without cells; a part of the other is not known."""
    generator = torch.Generator().manual_seed(seed)
    instances = torch.zeros(2, *size, dtype=torch.int64)
    instances[0, 3:20, 5:18], instances[0, 25:44, 30:52], instances[0, 30:33, 0:1] = 1, 7, 9
    classes = (instances > 0).long()
    classes[0, :, -12:] = 255
    pictures = torch.randn(2, 1, *size, generator=generator) + classes[:, None]
    return SimpleNamespace(images=pictures, classes=classes, instances=instances)


def mean_square(logits, batch):
    return logits.square().mean() + batch.images.mean()


def loss_of(network, seed=0, given=None):
    torch.manual_seed(seed)
    return instance_unet.compute_loss(network, given or batch(), mean_square)


def value(*args, **given):
    return float(loss_of(*args, **given).detach())


def test_the_loss_is_that_of_the_segmentation_plus_the_weighted_one_of_the_proposals():
    with torch.no_grad():
        one, none, three = (value(built(proposal_weight=weight)) for weight in (1, 0, 3))
        plain = value(built(proposals=False))
        assert none == plain == float(mean_square(built()(batch().images), batch()))
    assert one > plain
    assert three - plain == pytest.approx(3 * (one - plain), rel=1e-4)


def test_lambda_weighs_the_boxes_alone():
    plain = value(built(proposals=False))
    no, some, more = (value(built(balance=balance)) - plain for balance in (0, 1, 5))
    assert no == pytest.approx(math.log(2), rel=0.05)  # an untrained head cannot tell
    assert more - no == pytest.approx(5 * (some - no), rel=1e-3)
    assert some > no


def test_the_proposals_learn_the_boxes_of_the_cells_where_the_image_is_known():
    network, given = built(drawn=24, balance=2.0), batch()
    boxes = [torch.tensor([[5.0, 3.0, 18.0, 20.0], [30.0, 25.0, 52.0, 44.0]]), torch.zeros(0, 4)]
    known = torch.ones(2, 3, 4, 9, dtype=torch.bool)
    known[0, :, 3] = False  # centred in column 56 of 64, the last 12 are not known
    torch.manual_seed(2)
    logits, scores, deltas = network(given.images, proposals=True)
    anchors = anchor_boxes(network.proposing.sizes.float(), 16, 48, 64)
    of_proposals = proposal_loss(
        scores, deltas, anchors, boxes, locations=3 * 4, known=known.flatten(1), balance=2.0, number=24
    )
    assert value(network, 2) == pytest.approx(float((mean_square(logits, given) + of_proposals).detach()), rel=1e-6)


def test_a_seed_repeats_the_loss():
    network = built()
    assert value(network, 1) == value(network, 1)


def test_slivers_and_what_is_not_known_are_not_learnt():
    network, given = built(), batch()
    sliver = instance_unet.SLIVER * 14.0
    assert 1 < sliver < 13
    without = batch()
    without.instances[without.instances == 9] = 0  # one pixel wide
    assert value(network, given=given) == value(network, given=without)
    network.train()
    assert value(network, given=given) == value(network, given=without)
    known = batch()
    known.classes[known.classes == 255] = 0
    assert value(network, given=given) != value(network, given=known)


def test_gradient_reaches_the_down_path_through_the_proposals():
    network = built().train()
    instance_unet.compute_loss(network, batch(), lambda logits, batch: 0 * logits.sum()).backward()
    moved = {
        name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.abs().max() > 0
    }
    assert moved == {"down", "proposal_head"}


@pytest.mark.parametrize("size", [(7, 5), (1, 1), (33, 20)])
def test_images_of_any_size_are_trained_on(size):
    given = SimpleNamespace(
        images=torch.randn(2, 1, *size),
        classes=torch.ones(2, *size, dtype=torch.int64),
        instances=torch.ones(2, *size, dtype=torch.int64),
    )
    network = built().train()
    loss = loss_of(network, given=given)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def nuclei(kind, side=168):
    """True cells of one image ``(1, side, side)``: none, one, one over the whole frame, or 42 x 42 of 3 pixels."""
    rows, columns = np.indices((side, side))
    grid = np.where((rows % 4 < 3) & (columns % 4 < 3), 1 + rows // 4 * (side // 4) + columns // 4, 0)
    one = (np.hypot(rows - 40, columns - 60) < 8).astype(int)
    found = {"none": 0 * grid, "one": one, "whole frame": np.ones_like(grid), "1,764": grid}[kind]
    return torch.from_numpy(found)[None]


@pytest.mark.parametrize("kind", ["none", "one", "whole frame", "1,764"])
def test_images_with_no_nucleus_one_or_very_many_are_trained_on(kind):
    """One nucleus has fewer positive anchors than the sampler asks for; 1,764 of them have more."""
    instances = nuclei(kind)
    images = torch.randn(1, 1, *instances.shape[1:], generator=torch.Generator().manual_seed(0))
    given = SimpleNamespace(images=images, classes=(instances > 0).long(), instances=instances)
    network = built(anchor=8.0).train()
    loss = instance_unet.compute_loss(network, given, lambda logits, batch: 0 * logits.sum())
    loss.backward()
    assert math.isfinite(loss.item())
    assert loss.item() > 0  # the scores learn from background at the least
    head = [p.grad for p in network.proposal_head.parameters()]
    assert all(torch.isfinite(grad).all() for grad in head)
    assert any(grad.abs().max() > 0 for grad in head)


def cells(*sides, size=(60, 80)):
    instances, column = np.zeros(size, np.int32), 0
    for number, (height, width) in enumerate(sides, start=1):
        instances[:height, column : column + width] = number
        column += width
    return instances


def test_the_anchor_is_the_mean_side_of_the_training_boxes():
    images = [cells((10, 20), (9, 4)), cells(), cells((30, 30))]
    wanted = (math.sqrt(10 * 20) + math.sqrt(9 * 4) + 30) / 3
    settings = instance_unet.settle({"width": 4, "anchor": 0.0}, images)
    assert settings["anchor"] == pytest.approx(wanted, abs=1e-3)
    assert settings["width"] == 4
    assert instance_unet.settle({}, images)["anchor"] == settings["anchor"]
    assert instance_unet.build(1, 2, **settings).proposing.sizes[4].tolist() == pytest.approx([wanted] * 2, abs=1e-3)


@pytest.mark.parametrize("settings", [{"anchor": 12.5}, {"proposals": False}, {"proposals": False, "anchor": 0.0}])
def test_what_needs_no_training_cell_is_left_as_it_is(settings):
    assert instance_unet.settle(settings, []) == settings
    assert instance_unet.settle(settings, [cells((9, 9))]) == settings


def test_a_mean_of_no_cell_is_refused():
    with pytest.raises(ValueError, match="no training cell"):
        instance_unet.settle({}, [cells()])


def test_anchors_without_a_side_are_refused():
    network = built(anchor=0.0)
    for use in (loss_of, lambda network: instance_unet.propose(network, batch().images[:1], score=0, overlap=0.3)):
        with pytest.raises(ValueError, match="no side yet"):
            use(network)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"anchor": -1.0}, "anchor must be 0 or more"),
        ({"proposal_weight": float("nan")}, "proposal_weight must be 0 or more"),
        ({"balance": float("inf")}, "balance must be 0 or more"),
        ({"drawn": 1}, "drawn must be at least 2"),
        ({"scales": []}, "at least one scale"),
        ({"ratios": [0]}, "above 0"),
        ({"levels": 0}, "levels must be at least 1"),
    ],
)
def test_settings_that_make_no_network_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        built(**given)


def loud(spread=4.0, **given):
    """A network whose untrained head answers all kinds of things."""
    network = built(**given).eval()
    for layer in (network.proposal_head.score, network.proposal_head.delta):
        torch.nn.init.normal_(layer.weight, std=spread)
        torch.nn.init.normal_(layer.bias, std=spread)
    return network


def loops(network, images, score, overlap):
    """Every anchor's box and score in plain Python, then the greedy rule."""
    scores, deltas = (one[0].tolist() for one in network.proposed(images))
    height, width = images.shape[2:]
    anchors = anchor_boxes(network.proposing.sizes, 16, height, width).tolist()
    found = []
    for (background, cell), (tx, ty, tw, th), (x0, y0, x1, y1) in zip(scores, deltas, anchors, strict=True):
        chance = 1 / (1 + math.exp(background - cell))
        w, h = ((x1 - x0) * math.exp(min(tw, math.log(62.5))), (y1 - y0) * math.exp(min(th, math.log(62.5))))
        x, y = (x0 + x1) / 2 + tx * (x1 - x0), (y0 + y1) / 2 + ty * (y1 - y0)
        box = [min(max(x - w / 2, 0), width), min(max(y - h / 2, 0), height)]
        box += [min(max(x + w / 2, 0), width), min(max(y + h / 2, 0), height)]
        if chance >= score and box[2] - box[0] >= 1 and box[3] - box[1] >= 1:
            found.append([*box, chance])
    kept = []
    for box in sorted(found, key=lambda box: -box[4]):
        if all(share(box, other) <= overlap for other in kept):
            kept.append(box)
    return kept, len(found)


@pytest.mark.parametrize("size", [(48, 64), (61, 45), (10, 90)])
@pytest.mark.parametrize(("score", "overlap"), [(0.5, 0.3), (0.2, 0.7), (0.8, 0.0)])
def test_boxes_are_those_of_loops(size, score, overlap):
    network, images = built().eval(), torch.zeros(1, 1, *size)
    generator = torch.Generator().manual_seed(1)
    # Drawn, for that an untrained network answers nearly the same at all places.
    answers = [torch.randn(*one.shape, generator=generator) for one in network.proposed(images)]
    network.proposed = lambda images: answers
    wanted, before = loops(network, images, score, overlap)
    found = instance_unet.propose(network, images, score=score, overlap=overlap)
    assert before >= len(wanted) >= 1
    assert found.dtype == torch.float32
    assert torch.allclose(found, torch.tensor(wanted), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("spread", [1e-3, 1e3, 1e30, float("nan")])
def test_boxes_are_finite_and_in_the_image_whatever_the_weights_are(spread):
    network = loud(1.0)
    for layer in (network.proposal_head.score, network.proposal_head.delta):
        layer.weight.data *= spread
    found = instance_unet.propose(network, torch.randn(1, 1, 50, 70), score=0.0, overlap=0.3).detach()
    assert torch.isfinite(found).all()
    assert (found[:, :2] >= 0).all()
    assert (found[:, 2:4] <= torch.tensor([70, 50])).all()
    assert (found[:, 2:4] - found[:, :2] >= 1).all()
    assert (len(found) > 0) == (spread == spread and spread < 1e30)


def test_an_image_too_small_for_a_place_has_no_box():
    for size in ((1, 1), (8, 90)):
        assert instance_unet.propose(loud(), torch.randn(1, 1, *size), score=0.0, overlap=0.3).shape == (0, 5)


def test_a_network_without_proposals_proposes_nothing():
    network = built(proposals=False)
    assert instance_unet.propose(network, batch().images[:1], score=0.5, overlap=0.3) is None
    assert not any("proposal" in name for name in network.state_dict())


def test_prediction_may_fold_the_batch_norms_of_proposals_too():
    network = loud(1.0).double().train()
    for _ in range(3):
        network(3 * torch.randn(2, 1, 32, 48, dtype=torch.float64) + 1)
    x = torch.randn(1, 1, 40, 50, dtype=torch.float64)
    with torch.no_grad():
        wanted = network.eval().proposed(x)
        for one, other in zip(fold_batch_norms(network).proposed(x), wanted, strict=True):
            assert torch.allclose(one, other, rtol=1e-8, atol=1e-10)
