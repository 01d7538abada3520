"""Softmax cross-entropy in which pixels weigh by their class and by how near two cells they lie.

The weighting is the U-Net's, doi:10.1007/978-3-319-24574-4_28, as `touching` takes it up:
w(x) = w_c(x) + w0 exp(-(d1(x) + d2(x))^2 / (2 sigma^2)).
For two classes the softmax of logits (a, b) is the sigmoid of b - a, so this is the weighted binary cross-entropy.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORE = 255


def loss(logits: Tensor, classes: Tensor, weights: Tensor | None = None, border: Tensor | None = None) -> Tensor:
    """Mean over the pixels that are not ignored of (weight of the true class + border weight) times cross-entropy.

    It is divided by the number of pixels and not by the sum of their weights: only so do pixels between cells add to
    the loss. (`touching` prints the sum over 448 x 448 pixels, which beside a Dice term would leave nothing of that.)

    Args:
        logits: ``(B, K, H, W)``.
        classes: class ids, int64 ``(B, H, W)``; 255 is ignored.
        weights: of the classes, float ``(K,)``; none is 1 each.
        border: what is added to the weight of each pixel, float ``(B, H, W)``
            (`hemoseg.labels.border_weights.border_weights`); none is 0.

    Returns:
        A scalar, at least in float32; 0 where every pixel is ignored.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    per_pixel = F.cross_entropy(logits, classes, ignore_index=IGNORE, reduction="none")
    known = classes != IGNORE
    weight = torch.ones_like(per_pixel) if weights is None else weights.to(logits.dtype)[torch.where(known, classes, 0)]
    if border is not None:
        weight = weight + border
    return (per_pixel * weight).sum() / known.sum().clamp_min(1)
