"""Softmax cross-entropy minus the logarithm of a soft Jaccard index (autocsc's L = H - log J)."""

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORE = 255


def loss(logits: Tensor, classes: Tensor, weights: Tensor | None = None) -> Tensor:
    """H - log J over the pixels of the batch that are not ignored.

    H is the mean cross-entropy, each pixel weighted by its true class, as `cross_entropy.loss` is. J is the mean, over
    the classes that are present in the batch, background included, of sum(p y) / (sum(p) + sum(y) - sum(p y)), p the
    softmax and y 1 where a pixel is of the class and 0 elsewhere; the sums run over the whole batch. J has no weights.
    log J is made of logarithms of p throughout, so that the loss and its gradient are finite where J is too small for
    its type, with no epsilon.

    Args:
        logits: ``(B, K, H, W)``.
        classes: class ids, int64 ``(B, H, W)``; 255 is ignored.
        weights: of the classes, float ``(K,)``; none weights all alike.

    Returns:
        A scalar, at least in float32; 0 where every pixel is ignored.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    log_probability = logits.log_softmax(dim=1)
    known = classes != IGNORE
    weights = torch.ones_like(logits[0, :, 0, 0]) if weights is None else weights.to(logits.dtype)
    entropy = F.nll_loss(log_probability, classes, weights, ignore_index=IGNORE, reduction="sum")
    size = (weights[torch.where(known, classes, 0)] * known).sum()
    return entropy / torch.where(size > 0, size, 1) - _log_jaccard(log_probability, classes, known)


def _log_jaccard(log_probability: Tensor, classes: Tensor, known: Tensor) -> Tensor:
    """Logarithm of the mean soft Jaccard index of the classes present; 0 where none is."""
    lowest = torch.finfo(log_probability.dtype).min  # for the logarithm of 0: -inf - -inf is no number
    one_hot = F.one_hot(torch.where(known, classes, 0), log_probability.shape[1]).movedim(-1, 1).bool()
    own = one_hot & known[:, None]
    count = own.sum(dim=(0, 2, 3))
    overlap = torch.where(own, log_probability, lowest).logsumexp(dim=(0, 2, 3))
    # sum(p) + sum(y) - sum(p y) is a class's pixels and what is claimed of the others': no difference is taken.
    claimed = (log_probability.exp() * (known[:, None] & ~one_hot)).sum(dim=(0, 2, 3))
    present = count > 0
    union = torch.where(present, count + claimed, 1)
    log_sum = torch.where(present, overlap - union.log(), lowest).logsumexp(dim=0)
    return torch.where(present.any(), log_sum - present.sum().clamp_min(1).to(log_sum.dtype).log(), 0)
