"""The VGG network as an encoder: its convolutions and poolings, without the classifier.

Simonyan and Zisserman, 2015, arXiv:1409.1556. The names of parameters are those of the published state dicts of
torchvision, ``features.N.weight`` and ``features.N.bias``, so that their keys fit as they are.
"""

from collections.abc import Sequence
from itertools import zip_longest
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PUBLISHED_WIDTH = 64  # channels of the first block
MOST_WIDTH = 256  # 2048 channels in the last blocks: convolutions of 150 MB


def vgg16_blocks(width: int) -> list[list[int]]:
    """Channels of the first 12 of VGG16's 13 convolutions, by block, for a first block of ``width``."""
    return [[width] * 2, [2 * width] * 2, [4 * width] * 3, [8 * width] * 3, [8 * width] * 2]


def vgg11_blocks(width: int) -> list[list[int]]:
    """Channels of VGG11's 8 convolutions, by block, for a first block of ``width``."""
    return [[width], [2 * width], [4 * width] * 2, [8 * width] * 2, [8 * width] * 2]


def check_width(width: int) -> None:
    """Refuse a width of which no encoder is built.

    Raises:
        ValueError: it is no whole number from 1 to `MOST_WIDTH`.
    """
    if type(width) is not int or not 1 <= width <= MOST_WIDTH:
        raise ValueError(f"width must be a whole number from 1 to {MOST_WIDTH}, not {width!r}")


class VGG(nn.Module):
    """Blocks of 3x3 convolutions with ReLU, a max pooling after each.

    Args:
        in_channels: channels of the image.
        blocks: channels that each convolution of each block puts out.
        pools: side and stride of the pooling after each block; where they are one fewer, the last block has none.
    """

    def __init__(self, in_channels: int, blocks: Sequence[Sequence[int]], pools: Sequence[int]):
        super().__init__()
        self.features = nn.Sequential()
        before = in_channels
        for channels, pool in zip_longest(blocks, pools):
            for out in channels:
                self.features.extend([nn.Conv2d(before, out, 3, padding=1), nn.ReLU(inplace=True)])
                before = out
            if pool:
                self.features.append(nn.MaxPool2d(pool))

    def forward(self, x: Tensor) -> list[Tensor]:
        """What each pooling is given, ``(B, C_i, H_i, W_i)``, and what comes out last, of images ``(B, C, H, W)``."""
        passed = []
        for layer in self.features:
            if isinstance(layer, nn.MaxPool2d):
                passed.append(x)
            x = layer(x)
        return [*passed, x]


def unit(in_channels: int, out_channels: int) -> list[nn.Module]:
    """A 3x3 convolution that keeps the size, ReLU."""
    return [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.ReLU(inplace=True)]


def fill_up(x: Tensor, stride: int) -> Tensor:
    """Images ``(B, C, H, W)`` with sides that ``stride`` divides, filled with the last row and column."""
    return F.pad(x, (0, -x.shape[-1] % stride, 0, -x.shape[-2] % stride), mode="replicate")


@torch.no_grad()
def draw(network: nn.Module) -> None:
    """Draw all convolutions from N(0, sqrt(2 / N)), N the numbers that one output sums up; biases are 0.

    He et al., 2015, doi:10.1109/ICCV.2015.123, as `autocsc` takes it up. At a transposed convolution of stride s a
    kernel of side k reaches an output (k / s)^2 times, on average.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            summed = float(layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1])
            if isinstance(layer, nn.ConvTranspose2d):
                summed /= layer.stride[0] * layer.stride[1]
            nn.init.normal_(layer.weight, std=sqrt(2 / summed))
            nn.init.zeros_(layer.bias)
