"""PSPNet and DeepLabV3+: where their logits lie, and what of their settings is refused."""

import pytest
import torch
from torch import nn

from hemoseg.models import deeplabv3plus, pspnet

torch.set_num_threads(1)  # the tensors are tiny
SMALL = {pspnet: {"width": 4}, deeplabv3plus: {"width": 4, "channels": 16, "rates": [1, 2]}}
CASES = [(module, stride) for module in SMALL for stride in (8, 16, 32)]


def trained(module, stride):
    """A network in evaluation mode whose batch norms are no identities."""
    torch.manual_seed(0)
    network = module.build(2, 3, stride=stride, **SMALL[module])
    network.train()
    for _ in range(2):
        network(torch.randn(2, 2, 2 * stride + 1, 2 * stride + 1))
    return network.double().eval()


def mirrored(network, axis):
    """The same network with every kernel mirrored."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight = nn.Parameter(layer.weight.flip(axis))
    return network


@pytest.mark.parametrize(("module", "stride"), CASES)
@pytest.mark.parametrize("axis", [2, 3])
def test_a_mirrored_network_sees_the_mirror_image(module, stride, axis):
    network = trained(module, stride)
    x = torch.randn(1, 2, 2 * stride + 1, 3 * stride + 1, dtype=torch.float64)
    with torch.no_grad():
        wanted = network(x).flip(axis)
        # Holds only where features and logits lie on their pixels: half a pixel off, and the two differ.
        assert torch.allclose(mirrored(network, axis)(x.flip(axis)), wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("module", "stride"), CASES)
def test_a_size_off_the_grid_is_the_filled_image_cut_back(module, stride):
    network = trained(module, stride)
    x = torch.randn(1, 2, stride + 4, 2 * stride - 1, dtype=torch.float64)
    rows, columns = (torch.arange(2 * stride + 1).clamp(max=side - 1) for side in x.shape[2:])
    with torch.no_grad():
        whole = network(x[:, :, rows][..., columns])
        assert torch.equal(network(x), whole[..., : x.shape[2], : x.shape[3]])


@pytest.mark.parametrize("module", SMALL)
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (16, 40)])
def test_a_batch_of_one_small_image_trains(module, size):
    network = module.build(2, 3, stride=32, **SMALL[module]).train()
    network(torch.randn(1, 2, *size)).square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


def test_deeplab_has_the_sources_sizes_by_default():
    network = deeplabv3plus.build(3, 5, encoder="resnet50")
    dilations = [branch[0].dilation for branch in network.pyramid.branches]
    assert dilations == [(1, 1), (6, 6), (12, 12), (18, 18)]
    assert network.early[0].weight.shape == (48, 256, 1, 1)
    assert network.decoder[0][0].weight.shape == (256, 256 + 48, 3, 3)
    assert network.pyramid.join[0].weight.shape == (256, 5 * 256, 1, 1)


def test_pspnet_has_the_sources_sizes():
    network = pspnet.build(3, 5, encoder="resnet50")
    assert [branch[0].weight.shape for branch in network.decoder[0].branches] == [(512, 2048, 1, 1)] * 4
    assert network.decoder[1][0].weight.shape == (512, 4096, 3, 3)
    assert network.decoder[-1].weight.shape == (5, 512, 1, 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rates": []}, r"rates must be whole numbers of 1 or more, not \[\]"),
        ({"rates": [1, 2.5]}, r"not \[1, 2\.5\]"),
        ({"channels": 0}, "channels must be at least 1, not 0"),
        ({"dropout": 1.5}, "dropout probability has to be between 0 and 1"),
        ({"encoder": "vgg16"}, "encoder must be one of resnet18"),
    ],
)
def test_settings_that_make_no_network_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        deeplabv3plus.build(3, 2, **given)
