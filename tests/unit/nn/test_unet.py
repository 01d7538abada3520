from functools import partial

import pytest
import torch
from torch import nn

from hemoseg.models import deformable_unet, unet
from hemoseg.nn.deform_conv import DeformConv2d
from hemoseg.nn.unet import UNet

SIZES = [(32, 32), (33, 41), (1, 7), (1, 1), (8, 9), (40, 3)]


def images(batch, channels, *size, seed=0):
    return torch.randn(batch, channels, *size, generator=torch.Generator().manual_seed(seed))


def both(in_channels=3, classes=2, **settings):
    """The two networks with the weights of the first; the offset kernels are the zeros of the start."""
    torch.manual_seed(0)
    plain, deformable = (
        unet.build(in_channels, classes, **settings),
        deformable_unet.build(in_channels, classes, **settings),
    )
    missing, strange = deformable.load_state_dict(plain.state_dict(), strict=False)
    assert not strange
    assert all(name.endswith(".offset.weight") for name in missing)
    return plain, deformable


def parameters(in_channels, classes, *, deformable=False, head="last", first=8, levels=3):
    """Number of parameters as the papers' text gives it: pairs of 3x3 convolutions, each followed by batch norm."""
    widths = [first * 2**level for level in range(levels + 1)]
    pairs, ups = [], []
    before = in_channels
    for width in widths:
        pairs += [(before, width), (width, width)]
        before = width
    for width in reversed(widths[:-1]):
        ups.append((2 * width, width))
        pairs += [(2 * width, width), (width, width)]
    normalised = sum(b for _, b in pairs + ups)
    total = 0
    if head == "last":
        normalised -= pairs[-1][1]
        pairs[-1] = (first, classes)
    else:
        total += first * classes + classes
    total += sum(9 * a * b for a, b in pairs + ups) + 2 * normalised
    return total + deformable * sum(9 * a * 2 * 9 for a, _ in pairs)


@pytest.mark.parametrize("head", ["last", "conv1x1"])
@pytest.mark.parametrize(("in_channels", "classes"), [(1, 2), (3, 2), (4, 3)])
@pytest.mark.parametrize("module", [unet, deformable_unet])
def test_number_of_parameters_is_that_of_the_description(module, in_channels, classes, head):
    network = module.build(in_channels, classes, head=head)
    wanted = parameters(in_channels, classes, deformable=module is deformable_unet, head=head)
    assert sum(p.numel() for p in network.parameters()) == wanted


@pytest.mark.parametrize(("width", "levels"), [(4, 1), (6, 2), (8, 4)])
def test_width_and_levels_are_counted_too(width, levels):
    network = unet.build(3, 2, width=width, levels=levels)
    assert sum(p.numel() for p in network.parameters()) == parameters(3, 2, first=width, levels=levels)


def test_channels_go_8_16_32_64_and_back():
    network = unet.build(4, 3)
    widths = [m.out_channels for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    down, bottom = [8, 8, 16, 16, 32, 32], [64, 64]
    assert widths == [*down, *bottom, 32, 16, 8, 32, 32, 16, 16, 8, 3]
    assert [m.in_channels for m in network.up.modules() if isinstance(m, nn.ConvTranspose2d)] == [64, 32, 16]


@pytest.mark.parametrize("head", ["last", "conv1x1"])
def test_networks_differ_in_the_convolution_only(head):
    plain, deformable = both(head=head)
    shapes = {name: value.shape for name, value in plain.state_dict().items()}
    without = {n: v.shape for n, v in deformable.state_dict().items() if not n.endswith(".offset.weight")}
    assert shapes == without
    kinds = [
        {name: DeformConv2d if type(m) is nn.Conv2d and m.kernel_size == (3, 3) else type(m) for name, m in net}
        for net in (plain.named_modules(), [(n, m) for n, m in deformable.named_modules() if not n.endswith(".offset")])
    ]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("head", ["last", "conv1x1"])
def test_with_zero_offsets_the_deformable_network_is_the_plain_one(size, head):
    plain, deformable = (network.double().eval() for network in both(head=head))
    x = images(2, 3, *size).double()
    with torch.no_grad():
        ours, wanted = deformable(x), plain(x)
    assert wanted.abs().max() > 1e-3
    assert (ours - wanted).abs().max() <= 1e-10 * wanted.abs().max()


def test_every_plain_3x3_convolution_has_become_deformable():
    network = deformable_unet.build(3, 2, scope=1.5, backend="kornia")
    layers = [m for m in network.modules() if isinstance(m, DeformConv2d)]
    inside = {id(m.offset) for m in layers}
    others = [m for m in network.modules() if isinstance(m, nn.Conv2d) and id(m) not in inside]
    assert len(layers) == 14
    assert others == []
    assert {m.scope for m in layers} == {1.5}
    assert deformable_unet.describe(network) == {"deformable_backend": "kornia"}


@pytest.mark.parametrize("module", [unet, deformable_unet])
@pytest.mark.parametrize("size", SIZES)
def test_any_size_comes_out_as_it_went_in_with_a_gradient_for_every_parameter(module, size):
    torch.manual_seed(0)
    network = module.build(3, 4).train()
    logits = network(images(2, 3, *size))
    assert logits.shape == (2, 4, *size)
    logits.square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
    if min(size) >= 8:
        assert [name for name, p in network.named_parameters() if p.grad.abs().max() == 0] == []


def test_sizes_that_poolings_divide_are_not_filled_and_others_by_their_last_pixel():
    network = unet.build(1, 2).eval()
    x = images(1, 1, 13, 18)
    filled = torch.cat([x, x[..., -1:].expand(-1, -1, -1, 6)], dim=3)
    filled = torch.cat([filled, filled[..., -1:, :].expand(-1, -1, 3, -1)], dim=2)
    with torch.no_grad():
        assert torch.equal(network(x), network(filled)[..., :13, :18])


def test_a_skip_carries_each_level_to_its_counterpart():
    network = unet.build(1, 2)
    seen = {}
    for name, module in [*network.named_modules()]:
        if name.startswith(("down.", "decode.")) and name.count(".") == 1:
            module.register_forward_hook(lambda m, i, o, name=name: seen.update({name: (i[0], o)}))
    network(images(1, 1, 16, 24))
    for level in range(3):
        out, into = seen[f"down.{level}"][1], seen[f"decode.{2 - level}"][0]
        assert out.shape[-2:] == (16 // 2**level, 24 // 2**level)
        assert torch.equal(into[:, : out.shape[1]], out)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"head": "softmax"}, "head must be 'last' or 'conv1x1', not 'softmax'"),
        ({"levels": 0}, "levels must be at least 1, not 0"),
        ({"width": 0}, "width must be at least 1, not 0"),
    ],
)
def test_settings_that_make_no_network_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        unet.build(3, 2, **settings)
    with pytest.raises(ValueError, match="unknown back end 'fast'"):
        deformable_unet.build(3, 2, backend="fast")


def test_the_convolution_is_one_argument():
    made = []

    def convolution(a, b):
        made.append((a, b))
        return nn.Conv2d(a, b, 1)

    network = UNet(3, 2, convolution=partial(convolution), width=2, levels=2)
    assert made == [(3, 2), (2, 2), (2, 4), (4, 4), (4, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 2)]
    assert network(images(1, 3, 5, 6)).shape == (1, 2, 5, 6)


@pytest.mark.parametrize("model", [unet, deformable_unet])
def test_checkpointing_changes_memory_and_nothing_else(model):
    networks, kept = [], []
    for checkpoint in (False, True):
        torch.manual_seed(0)
        network = model.build(3, 2, width=4, levels=2, checkpoint=checkpoint).double().train()
        torch.manual_seed(1)
        x = torch.randn(2, 3, 21, 18, dtype=torch.float64)
        numbers = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t, n=numbers: n.append(t.numel()) or t, lambda t: t):
            loss = network(x).square().sum()
        loss.backward()
        networks.append(network)
        kept.append(sum(numbers))
    plain, checkpointed = networks
    for (name, one), two in zip(plain.named_parameters(), checkpointed.parameters(), strict=True):
        assert torch.allclose(one.grad, two.grad, rtol=1e-9, atol=1e-12), name
    for (name, one), two in zip(plain.named_buffers(), checkpointed.buffers(), strict=True):
        assert torch.allclose(one.double(), two.double(), rtol=1e-12), name
    assert kept[1] < kept[0] / 2
    assert all(norm.momentum == 0.1 for norm in checkpointed.modules() if isinstance(norm, torch.nn.BatchNorm2d))
