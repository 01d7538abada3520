"""The residual network as an encoder: ResNet-18, -34 or -50, with its last stages dilated instead of strided.

He et al., 2016, doi:10.1109/CVPR.2016.90; dilation: Chen et al., 2018, doi:10.1109/TPAMI.2017.2699184. The names of
parameters are those of the published state dicts of torchvision, so that their keys fit as they are.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}
BOTTLENECK = ("resnet50",)
EXPANSION = 4  # of the channels at the end of a bottleneck
STRIDES = (8, 16, 32)
MOST_WIDTH = 256  # of the first stage: 2048 channels in the last one, 8192 of bottlenecks


class Residual(nn.Sequential):
    """A residual block: its layers in a row, plus the input, ReLU.

    Args:
        in_channels: of the input.
        width: of the 3x3 convolutions; a bottleneck puts out four times as many.
        stride: of the first 3x3 convolution.
        dilation: of the 3x3 convolutions; ``first`` that of the first one, which has read a grid not yet thinned out.
        bottleneck: 1x1, 3x3, 1x1 convolutions in place of two 3x3.

    A `Sequential`, so that prediction can fold its batch norms.
    """

    def __init__(self, in_channels: int, width: int, *, stride: int, first: int, dilation: int, bottleneck: bool):
        entry = {"kernel_size": 3, "stride": stride, "dilation": first, "padding": first, "bias": False}
        inner = {"kernel_size": 3, "dilation": dilation, "padding": dilation, "bias": False}
        out = width * EXPANSION if bottleneck else width
        if bottleneck:
            convolutions = [
                nn.Conv2d(in_channels, width, 1, bias=False),
                nn.Conv2d(width, width, **entry),
                nn.Conv2d(width, out, 1, bias=False),
            ]
        else:
            convolutions = [nn.Conv2d(in_channels, width, **entry), nn.Conv2d(width, out, **inner)]
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number, convolution in enumerate(convolutions, start=1):
            layers[f"conv{number}"] = convolution
            layers[f"bn{number}"] = nn.BatchNorm2d(convolution.out_channels)
            if number < len(convolutions):
                layers[f"relu{number}"] = nn.ReLU(inplace=True)
        super().__init__(layers)
        if stride != 1 or in_channels != out:
            projection = nn.Conv2d(in_channels, out, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        """Features ``(B, C', H', W')`` of features ``(B, C, H, W)``."""
        kept = x
        for name, layer in self.named_children():
            if name == "downsample":
                kept = layer(kept)
            else:
                x = layer(x)
        return F.relu(x + kept)


class ResNet(nn.Sequential):
    """A residual network without its pooling and classifier.

    Args:
        in_channels: channels of the image.
        kind: ``resnet18``, ``resnet34`` or ``resnet50``.
        stride: pixels per step of the last features: 32 as published; 16 or 8 dilate the last one or two stages.
        width: channels of the first stage, 64 in the published networks; they double at each stage.

    Attributes:
        channels: of the features of each of the four stages.

    Raises:
        ValueError: an unknown kind or stride, or a width below 1 or above `MOST_WIDTH`.
    """

    def __init__(self, in_channels: int, kind: str = "resnet18", *, stride: int = 32, width: int = 64):
        if kind not in BLOCKS:
            raise ValueError(f"encoder must be one of {', '.join(BLOCKS)}, not {kind!r}")
        if stride not in STRIDES:
            raise ValueError(f"stride must be one of {', '.join(map(str, STRIDES))}, not {stride!r}")
        if not 1 <= width <= MOST_WIDTH:
            raise ValueError(f"width must be from 1 to {MOST_WIDTH}, not {width}")
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        bottleneck = kind in BOTTLENECK
        self.channels = tuple(width * 2**i * (EXPANSION if bottleneck else 1) for i in range(4))
        reached, dilation, before = 4, 1, width
        for number, (blocks, after) in enumerate(zip(BLOCKS[kind], self.channels, strict=True), start=1):
            step, first = (1 if number == 1 else 2), dilation
            if reached * step > stride:  # no thinning out any more: the kernels are spread instead
                dilation, step = dilation * step, 1
            reached *= step
            stage = nn.Sequential()
            for block in range(blocks):
                begin = {"stride": step, "first": first} if block == 0 else {"stride": 1, "first": dilation}
                inner = width * 2 ** (number - 1)
                stage.append(Residual(before, inner, **begin, dilation=dilation, bottleneck=bottleneck))
                before = after
            self.add_module(f"layer{number}", stage)
        self._draw()

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of the four stages, ``(B, C_i, ceil(H / s_i), ceil(W / s_i))``, of images ``(B, C, H, W)``.

        Feature (i, j) of a stage of stride s is centred at pixel (i s, j s).
        """
        stages = []
        for name, layer in self.named_children():
            x = layer(x)
            if name.startswith("layer"):
                stages.append(x)
        return stages

    def _draw(self) -> None:
        """Draw the weights as He et al. did: so that the variance of the gradient is kept through a ReLU."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def to_grid(x: Tensor, stride: int) -> Tensor:
    """Fill images ``(B, C, H, W)`` with their last row and column to sides of ``n * stride + 1`` pixels, n >= 1.

    On such a side the first and the last feature of a network of that stride are centred on the first and the last
    pixel, so `resize` puts every feature where it belongs; and there are two features a side at least, so that a batch
    norm has values to take its statistics from even in a batch of one image.
    """
    height, width = x.shape[-2:]
    wanted = [(torch.sym_max(side, 2) + stride - 2) // stride * stride + 1 for side in (height, width)]
    return F.pad(x, (0, wanted[1] - width, 0, wanted[0] - height), mode="replicate")


def resize(x: Tensor, like: Tensor) -> Tensor:
    """Features ``(B, C, h, w)`` at the rows and columns of ``like``, their corners on its corners, bilinear."""
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=True)
