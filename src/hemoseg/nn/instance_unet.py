"""The network of `touching`: a U-Net at whose deepest features a region proposal network reads."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hemoseg.nn.anchors import places
from hemoseg.nn.pyramid import unit
from hemoseg.nn.rpn import ProposalHead

MOST_CHANNELS = 4096  # of the deepest features


class InstanceUNet(nn.Module):
    """Down path, up path with skips by concatenation, proposals from the deepest features (touching, network).

    A step down has two 3x3 convolutions, from the second step on a third one that doubles the channels, and 2x2 max
    pooling; what is pooled is also passed to the other side. A step up has a 3x3 transposed
    convolution of stride 2 to the channels of the skip, concatenation and two 3x3 convolutions; a 1x1 convolution
    ends it. touching does not say what a step up consists of, nor whether there is batch norm: each 3x3 convolution
    here is followed by batch norm and ReLU and has no bias, as in the U-Net of scd2018; a batch of one image of
    448 x 448 has 3136 values per channel at the coarsest of them, so that small batches do it no harm.

    Args:
        in_channels: channels of the image.
        classes: maps put out, background included.
        width: channels of the first step; from the second on they double.
        levels: number of poolings.
        anchors: anchors of a place; 0 makes the plain U-Net, with the same weights from the same seed.

    Raises:
        ValueError: no channel or no pooling, or more channels than `MOST_CHANNELS`.
    """

    def __init__(self, in_channels: int, classes: int, *, width: int, levels: int, anchors: int):
        super().__init__()
        for name, number in (("width", width), ("levels", levels)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, not {number}")
        if levels > 16 or width * 2 ** (levels - 1) > MOST_CHANNELS:
            raise ValueError(f"width * 2**(levels - 1) may be {MOST_CHANNELS} at most, not {width} * 2**{levels - 1}")
        widths = [width * 2**step for step in range(levels)]
        self.down = nn.ModuleList([_two_units(in_channels, width), *(_doubling(c) for c in widths[:-1])])
        below = [widths[-1], *reversed(widths[1:])]
        self.up = nn.ModuleList(_upsampling(a, b) for a, b in zip(below, reversed(widths), strict=True))
        self.decode = nn.ModuleList(_two_units(2 * c, c) for c in reversed(widths))
        self.last = nn.Conv2d(width, classes, 1)
        # Drawn last, so that the rest has the weights of the plain U-Net of the same seed.
        self.proposal_head = ProposalHead(widths[-1], anchors) if anchors else None
        self.stride = 2**levels

    def forward(self, x: Tensor, proposals: bool = False) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """Logits ``(B, K, H, W)`` of images ``(B, C, H, W)`` of any size; with ``proposals`` those of `proposed` too.

        Raises:
            ValueError: proposals are asked of a network that makes none.
        """
        deepest, skips = self._features(x)
        y = deepest
        for up, decode, skip in zip(self.up, self.decode, reversed(skips), strict=True):
            y = decode(torch.cat([skip, up(y)], dim=1))
        logits = self.last(y)[..., : x.shape[-2], : x.shape[-1]]
        return (logits, *self._answers(deepest, x)) if proposals else logits

    def proposed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``(B, n, 2)`` and deltas ``(B, n, 4)`` of the anchors of `hemoseg.nn.anchors.anchor_boxes`.

        The up path is left out.

        Raises:
            ValueError: the network makes no proposals.
        """
        return self._answers(self._features(x)[0], x)

    def _features(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The deepest features, and the skips from the first on, of images filled up to whole strides."""
        # As in the other networks, with the last row and column.
        x = F.pad(x, (0, -x.shape[-1] % self.stride, 0, -x.shape[-2] % self.stride), mode="replicate")
        skips = []
        for step in self.down:
            skips.append(step(x))
            x = F.max_pool2d(skips[-1], 2)
        return x, skips

    def _answers(self, deepest: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.proposal_head is None:
            raise ValueError("this network was built without proposals")
        # Places centred in what the image was filled up with have no anchors.
        rows, columns = (places(side, self.stride) for side in x.shape[-2:])
        scores, deltas = self.proposal_head(deepest)
        return scores[:, :rows, :columns].flatten(1, 3), deltas[:, :rows, :columns].flatten(1, 3)


def _doubling(channels: int) -> nn.Sequential:
    """Two convolutions and a third one to twice the channels."""
    return nn.Sequential(*_two_units(channels, channels), unit(channels, 2 * channels, 3))


def _two_units(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(unit(in_channels, out_channels, 3), unit(out_channels, out_channels, 3))


def _upsampling(in_channels: int, out_channels: int) -> nn.Sequential:
    """A 3x3 transposed convolution of stride 2, batch norm, ReLU."""
    up = nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1, bias=False)
    return nn.Sequential(up, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))
