"""Weighted cross-entropy and soft Dice loss, added one to one (touching's BCE/Dice)."""

from torch import Tensor

from hemoseg.losses import soft_dice, weighted_cross_entropy


def loss(logits: Tensor, classes: Tensor, weights: Tensor | None = None, border: Tensor | None = None) -> Tensor:
    """Sum of `weighted_cross_entropy.loss` and `soft_dice.loss`; class and border weights are of the first alone.

    Args:
        logits: ``(B, K, H, W)``, K at least 2.
        classes: class ids, int64 ``(B, H, W)``; 255 is ignored.
        weights: of the classes, float ``(K,)``; none is 1 each.
        border: what is added to the weight of each pixel, float ``(B, H, W)``; none is 0.

    Returns:
        A scalar, at least in float32; 0 where every pixel is ignored.

    Raises:
        ValueError: there is no class but background.
    """
    return weighted_cross_entropy.loss(logits, classes, weights, border) + soft_dice.loss(logits, classes)
