"""The contract of a network that proposes boxes of cells: what the watershed and the tables take for granted.

And of one that tells the cells apart by itself, trained on the same discs: what `predict` writes down as it is.
"""

import copy
import inspect
from functools import cache

import numpy as np
import pytest
import torch
from kornia.geometry.bbox import nms
from torch.nn import functional as F

from hemoseg import models
from hemoseg.nn.folding import fold_batch_norms
from hemoseg.training.batches import Batch

SIZE = 64
# Settings of networks whose defaults are published sizes; of so few anchors, so many are drawn that half are positive.
SMALL = {
    "instance_unet": {"width": 8, "drawn": 32},
    "mask_rcnn": {"width": 8, "channels": 16, "hidden": 32, "proposals": 50, "drawn": 32},
}
SCORE, OVERLAP = 0.5, 0.3


def discs(seed, number=4):
    """A noisy image ``(1, H, W)`` of bright discs that do not overlap, and the discs."""
    random = np.random.default_rng(seed)
    rows, columns = np.indices((SIZE, SIZE))
    cells = np.zeros((SIZE, SIZE), np.int64)
    while cells.max() < number:
        row, column = random.uniform(8, SIZE - 8, 2)
        disc = np.hypot(rows - row, columns - column) < random.uniform(6, 10)
        if not cells[disc].any():
            cells[disc] = cells.max() + 1
    image = (cells > 0) + 0.3 * random.standard_normal(cells.shape)
    return image[None].astype(np.float32), cells


def samples(seeds):
    images, cells = (torch.from_numpy(np.stack(each)) for each in zip(*map(discs, seeds), strict=True))
    return images, cells


@cache  # two seconds each
def trained(name):
    """A network after 40 steps on discs, and its losses."""
    torch.manual_seed(0)
    module, (images, cells) = models.load(name), samples(range(16))
    settings = SMALL.get(name, {})
    settings = module.settle(settings, list(cells.numpy())) if hasattr(module, "settle") else settings
    network, losses = module.build(1, 2, **settings).train(), []
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for step in range(40):
        torch.manual_seed(step)
        chosen = torch.randperm(len(images))[:4]
        batch = Batch(images[chosen], (cells[chosen] > 0).long(), chosen, cells[chosen])
        loss = module.compute_loss(network, batch, lambda logits, batch: F.cross_entropy(logits, batch.classes))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return network.eval(), losses


def proposed(name, images, *, score=SCORE, overlap=OVERLAP):
    network = trained(name)[0]
    with torch.inference_mode():
        return models.load(name).propose(network, images, score=score, overlap=overlap)


def test_a_box_is_asked_for_by_score_and_overlap(proposing_name):
    parameters = inspect.signature(models.load(proposing_name).propose).parameters.values()
    assert [p.name for p in parameters] == ["network", "images", "score", "overlap"]
    assert [p.kind for p in parameters][2:] == [inspect.Parameter.KEYWORD_ONLY] * 2
    assert hasattr(models.load(proposing_name), "compute_loss")  # else nothing would teach it boxes


@pytest.mark.parametrize("size", [(64, 64), (50, 75), (20, 33), (7, 16)])
@pytest.mark.parametrize(("score", "overlap"), [(0.0, 0.3), (0.5, 0.3), (0.2, 0.8)])
def test_boxes_lie_in_the_image_apart_and_by_falling_score(proposing_name, size, score, overlap):
    images = torch.randn(1, 1, *size, generator=torch.Generator().manual_seed(1))
    found = proposed(proposing_name, images, score=score, overlap=overlap)
    assert found.dtype == torch.float32
    assert found.shape[1:] == (5,)
    assert torch.isfinite(found).all()
    boxes, scores = found[:, :4], found[:, 4]
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= torch.tensor([size[1], size[0]])).all()
    assert (boxes[:, 2:] - boxes[:, :2] >= 1).all()
    assert ((scores >= score) & (scores <= 1)).all()
    assert (scores.diff() <= 0).all()
    assert len(nms(boxes, scores, overlap + 1e-5)) == len(boxes)


def test_boxes_are_the_same_twice_and_leave_network_and_image_alone(proposing_name):
    network, images = trained(proposing_name)[0], samples([100])[0]
    before, kept = {name: value.clone() for name, value in network.state_dict().items()}, images.clone()
    assert torch.equal(proposed(proposing_name, images, score=0.1), proposed(proposing_name, images, score=0.1))
    assert torch.equal(images, kept)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_forty_steps_lower_the_loss_and_boxes_then_stand_on_discs(proposing_name):
    losses = trained(proposing_name)[1]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    found = discs_there = on_discs = boxes = 0
    for seed in range(100, 106):
        images, cells = samples([seed])
        centres = proposed(proposing_name, images)[:, :4].view(-1, 2, 2).mean(dim=1).long()
        hit = cells[0, centres[:, 1], centres[:, 0]]
        found, discs_there = found + len(hit[hit > 0].unique()), discs_there + int(cells.max())
        on_discs, boxes = on_discs + int((hit > 0).sum()), boxes + len(hit)
    assert found > 0.7 * discs_there
    assert on_discs > 0.7 * boxes


def labelled(name, images):
    network = trained(name)[0]
    with torch.inference_mode():
        return models.load(name).label(network, images)


def check_label(said, size):
    assert (said.classes.dtype, said.classes.shape) == (np.uint8, size)
    assert (said.probability.dtype, said.probability.shape) == (np.float32, (2, *size))
    assert (said.instances.dtype, said.instances.shape) == (np.int32, size)
    assert np.allclose(said.probability.sum(axis=0), 1, atol=1e-5)
    for probability in (said.probability, said.probability.astype(np.float16)):  # as it is written down
        assert np.array_equal(probability.argmax(axis=0), said.classes)
    assert np.array_equal(said.instances > 0, said.classes > 0)
    assert set(np.unique(said.instances)) - {0} == set(range(1, said.instances.max() + 1))
    assert said.boxes.shape == (said.instances.max(), 5)
    assert (np.diff(said.boxes[:, 4]) <= 0).all()
    for number, (x0, y0, x1, y1, _) in enumerate(said.boxes, start=1):
        rows, columns = np.nonzero(said.instances == number)
        assert len(np.unique(said.classes[rows, columns])) == 1
        assert y0 - 0.5 <= rows.min() <= rows.max() <= y1 - 0.5
        assert x0 - 0.5 <= columns.min() <= columns.max() <= x1 - 0.5


@pytest.mark.parametrize("size", [(64, 64), (50, 75), (7, 16), (1, 1)])
def test_what_is_said_of_an_image_of_any_size_fits_together(labelling_name, size):
    check_label(labelled(labelling_name, torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(1))), size)


def test_an_image_without_cells_has_none(labelling_name):
    said = labelled(labelling_name, 0.3 * torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(2)))
    check_label(said, (64, 64))
    assert (said.classes > 0).mean() < 0.02


def test_logits_say_what_the_label_says_and_folding_changes_little(labelling_name):
    network, images = trained(labelling_name)[0], samples([100])[0]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    said = labelled(labelling_name, images)
    with torch.inference_mode():
        probability = network(images).softmax(1)[0].numpy()
        folded = models.load(labelling_name).label(fold_batch_norms(copy.deepcopy(network)), images)
    assert np.allclose(probability, said.probability, atol=1e-4)
    assert (folded.classes != said.classes).mean() < 0.01
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_cells_are_told_apart(labelling_name):
    found = there = told = 0
    for seed in range(100, 106):
        images, cells = samples([seed])
        said, cells = labelled(labelling_name, images), cells[0].numpy()
        check_label(said, cells.shape)
        there, told = there + cells.max(), told + said.instances.max()
        for number in range(1, cells.max() + 1):
            shares = [
                ((said.instances == own) & (cells == number)).sum()
                / ((said.instances == own) | (cells == number)).sum()
                for own in set(said.instances[cells == number]) - {0}
            ]
            found += max(shares, default=0) > 0.5
    assert found > 0.7 * there
    assert found > 0.7 * told
