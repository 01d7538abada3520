"""The baseline U-Net of scd2018 and scd2020: ordinary 3x3 convolutions."""

from torch import nn

from hemoseg.nn.unet import UNet


def build(
    in_channels: int, classes: int, *, width: int = 8, levels: int = 3, head: str = "last", checkpoint: bool = False
) -> nn.Module:
    """Build the network; see `hemoseg.nn.unet.UNet`."""
    return UNet(in_channels, classes, width=width, levels=levels, head=head, checkpoint=checkpoint)
