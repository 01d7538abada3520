"""The network of deconvnet: pooling and unpooling at remembered positions, convolutions and their mirror image."""

from torch import nn

from hemoseg.nn.deconvnet import DeconvNet


def build(in_channels: int, classes: int, *, width: int = 32, dropout: float = 0.5) -> nn.Module:
    """Build the network; see `hemoseg.nn.deconvnet.DeconvNet`."""
    return DeconvNet(in_channels, classes, width=width, dropout=dropout)
