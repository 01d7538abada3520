"""The U-Net of scd2018 and scd2020; what its 3x3 convolutions are is one argument."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

# Makes a 3x3 convolution that keeps the size: (in_channels, out_channels) -> module.
Convolution = Callable[[int, int], nn.Module]


def plain_convolution(in_channels: int, out_channels: int) -> nn.Module:
    """The ordinary 3x3 convolution without bias (batch norm follows)."""
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)


MOST_CHANNELS = 4096  # of the bottom: a convolution of 600 MB


class UNet(nn.Module):
    """Encoder of ``levels``, bottom, mirrored decoder with skips by concatenation (scd2018, network).

    Each level has two 3x3 convolutions, each followed by batch norm and ReLU. The last convolution of the last
    level *is* the output layer (``head="last"``) or a 1x1 convolution follows it (``head="conv1x1"``).

    Args:
        in_channels: channels of the image.
        classes: maps put out, background included.
        convolution: makes every 3x3 convolution.
        width: channels of the first level; they double at each level.
        levels: number of poolings.
        head: ``last`` (our reading of the papers) or ``conv1x1``.
        checkpoint: keep only each level's input for the backward pass and compute the level anew there, with the same
            gradients: less memory for about a third more time.

    Raises:
        ValueError: an unknown head, no channel or no pooling, or more channels than `MOST_CHANNELS`.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        *,
        convolution: Convolution = plain_convolution,
        width: int = 8,
        levels: int = 3,
        head: str = "last",
        checkpoint: bool = False,
    ):
        super().__init__()
        if head not in ("last", "conv1x1"):
            raise ValueError(f"head must be 'last' or 'conv1x1', not {head!r}")
        for name, number in (("width", width), ("levels", levels)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, not {number}")
        if levels > 16 or width * 2**levels > MOST_CHANNELS:
            raise ValueError(f"width * 2**levels may be {MOST_CHANNELS} at most, not {width} * 2**{levels}")
        widths = [width * 2**level for level in range(levels + 1)]
        self.down = nn.ModuleList(
            _two_convolutions(a, b, convolution) for a, b in zip([in_channels, *widths[:-2]], widths[:-1], strict=True)
        )
        self.bottom = _two_convolutions(widths[-2], widths[-1], convolution)
        self.up = nn.ModuleList(_upsampling(2 * c) for c in reversed(widths[:-1]))
        inner = [_two_convolutions(2 * c, c, convolution) for c in reversed(widths[1:-1])]
        self.decode = nn.ModuleList([*inner, _last_level(width, classes, convolution, head)])
        self.stride = 2**levels
        self.checkpoint = checkpoint

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(B, K, H, W)`` of images ``(B, C, H, W)`` of any size."""
        height, width = x.shape[-2:]
        # Sizes that the poolings do not divide are filled with the last row and column, then cut back.
        x = F.pad(x, (0, -width % self.stride, 0, -height % self.stride), mode="replicate")
        skips = []
        for level in self.down:
            x = self._run(level, x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self._run(self.bottom, x)
        for up, decode, skip in zip(self.up, self.decode, reversed(skips), strict=True):
            x = self._run(decode, torch.cat([skip, up(x)], dim=1))
        return x[..., :height, :width]

    def _run(self, level: nn.Module, x: Tensor) -> Tensor:
        if not (self.checkpoint and self.training and torch.is_grad_enabled()):
            return level(x)
        again = partial(_statistics_kept, level)
        return checkpoint(level, x, use_reentrant=False, context_fn=lambda: (nullcontext(), again()))


@contextmanager
def _statistics_kept(level: nn.Module) -> Iterator[None]:
    """Batch norms of a level that is computed a second time do not count the batch twice."""
    norms = [module for module in level.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [(norm.momentum, norm.num_batches_tracked.clone()) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum = momentum
            norm.num_batches_tracked.copy_(count)


def _two_convolutions(in_channels: int, out_channels: int, convolution: Convolution) -> nn.Sequential:
    return nn.Sequential(
        *_normalised(convolution(in_channels, out_channels), out_channels),
        *_normalised(convolution(out_channels, out_channels), out_channels),
    )


def _upsampling(in_channels: int) -> nn.Sequential:
    """A 3x3 transposed convolution of stride 2 that halves the channels, batch norm, ReLU."""
    up = nn.ConvTranspose2d(in_channels, in_channels // 2, 3, stride=2, padding=1, output_padding=1, bias=False)
    return nn.Sequential(*_normalised(up, in_channels // 2))


def _last_level(width: int, classes: int, convolution: Convolution, head: str) -> nn.Sequential:
    first = _normalised(convolution(2 * width, width), width)
    if head == "last":
        return nn.Sequential(*first, convolution(width, classes))
    return nn.Sequential(*first, *_normalised(convolution(width, width), width), nn.Conv2d(width, classes, 1))


def _normalised(convolution: nn.Module, channels: int) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]
