"""VGG16-U-Net and TernausNet: what their sources count, where the logits lie, published weights, ONNX."""

from functools import cache
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hemoseg.models import ternausnet, vgg16_unet
from hemoseg.nn.folding import fold_batch_norms
from hemoseg.nn.pretrained import first_kernel
from hemoseg.steps import export
from hemoseg.training.batches import Normalisation

# What torch's exporter needs before its first translation takes seconds: once, for all files that translate.
pytestmark = pytest.mark.xdist_group("onnx")
torch.set_num_threads(1)  # the tensors are tiny
SMALL = {vgg16_unet: {"width": 4}, ternausnet: {"width": 4}}
both = pytest.mark.parametrize("module", SMALL, ids=["vgg16_unet", "ternausnet"])

# Number of each published layer in `features`, and what it puts out: arXiv:1409.1556, table 1, columns A and D, in the
# numbering of torchvision's files, in which every ReLU and pooling has a number of its own.
PUBLISHED = {
    ternausnet: {0: 64, 3: 128, 6: 256, 8: 256, 11: 512, 13: 512, 16: 512, 18: 512},
    vgg16_unet: {
        0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 17: 512, 19: 512, 21: 512, 24: 512, 26: 512, 28: 512,
    },
}  # fmt: skip
POOLINGS = {ternausnet: (2, 5, 10, 15, 20), vgg16_unet: (4, 9, 16, 23, 30)}
CLASSIFIER = {0: (4096, 512 * 7 * 7), 3: (4096, 4096), 6: (1000, 4096)}


def built(module, in_channels=3, classes=3, seed=0, **settings):
    torch.manual_seed(seed)
    return module.build(in_channels, classes, **(settings or SMALL[module]))


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def layers(network, *kinds):
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


def of_convolutions(*pairs, classes, last):
    """Parameters of 3x3 layers with a bias, from and to so many channels, and of the 1x1 one at the end."""
    return sum(9 * a * b + b for a, b in pairs) + last * classes + classes


FULL = [(512, 256), (256 + 512, 256), (256 + 256, 128), (128 + 128, 64), (64 + 64, 64), (64, 32)]
HALF = [(512, 256), (256 + 256, 128), (128 + 128, 64), (64 + 64, 64), (64 + 32, 32), (32, 32)]
VGG16 = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512]  # the first twelve
HALVED = [3, 32, 32, 64, 64, 128, 128, 128, 256, 256, 256, 512, 512]
VGG11 = [3, 64, 128, 256, 256, 512, 512, 512, 512]


@pytest.mark.parametrize(
    ("width", "encoder", "decoder", "count"),
    [("full", VGG16, FULL, 16_134_339), (64, VGG16, FULL, 16_134_339), ("half", HALVED, HALF, 7_478_083)],
)
def test_vgg16_unet_has_the_printed_numbers_of_layers_and_parameters(width, encoder, decoder, count):
    network = built(vgg16_unet, width=width)
    assert sum(p.numel() for p in network.parameters()) == count
    assert count == of_convolutions(*pairwise(encoder), *decoder, classes=3, last=32)
    convolutions = layers(network, nn.Conv2d)
    assert len(convolutions) == 19
    assert [layer.in_channels for layer in convolutions[:12]] == encoder[:-1]
    assert [layer.kernel_size for layer in convolutions] == [(3, 3)] * 18 + [(1, 1)]
    assert (convolutions[-1].in_channels, convolutions[-1].out_channels) == (32, 3)
    assert [layer.kernel_size for layer in layers(network, nn.MaxPool2d)] == [2, 2, 2, 4]
    ups = layers(network, nn.Upsample)
    assert [(layer.scale_factor, layer.mode) for layer in ups] == [(s, "nearest") for s in (4, 2, 2, 2)]
    assert not layers(network, nn.ConvTranspose2d, nn.BatchNorm2d)


def test_ternausnet_has_the_sources_numbers_of_layers_and_parameters():
    network = built(ternausnet, classes=1, width=64)
    decoder = [(512, 512), (512, 256), (768, 512), (512, 256), (768, 512), (512, 128)]
    decoder += [(384, 256), (256, 64), (192, 128), (128, 32), (96, 32)]
    count = of_convolutions(*pairwise(VGG11), *decoder, classes=1, last=32)
    assert sum(p.numel() for p in network.parameters()) == count == 22_927_393
    assert [layer.out_channels for layer in layers(network.encoder, nn.Conv2d)] == VGG11[1:]
    assert [layer.kernel_size for layer in layers(network, nn.MaxPool2d)] == [2] * 5
    assert [layer.out_channels for layer in layers(network, nn.ConvTranspose2d)] == [256, 256, 128, 64, 32]


@both
def test_every_layer_reads_the_features_of_its_size(module):
    network, seen = built(module), []
    for layer in layers(network, nn.Conv2d, nn.ConvTranspose2d):
        layer.register_forward_hook(lambda layer, given, out: seen.append(tuple(given[0].shape[-2:])))
    network(numbers(1, 3, 64, 96))
    shares = [64 // rows for rows, columns in seen if (rows, columns) == (64 * columns // 96, columns)]
    if module is vgg16_unet:  # the 4x upsampling comes before the convolution that reads the bottom
        assert shares == [1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 32, 32, 8, 8, 4, 2, 1, 1, 1]
    else:  # a transposed convolution reads the coarser side
        assert shares == [1, 2, 4, 4, 8, 8, 16, 16, 32, 32, 16, 16, 8, 8, 4, 4, 2, 2, 1, 1]


@both
def test_an_image_whose_sides_32_divides_is_not_filled_and_others_are_cut_back(module):
    network, image = built(module).eval(), numbers(1, 3, 45, 70)
    rows, columns = torch.arange(64).clamp(max=44), torch.arange(96).clamp(max=69)
    seen = []
    network.encoder.features[0].register_forward_hook(lambda layer, given, out: seen.append(given[0].shape[-2:]))
    with torch.no_grad():
        whole = network(image[:, :, rows][..., columns])
        assert torch.equal(network(image), whole[..., :45, :70])
    assert seen == [(64, 96)] * 2


@pytest.mark.parametrize("axis", [2, 3])
def test_a_mirrored_vgg16_unet_sees_the_mirror_image(axis):
    network, x = built(vgg16_unet).double().eval(), numbers(1, 3, 64, 96).double()
    with torch.no_grad():
        wanted = network(x).flip(axis)
        for layer in layers(network, nn.Conv2d):
            layer.weight = nn.Parameter(layer.weight.flip(axis))
        # Holds only where upsampled features lie on the pixels that they were made of.
        assert torch.allclose(network(x.flip(axis)), wanted, rtol=1e-9, atol=1e-12)


@both
def test_what_is_not_published_begins_with_weights_drawn_for_its_relus(module):
    for layer in layers(built(module, width=16), nn.Conv2d, nn.ConvTranspose2d):
        share = layer.stride[0] * layer.stride[1]  # of the taps, one in so many meets an output of a transposed one
        summed = layer.in_channels * layer.kernel_size[0] ** 2 / share
        weight = layer.weight.detach()
        assert float(weight.square().mean()) == pytest.approx(2 / summed, rel=5 * (2 / weight.numel()) ** 0.5)
        assert not layer.bias.any()


@both
def test_without_batch_norms_folding_changes_nothing(module):
    network, x = built(module).eval(), numbers(1, 3, 32, 40)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        wanted = network(x)
        assert torch.equal(fold_batch_norms(network)(x), wanted)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@cache  # half a second each
def stand_in(module, seed=5):
    """A state dict with the names and sizes of the published one; its classifier takes no memory."""
    state, before, generator = {}, 3, torch.Generator().manual_seed(seed)
    for number, out in PUBLISHED[module].items():
        weight = torch.randn(out, before, 3, 3, generator=generator) * (2 / (9 * before)) ** 0.5
        bias = 0.1 * torch.randn(out, generator=generator)
        state |= {f"features.{number}.weight": weight, f"features.{number}.bias": bias}
        before = out
    for number, shape in CLASSIFIER.items():
        state[f"classifier.{number}.weight"] = torch.zeros(()).expand(shape)
        state[f"classifier.{number}.bias"] = torch.zeros(()).expand(shape[:1])
    return state


def published_features(module, state):
    """The published network up to its classifier, layer by layer in the published order."""
    steps = nn.Sequential()
    for number in range(POOLINGS[module][-1] + 1):
        if number in POOLINGS[module]:
            steps.append(nn.MaxPool2d(2, 2))
        elif number in PUBLISHED[module]:
            weight = state[f"features.{number}.weight"]
            steps.append(nn.Conv2d(weight.shape[1], weight.shape[0], 3, padding=1))
        else:
            steps.append(nn.ReLU())
    named = {name: value for name, value in state.items() if name.startswith("features.")}
    steps.load_state_dict({name.removeprefix("features."): value for name, value in named.items()})
    return steps


@both
def test_every_published_tensor_has_its_place_and_the_encoder_gives_the_published_features(module):
    network, state = built(module, width=64), stand_in(module)
    rest = {name: value.clone() for name, value in network.state_dict().items() if not name.startswith("encoder.")}
    module.load_pretrained(network, state)
    after = network.state_dict()
    dropped = ("classifier.", "features.28.")
    taken = [name for name in state if not name.startswith(dropped)]
    assert {f"encoder.{name}" for name in taken} | rest.keys() == after.keys()
    assert all(torch.equal(after[f"encoder.{name}"], state[name]) for name in taken)
    assert all(torch.equal(after[name], value) for name, value in rest.items())

    reference, x, wanted = published_features(module, state), numbers(1, 3, 64, 64), []
    with torch.no_grad():
        y = x
        for number, layer in enumerate(reference):
            if number in POOLINGS[module]:
                wanted.append(y)
            if module is vgg16_unet and number == 23:
                y = F.max_pool2d(y, 4)  # autocsc's bottom, in place of the published 2x2
            elif module is vgg16_unet and number == 28:
                break
            else:
                y = layer(y)
        found = network.encoder(x)
    wanted = [*wanted[:4], y] if module is vgg16_unet else [*wanted, y]
    assert len(found) == len(wanted)
    for features, published in zip(found, wanted, strict=True):
        assert published.std() > 0.01
        assert torch.allclose(features, published, rtol=1e-5, atol=1e-6)


@both
def test_an_image_of_one_channel_takes_published_weights_too(module):
    network, state = built(module, in_channels=1, width=64), stand_in(module)
    module.load_pretrained(network, state)
    assert torch.equal(network.encoder.features[0].weight, first_kernel(state["features.0.weight"], 1))


ALONE = r"^published weights of VGG16 fit width 'full' alone, not "
FAULTS = {
    "half": (vgg16_unet, {"width": "half"}, vgg16_unet, rf"{ALONE}'half'$"),
    "another number": (vgg16_unet, {"width": 8}, vgg16_unet, rf"{ALONE}8$"),
    "narrow": (ternausnet, {"width": 8}, ternausnet, r"^features\.0\.weight is 64x3x3x3, the network has 8x3x3x3"),
    "of VGG11": (vgg16_unet, {"width": "full"}, ternausnet, r"^features\.2\.weight and \d+ more are missing"),
    "of VGG16": (ternausnet, {"width": 64}, vgg16_unet, r"^features\.3\.weight and \d+ more are missing"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_weights_of_another_encoder_are_refused_and_nothing_is_taken(name):
    module, settings, other, sentence = FAULTS[name]
    network = built(module, **settings)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(ValueError, match=sentence):
        module.load_pretrained(network, stand_in(other))
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("module", "width", "words"),
    [
        (vgg16_unet, "quarter", "width must be 'full', 'half' or a whole number, not 'quarter'"),
        (vgg16_unet, 0, "width must be a whole number from 1 to 256, not 0"),
        (vgg16_unet, 1.5, "not 1.5"),
        (vgg16_unet, True, "not True"),
        (ternausnet, 257, "width must be a whole number from 1 to 256, not 257"),
        (ternausnet, "half", "not 'half'"),
    ],
)
def test_widths_that_make_no_network_are_refused(module, width, words):
    with pytest.raises(ValueError, match=words):
        module.build(3, 2, width=width)


class Sum(nn.Module):
    """Both networks in one, since a translation takes seconds however small the network is."""

    def __init__(self):
        super().__init__()
        self.both = nn.ModuleList(built(module) for module in SMALL)
        self.stride = 32

    def forward(self, x):
        return sum(one(x) for one in self.both)


def test_their_onnx_form_says_what_they_say_at_every_batch_and_size(tmp_path):
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="needs the packages of hemoseg[export]")
    graph = export.ImageToProbability(Sum(), Normalisation(255.0, (0.5,) * 3, (0.2,) * 3)).eval()
    said = {"network": "both", "in_channels": 3, "classes": ["a", "b", "c"], "weights_sha256": "0"}
    path = tmp_path / "both.onnx"
    path.write_bytes(export.translate(graph, said | {"normalisation": {"white": 255.0}}))
    assert export.differences(path, graph, [(1, 33, 47), (3, 1, 13), (2, 64, 96)], 3).max() < 1e-5
    with torch.no_grad():
        for one in graph.network.both:
            kept = one.decode[-1][-1].weight.clone()
            one.decode[-1][-1].weight.mul_(1.1)  # either of them is heard
            assert export.differences(path, graph, [(1, 33, 47)], 3).max() > 1e-4
            one.decode[-1][-1].weight.copy_(kept)
