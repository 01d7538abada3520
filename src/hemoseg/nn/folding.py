"""Batch norms as a part of the convolutions before them: nothing is left of them at prediction."""

import torch
from torch import Tensor, nn


@torch.no_grad()
def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Fold each batch norm into the convolution right before it in a `torch.nn.Sequential`, in place.

    In evaluation mode a batch norm multiplies and shifts by constants, which a convolution does as well on its way. A
    layer of ours takes part if it is linear in a ``weight`` ``(O, C, k, k)`` and a ``bias`` and has ``linear = True``:
    named here, it would make every prediction depend on its code.

    Args:
        network: a network in evaluation mode; it cannot be trained any more.

    Returns:
        The network; the same numbers up to rounding.

    Raises:
        ValueError: the network is in training mode.
    """
    if network.training:
        raise ValueError("only a network in evaluation mode has constant batch norms")
    for part in network.modules():
        if isinstance(part, nn.Sequential):
            for first, second in zip(range(len(part)), range(1, len(part)), strict=False):
                if _is_linear(part[first]) and isinstance(part[second], nn.BatchNorm2d):
                    _fold(part[first], part[second])
                    part[second] = nn.Identity()
    return network


def _is_linear(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) or getattr(layer, "linear", False)


def _fold(convolution: nn.Module, norm: nn.BatchNorm2d) -> None:
    scale = torch.rsqrt(norm.running_var + norm.eps)
    if norm.affine:
        scale = scale * norm.weight
    shift: Tensor = -norm.running_mean * scale
    if norm.affine:
        shift = shift + norm.bias
    transposed = isinstance(convolution, nn.ConvTranspose2d)  # its outputs are the kernel's second axis
    kernel = convolution.weight * scale.view((1, -1, 1, 1) if transposed else (-1, 1, 1, 1))
    convolution.weight = nn.Parameter(kernel.contiguous(memory_format=torch.channels_last), requires_grad=False)
    bias = shift if convolution.bias is None else convolution.bias * scale + shift
    convolution.bias = nn.Parameter(bias, requires_grad=False)
