"""Feature maps of every network of the project: the first layer's output, what makes the logits."""

import pytest
import torch
from torch import nn

from hemoseg import models
from hemoseg.nn.feature_maps import feature_maps

SMALL = {
    "unet": {"width": 2, "levels": 2},
    "deformable_unet": {"width": 2, "levels": 2},
    "instance_unet": {"width": 2, "levels": 2},
    "deconvnet": {"width": 2},
    "vgg16_unet": {"width": 2},
    "ternausnet": {"width": 2},
    "pspnet": {"width": 4},
    "deeplabv3plus": {"width": 4},
}
UPSAMPLED = ("pspnet", "deeplabv3plus")  # their logits are coarser than the image


def built(name):
    torch.manual_seed(0)
    return models.load(name).build(3, 3, **SMALL[name]).eval()


@pytest.mark.parametrize("name", SMALL)
def test_the_first_layer_makes_the_low_maps_and_the_last_one_logits_of_the_high_ones(name):
    size = 65 if name in UPSAMPLED else 64  # which they do not fill up
    network, x = built(name), torch.randn(1, 3, size, size)
    found = feature_maps(network, x)
    low, high = found["low"], found["high"]
    with torch.no_grad():
        assert torch.equal(network.get_submodule(low.layer)(x)[0], low.values)
        made = network.get_submodule(high.layer)(high.values[None])
        logits = network(x)
    assert made.shape[1] == logits.shape[1] == 3
    if name in UPSAMPLED:
        made = nn.functional.interpolate(made, logits.shape[-2:], mode="bilinear", align_corners=True)
    assert torch.allclose(made, logits, atol=1e-4)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("size", [(37, 45), (64, 33)])
def test_maps_of_odd_sizes_cover_the_image_and_nothing_that_was_filled_up(name, size):
    network = built(name)
    for one in feature_maps(network, torch.randn(1, 3, *size)).values():
        assert one.values.shape[1:] == tuple(-(-side // one.stride) for side in size)
    assert not any(part._forward_hooks for part in network.modules())


class Detector(nn.Module):
    """A head that runs on boxes, after the layers that run over the image."""

    def __init__(self):
        super().__init__()
        self.trunk, self.deep, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 5, 1), nn.Conv2d(5, 2, 1)

    def forward(self, x):
        y = self.deep(self.trunk(x))
        self.head(y[..., :7, :7])
        self.head(y.expand(3, -1, -1, -1))  # three boxes, as large as the image
        return y


def test_what_runs_on_boxes_is_no_map_of_the_image():
    found = feature_maps(Detector().eval(), torch.zeros(1, 3, 20, 24))
    assert [one.layer for one in found.values()] == ["trunk", "deep"]
    assert found["high"].values.shape == (4, 20, 24)


def test_a_network_without_a_convolution_over_the_image_is_refused():
    with pytest.raises(ValueError, match="no convolution of it runs over the whole image"):
        feature_maps(nn.Flatten(), torch.zeros(1, 3, 4, 4))
