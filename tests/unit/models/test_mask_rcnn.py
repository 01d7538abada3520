"""Mask R-CNN as a model: anchors from training cells, its own cells, proposed boxes, published weights."""

import numpy as np
import pytest
import torch

from hemoseg.models import mask_rcnn
from hemoseg.nn.detections import Detections
from hemoseg.nn.resnet import ResNet

torch.set_num_threads(1)  # the tensors are tiny


def built(classes=3, **given):
    torch.manual_seed(0)
    own = {"width": 2, "channels": 4, "hidden": 6, "anchor": 9.0, "proposals": 30, "drawn": 8}
    return mask_rcnn.build(1, classes, **(own | given)).eval()


def cells(*boxes, size=(60, 80)):
    instances = np.zeros(size, np.int32)
    for number, (row, column, height, width) in enumerate(boxes, start=1):
        instances[row : row + height, column : column + width] = number
    return instances


def test_the_anchor_is_the_side_of_small_cells_that_no_frame_cut():
    images = [cells((1, 1, 8, 18), (20, 30, 9, 9), (58, 40, 2, 12)), cells(), cells((9, 9, 30, 30), (0, 50, 3, 9))]
    sides = [12, 9, 30]  # the other two stand at the frame
    settings = mask_rcnn.settle({"width": 4, "anchor": 0.0}, images)
    assert settings == {"width": 4, "anchor": pytest.approx(float(np.quantile(sides, 0.1)))}
    assert mask_rcnn.settle({}, images)["anchor"] == settings["anchor"]
    assert mask_rcnn.settle({}, [cells((0, 0, 60, 15))])["anchor"] == 30  # there are no others
    sizes = mask_rcnn.build(
        1, 2, width=2, channels=2, hidden=2, scales=[1.0], ratios=[1.0], **{"anchor": 30.0}
    ).proposing.sizes
    assert sizes.tolist() == [[30, 30]]


def test_an_anchor_that_is_given_stays():
    assert mask_rcnn.settle({"anchor": 12.5}, []) == {"anchor": 12.5}


def test_no_cell_to_take_the_anchor_from_is_refused():
    for images in ([], [cells()]):
        with pytest.raises(ValueError, match="no training cell to take"):
            mask_rcnn.settle({}, images)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"anchor": -1.0}, "anchor must be 0 or more"),
        ({"drawn": 3}, "drawn must be at least 4"),
        ({"proposals": 0}, "proposals must be at least 1"),
        ({"most": 0}, "most must be at least 1"),
        ({"score": 0.01}, "painted <= score"),
        ({"overlap": 1.5}, "overlap <= 1"),
        ({"classes": 1}, "classes must be background and one more"),
        ({"channels": 0}, "channels must be from 1"),
        ({"encoder": "resnet99"}, "encoder must be one of"),
        ({"ratios": []}, "at least one scale and one ratio"),
    ],
)
def test_settings_that_make_no_network_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        built(**given)


FOUND = Detections(
    torch.tensor([[2.0, 2, 12, 12], [3, 3, 11, 11], [7, 2, 17, 12], [20, 1, 30, 9]]),
    torch.tensor([0.9, 0.8, 0.7, 0.3]),
    torch.tensor([2, 2, 1, 1]),
)


def saying(found):
    """A network that detects what it is told, with masks that fill their boxes."""
    network = built()
    network.detect = lambda images: [(found, torch.ones(len(found.boxes), 28, 28))] * len(images)
    return network


def test_cells_are_numbered_by_score_and_have_their_boxes():
    network, images = saying(FOUND), torch.zeros(1, 1, 16, 32)
    said = mask_rcnn.label(network, images)
    wanted = np.zeros((16, 32), np.int32)
    wanted[2:12, 7:17] = 2
    wanted[2:12, 2:12] = 1  # the second detection is hidden, the last one too unlikely
    assert np.array_equal(said.instances, wanted)
    assert np.array_equal(said.classes, np.array([0, 2, 1])[wanted])
    assert np.allclose(said.boxes, [[2, 2, 12, 12, 0.9], [7, 2, 17, 12, 0.7]])
    assert np.allclose(said.probability[1][1:9, 20:30], 0.3, atol=1e-6)
    assert np.array_equal(said.probability, network.paint(FOUND, torch.ones(4, 28, 28), 16, 32)[0].numpy())
    assert torch.allclose(network(images).softmax(1)[0], torch.from_numpy(said.probability), atol=1e-5)
    assert [str(one.dtype) for one in vars(said).values()] == ["uint8", "float32", "int32", "float32"]


def test_an_image_without_cells_and_one_full_of_a_cell():
    none = Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long())
    said = mask_rcnn.label(saying(none), torch.zeros(1, 1, 5, 7))
    assert not said.instances.any()
    assert not said.classes.any()
    assert said.boxes.shape == (0, 5)
    assert (said.probability[0] == 1).all()
    full = Detections(torch.tensor([[0.0, 0, 7, 5]]), torch.tensor([0.75]), torch.tensor([1]))
    said = mask_rcnn.label(saying(full), torch.zeros(1, 1, 5, 7))
    assert (said.instances == 1).all()
    assert (said.classes == 1).all()


def test_boxes_are_proposed_whatever_their_class():
    network = built()
    network.boxes = lambda images, *, score: [Detections(*(one[FOUND.scores >= score] for one in vars(FOUND).values()))]
    found = mask_rcnn.propose(network, torch.zeros(1, 1, 16, 32), score=0.5, overlap=0.5)
    assert torch.allclose(found, torch.tensor([[2.0, 2, 12, 12, 0.9], [7, 2, 17, 12, 0.7]]))
    network.boxes = lambda images, *, score: [FOUND]
    assert len(mask_rcnn.propose(network, torch.zeros(1, 1, 16, 32), score=0.5, overlap=1.0)) == 4


def test_published_weights_start_the_encoder_alone():
    network, published = built(), ResNet(3, "resnet18", width=2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    state = published.state_dict()
    mask_rcnn.load_pretrained(network, state | {"fc.weight": torch.zeros(1000, 16), "fc.bias": torch.zeros(1000)})
    prefix = "features.encoder."
    for name, value in network.state_dict().items():
        if not name.startswith(prefix):
            assert torch.equal(value, before[name]), name
        elif name != prefix + "conv1.weight":  # read from three colours
            assert torch.equal(value, state[name.removeprefix(prefix)]), name
    with pytest.raises(ValueError, match="layer4"):
        mask_rcnn.load_pretrained(network, {k: v for k, v in state.items() if not k.startswith("layer4")})
