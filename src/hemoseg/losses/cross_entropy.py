"""Softmax cross-entropy per pixel (scd2018 says only "loss"; our reading)."""

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORE = 255


def loss(logits: Tensor, classes: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy over the pixels that are not ignored, each weighted by its true class.

    Args:
        logits: ``(B, K, H, W)``.
        classes: class ids, int64 ``(B, H, W)``; 255 is ignored.
        weights: of the classes, float ``(K,)``; none weights all alike.

    Returns:
        A scalar; 0 where every pixel is ignored or of weight 0.
    """
    total = F.cross_entropy(logits.float(), classes, weights, ignore_index=IGNORE, reduction="sum")
    known = classes != IGNORE
    if weights is None:
        return total / known.sum().clamp_min(1)
    size = weights[torch.where(known, classes, 0)][known].sum()
    return total / torch.where(size > 0, size, 1)
