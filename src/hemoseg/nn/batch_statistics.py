"""Statistics of batch norms measured anew, for images unlike those of the training (Li 2016, arXiv 1603.04779)."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def measure_statistics(
    network: nn.Module, batches: Iterable[Tensor], run: Callable[[Tensor], object] | None = None
) -> int:
    """Set running mean and variance of every batch norm to the mean of those of the batches, in place.

    Weights stay as they are and dropout is off. The network comes back in evaluation mode.

    Args:
        network: any.
        batches: normalised images, ``(B, C, H, W)`` each; batches of one size weigh alike.
        run: what is called with each batch; the network where nothing is given.

    Returns:
        How many batch norms there are.
    """
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean over the batches
        norm.train()
    try:
        for batch in batches if norms else ():
            (run or network)(batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        network.eval()
    return len(norms)
