"""Published weights in a network: names, shapes, and the kernel that reads the image."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hemoseg.models import deeplabv3plus, pspnet
from hemoseg.nn.pretrained import first_kernel, load_published
from hemoseg.nn.resnet import ResNet

torch.set_num_threads(1)  # the tensors are tiny
SMALL = {pspnet: {"width": 4}, deeplabv3plus: {"width": 4, "channels": 16}}


def published(kind="resnet18", width=4, seed=5):
    """A state dict as torchvision publishes it: the names of the encoder and of its classifier."""
    torch.manual_seed(seed)
    network = ResNet(3, kind, width=width)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean)
    out = network.channels[-1]
    return network.state_dict() | {"fc.weight": torch.randn(1000, out), "fc.bias": torch.randn(1000)}


@pytest.mark.parametrize("module", SMALL)
def test_every_published_tensor_but_the_classifier_is_taken(module):
    network, state = module.build(3, 2, **SMALL[module]), published()
    rest = {name: value.clone() for name, value in network.state_dict().items() if not name.startswith("encoder.")}
    module.load_pretrained(network, state)
    after = network.state_dict()
    for name, value in state.items():
        if not name.startswith("fc."):
            assert torch.equal(after[f"encoder.{name}"], value), name
    assert all(torch.equal(after[name], value) for name, value in rest.items())
    x = torch.randn(1, 3, 33, 33)
    reference = ResNet(3, "resnet18", stride=network.stride, width=4)
    reference.load_state_dict({name: value for name, value in state.items() if not name.startswith("fc.")})
    with torch.no_grad():
        assert torch.equal(network.eval().encoder(x)[-1], reference.eval()(x)[-1])


def test_files_of_older_releases_count_no_batches():
    state = {name: value for name, value in published().items() if not name.endswith("num_batches_tracked")}
    network = pspnet.build(3, 2, width=4)
    pspnet.load_pretrained(network, state)
    assert torch.equal(network.encoder.bn1.running_mean, state["bn1.running_mean"])


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 7])
def test_an_image_of_equal_channels_reads_as_it_did_in_colour(channels):
    kernel = torch.randn(6, 3, 7, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fitted = first_kernel(kernel, channels)
    assert fitted.shape == (6, channels, 7, 7)
    grey = torch.randn(2, 1, 20, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    wanted = F.conv2d(grey.expand(-1, 3, -1, -1), kernel)
    assert torch.allclose(F.conv2d(grey.expand(-1, channels, -1, -1), fitted), wanted, rtol=1e-10)


def test_colours_keep_their_kernels_and_share_them_with_further_channels():
    kernel = torch.randn(2, 3, 3, 3)
    assert torch.equal(first_kernel(kernel, 3), kernel)
    four = first_kernel(kernel, 4)
    assert torch.allclose(four, torch.stack([kernel[:, 0] / 2, kernel[:, 1], kernel[:, 2], kernel[:, 0] / 2], 1))
    two = first_kernel(kernel, 2)
    assert torch.allclose(two, torch.stack([kernel[:, 0] + kernel[:, 2] / 2, kernel[:, 1] + kernel[:, 2] / 2], 1))


@pytest.mark.parametrize("channels", [1, 4])
def test_a_network_of_other_channels_takes_published_weights(channels):
    network, state = pspnet.build(channels, 2, width=4), published()
    pspnet.load_pretrained(network, state)
    assert torch.equal(network.encoder.conv1.weight, first_kernel(state["conv1.weight"], channels))


def without(state, *names):
    return {name: value for name, value in state.items() if name not in names}


FAULTS = {
    "missing": (lambda s: without(s, "layer1.0.bn1.bias"), r"^layer1\.0\.bn1\.bias is missing: .* of another network"),
    "several": (lambda s: without(s, "conv1.weight", "bn1.bias"), r"^conv1\.weight and 1 more are missing"),
    "too many": (lambda s: s | {"layer5.0.conv1.weight": torch.ones(1)}, r"^layer5\.0\.conv1\.weight is unknown"),
    "deeper": (lambda s: published("resnet34"), r"^layer1\.2\.conv1\.weight and \d+ more are unknown"),
    "wider": (lambda s: published(width=8), r"^conv1\.weight is 8x3x7x7, the network has 4x3x7x7: the sizes differ"),
    "a vector": (lambda s: s | {"conv1.weight": torch.ones(3)}, r"^conv1\.weight is 3, the network has 4x3x7x7"),
    "channels": (lambda s: s | {"conv1.weight": torch.ones(4, 2, 7, 7)}, r"^conv1\.weight is 4x2x7x7, the network"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_state_that_does_not_fit_is_refused_and_nothing_is_taken(name):
    spoil, sentence = FAULTS[name]
    network = pspnet.build(3, 2, width=4)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(ValueError, match=sentence):
        pspnet.load_pretrained(network, spoil(published()))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_an_encoder_of_another_make_is_served_too():
    """VGG's names: convolutions by number in `features`, of which an encoder may use the first ones only."""
    encoder = nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))
    state = {"features.0.weight": torch.randn(8, 3, 3, 3), "features.0.bias": torch.randn(8)}
    state |= {"features.2.weight": torch.randn(8, 8, 3, 3), "features.2.bias": torch.randn(8)}
    state |= {"features.5.weight": torch.randn(16, 8, 3, 3), "classifier.0.weight": torch.randn(3, 3)}
    mapped = {name.removeprefix("features."): value for name, value in state.items()}
    load_published(encoder, mapped, first="0.weight", dropped=("5.", "classifier."))
    assert torch.equal(encoder[2].weight, state["features.2.weight"])
    assert torch.equal(encoder[0].weight, first_kernel(state["features.0.weight"], 4))
