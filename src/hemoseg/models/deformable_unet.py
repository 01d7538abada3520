"""The deformable U-Net of scd2018 and scd2020: the same network, every 3x3 convolution deformable."""

from functools import partial

from torch import nn

from hemoseg.nn.deform_conv import DeformConv2d, active_backend
from hemoseg.nn.unet import UNet


def build(
    in_channels: int,
    classes: int,
    *,
    width: int = 8,
    levels: int = 3,
    head: str = "last",
    checkpoint: bool = False,
    scope: float = 2.0,
    backend: str = "auto",
) -> nn.Module:
    """Build the network; see `hemoseg.nn.unet.UNet`.

    ``scope`` is the largest offset in pixels, ``backend`` the form of the layer (`hemoseg.nn.deform_conv`).
    """
    convolution = partial(DeformConv2d, scope=scope, backend=backend)
    shape = {"width": width, "levels": levels, "head": head, "checkpoint": checkpoint}
    return UNet(in_channels, classes, convolution=convolution, **shape)


def describe(network: nn.Module) -> dict[str, str]:
    """Which back end the deformable layers run."""
    layers = [layer for layer in network.modules() if isinstance(layer, DeformConv2d)]
    backends = {active_backend(layer.backend, layer.weight.device) for layer in layers}
    return {"deformable_backend": ", ".join(sorted(backends))}
