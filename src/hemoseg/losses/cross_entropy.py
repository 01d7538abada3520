"""Softmax cross-entropy per pixel (scd2018 says only "loss"; our reading)."""

from torch import Tensor
from torch.nn import functional as F

IGNORE = 255


def loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Mean cross-entropy over the pixels that are not ignored.

    Args:
        logits: ``(B, K, H, W)``.
        classes: class ids, int64 ``(B, H, W)``; 255 is ignored.

    Returns:
        A scalar; 0 where every pixel is ignored.
    """
    total = F.cross_entropy(logits.float(), classes, ignore_index=IGNORE, reduction="sum")
    return total / (classes != IGNORE).sum().clamp_min(1)
