"""The residual encoder: its size, its strides, and dilation against strides."""

import pytest
import torch
from torch import nn

from hemoseg.nn.folding import fold_batch_norms
from hemoseg.nn.resnet import BLOCKS, ResNet, resize, to_grid

torch.set_num_threads(1)  # the tensors are tiny
PUBLISHED = {"resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032}  # torchvision's, 1000 classes


def images(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def trained(kind="resnet18", stride=32, width=4, channels=3, seed=0):
    """An encoder in evaluation mode whose batch norms are no identities."""
    torch.manual_seed(seed)
    network = ResNet(channels, kind, stride=stride, width=width)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
            nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return network.double().eval()


def by_formula(kind):
    """Parameters of the published network: He et al. 2016, table 1, batch norms and the classifier of 1000 classes."""
    total, before = 3 * 64 * 49 + 2 * 64, 64
    for stage, blocks in enumerate(BLOCKS[kind]):
        width = 64 * 2**stage
        out = 4 * width if kind == "resnet50" else width
        for block in range(blocks):
            sides = [(before, width, 1), (width, width, 9), (width, out, 1)]
            if kind != "resnet50":
                sides = [(before, width, 9), (width, out, 9)]
            if block == 0 and before != out:
                sides.append((before, out, 1))  # the projection of the shortcut
            total += sum(a * b * taps + 2 * b for a, b, taps in sides)
            before = out
    return total + before * 1000 + 1000


@pytest.mark.parametrize("kind", PUBLISHED)
def test_an_encoder_has_the_parameters_of_the_published_network(kind):
    network = ResNet(3, kind)
    own = sum(p.numel() for p in network.parameters())
    assert own + network.channels[-1] * 1000 + 1000 == by_formula(kind) == PUBLISHED[kind]


def test_names_are_those_of_the_published_state_dicts():
    states = {kind: ResNet(3, kind).state_dict() for kind in PUBLISHED}
    # As `torch.load` of torchvision's files lists them: entries, and some names with their shapes.
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    for kind, (convolutions, out) in {"resnet18": (20, 512), "resnet34": (36, 512), "resnet50": (53, 2048)}.items():
        names = set(states[kind])
        assert len(names) == convolutions * (1 + len(norm))
        assert {"conv1.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.running_var"} <= names
        assert {f"layer3.0.downsample.1.{part}" for part in norm} <= names
        assert states[kind][f"layer4.1.bn{3 if out == 2048 else 2}.bias"].shape == (out,)
    assert "layer1.0.downsample.0.weight" not in states["resnet18"]
    assert states["resnet50"]["layer1.0.downsample.0.weight"].shape == (256, 64, 1, 1)
    assert states["resnet50"]["layer2.0.conv2.weight"].shape == (128, 128, 3, 3)


@pytest.mark.parametrize("stride", [8, 16, 32])
@pytest.mark.parametrize("size", [(64, 96), (65, 33), (1, 7), (50, 47)])
def test_features_are_one_per_stride(stride, size):
    network = ResNet(1, "resnet18", stride=stride, width=2).eval()
    with torch.no_grad():
        stages = network(images(1, 1, *size))
    for features, own, channels in zip(stages, (4, 8, 16, 32), network.channels, strict=True):
        own = min(own, stride)
        assert features.shape == (1, channels, *(-(-side // own) for side in size))


@pytest.mark.parametrize("kind", PUBLISHED)
@pytest.mark.parametrize("stride", [8, 16])
def test_a_dilated_encoder_thinned_out_is_the_strided_one(kind, stride):
    strided, dilated = trained(kind), trained(kind, stride=stride)
    dilated.load_state_dict(strided.state_dict())
    x = images(2, 3, 97, 65).double()
    with torch.no_grad():
        for dense, thin in zip(dilated(x), strided(x), strict=True):
            step = (dense.shape[-1] - 1) // (thin.shape[-1] - 1)
            assert torch.allclose(dense[..., ::step, ::step], thin, rtol=1e-10, atol=1e-12)
    assert step == 32 // stride


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_moving_the_image_by_a_stride_moves_the_features_by_one(stride):
    network = trained("resnet18", stride, width=2, channels=1)
    # Zeros all around look like padding as long as batch norms shift nothing, and reach further than the kernels do.
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.zeros_(layer.bias)
            nn.init.zeros_(layer.running_mean)
    x = torch.zeros(1, 1, 33, 1025, dtype=torch.float64)
    x[..., 480:512] = images(1, 1, 33, 32).double()
    with torch.no_grad():
        here = network(x)[-1]
        there = network(torch.roll(x, 2 * stride, 3))[-1]
    assert here.abs().max() > 0
    assert torch.allclose(there[..., 2:], here[..., :-2], rtol=1e-9, atol=1e-12)


def test_a_feature_sees_what_the_published_receptive_field_says():
    # Kernels k and strides s along the path: r = 1 + sum (k - 1) * (product of the strides before); 435 for ResNet-18.
    kernels = [(7, 2), (3, 2), *[(3, 1)] * 4, *[(3, 2), *[(3, 1)] * 3] * 3]
    field, jump = 1, 1
    for kernel, stride in kernels:
        field, jump = field + (kernel - 1) * jump, jump * stride
    assert (field, jump) == (435, 32)
    network = trained("resnet18", width=2, channels=1)
    network.maxpool = nn.AvgPool2d(3, stride=2, padding=1)  # a maximum has no gradient where it is not
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data.abs_()
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.zero_()
            layer.bias.data.zero_()
    x = torch.ones(1, 1, 1, 961, dtype=torch.float64).expand(1, 1, 7, 961).clone().requires_grad_()
    network(x)[-1][0, 0, 0, 15].backward()
    seen = x.grad.abs().sum((0, 1, 2)).nonzero().flatten()
    assert (int(seen[0]), int(seen[-1])) == (15 * 32 - 217, 15 * 32 + 217)


def test_folding_leaves_no_batch_norm():
    network = trained("resnet50", 16)
    x = images(1, 3, 33, 33).double()
    with torch.no_grad():
        wanted = network(x)[-1]
        folded = fold_batch_norms(network)
        assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
        assert torch.allclose(folded(x)[-1], wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_a_grid_puts_the_last_feature_on_the_last_pixel(stride):
    for side in range(1, 3 * stride + 2):
        filled = to_grid(images(1, 1, side, 5), stride).shape[2]
        assert filled % stride == 1
        assert filled >= stride + 1
        assert side <= filled < max(side, 2) + stride


def test_what_is_filled_in_repeats_the_last_row_and_column():
    x = images(2, 3, 11, 6)
    filled = to_grid(x, 8)
    assert filled.shape == (2, 3, 17, 9)
    rows, columns = torch.arange(17).clamp(max=10), torch.arange(9).clamp(max=5)
    assert torch.equal(filled, x[:, :, rows][..., columns])


def test_a_resized_feature_stays_on_its_pixel():
    coarse = images(1, 2, 5, 3)
    fine = resize(coarse, torch.zeros(1, 1, 33, 17))
    assert torch.allclose(fine[..., ::8, ::8], coarse, atol=1e-6)
    ramp = torch.arange(5.0).view(1, 1, 5, 1).expand(1, 1, 5, 3)
    assert torch.allclose(resize(ramp, torch.zeros(1, 1, 33, 17))[0, 0, :, 0], torch.arange(33) / 8, atol=1e-6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "resnet9"}, "encoder must be one of resnet18, resnet34, resnet50, not 'resnet9'"),
        ({"stride": 4}, "stride must be one of 8, 16, 32, not 4"),
        ({"width": 0}, "width must be from 1 to 256, not 0"),
        ({"width": 10**6}, "width must be from 1 to 256"),
    ],
)
def test_what_is_no_encoder_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        ResNet(3, **given)
