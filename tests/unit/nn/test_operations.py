"""Counted operations against those that the shapes of every convolution say."""

import pytest
import torch
from torch import nn

from hemoseg import models
from hemoseg.nn.deform_conv import DeformConv2d
from hemoseg.nn.operations import counted

PLAIN = (nn.Conv2d, nn.ConvTranspose2d)


def shapes_say(network, x):
    """Operations of the plain convolutions and of the deformable ones, from the shapes that hooks see."""
    plain, deformable = 0, 0
    offsets = {part.offset for part in network.modules() if isinstance(part, DeformConv2d)}

    def note(module, inputs, output):
        nonlocal plain, deformable
        pixels = (inputs[0] if isinstance(module, nn.ConvTranspose2d) else output)[:, 0].numel()
        if isinstance(module, DeformConv2d):  # its kernel, that of its offsets, four pixels under each tap
            each = module.weight.numel() + module.offset.weight.numel() + 4 * module.weight[0].numel()
            deformable += 2 * pixels * each
        elif module not in offsets:
            plain += 2 * pixels * module.weight.numel()

    parts = [part for part in network.modules() if isinstance(part, (*PLAIN, DeformConv2d))]
    hooks = [part.register_forward_hook(note) for part in parts]
    network(x)
    for hook in hooks:
        hook.remove()
    return plain, deformable


SMALL = {"unet": {"width": 4}, "vgg16_unet": {"width": 4}, "instance_unet": {"width": 4, "proposals": False}}
SMALL |= {"deeplabv3plus": {"width": 8}, "deconvnet": {"width": 4}, "ternausnet": {"width": 4}}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.enable_grad])
def test_the_operations_of_a_network_are_those_of_its_convolutions(name, mode):
    network, x = models.load(name).build(3, 3, **SMALL[name]).eval(), torch.zeros(2, 3, 64, 64)
    with mode(), counted() as found:
        network(x)
    assert (found.by_torch, found.by_formula) == shapes_say(network, x)
    assert found.total > 0


@pytest.mark.parametrize("backend", ["kornia", "native"])
def test_deformable_layers_count_by_formula_and_nothing_of_them_twice(backend):
    network = models.load("deformable_unet").build(3, 3, width=4, levels=2, backend=backend).eval()
    x = torch.zeros(1, 3, 40, 48)
    with torch.inference_mode(), counted() as found:
        network(x)
    assert (found.by_torch, found.by_formula) == shapes_say(network, x)
    assert found.by_formula > found.by_torch > 0


def test_the_formula_is_what_torch_counts_of_the_plain_form_and_its_samples():
    layer, x = DeformConv2d(5, 7, backend="kornia"), torch.randn(2, 5, 6, 8)
    with torch.inference_mode(), counted() as of_layer:
        layer(x)
    with torch.inference_mode(), counted() as of_parts:
        layer.offset(x)
        nn.Conv2d(5, 7, 3, padding=1)(x)
    samples = 2 * 4 * 9 * 5 * x[:, 0].numel()
    assert (of_layer.by_torch, of_layer.by_formula) == (0, of_parts.by_torch + samples)


def test_nothing_is_counted_before_or_after():
    layer = nn.Conv2d(1, 1, 1)
    layer(torch.zeros(1, 1, 2, 2))
    with counted() as found:
        pass
    layer(torch.zeros(1, 1, 2, 2))
    assert found.total == 0
