"""Soft Dice loss with squares in the denominator (touching; V-Net, doi:10.1109/3DV.2016.79)."""

import torch
from torch import Tensor
from torch.nn import functional as F

IGNORE = 255
EPSILON = 1e-6  # touching


def loss(logits: Tensor, classes: Tensor) -> Tensor:
    """1 - 2 sum(p y) / (sum(p^2) + sum(y^2) + 1e-6), its mean over the images and over the classes but background.

    p is the softmax of the logits, y is 1 where a pixel is of the class and 0 elsewhere, and the sums run over the
    pixels of one image that are not ignored. `touching` has one class beside the background. An image without the class
    costs 1 whatever is predicted, and pulls at nothing: the formula's numerator is 0 there. An image in which every
    pixel is ignored does not count.

    Args:
        logits: ``(B, K, H, W)``, K at least 2.
        classes: class ids, int64 ``(B, H, W)``; 255 is ignored.

    Returns:
        A scalar, at least in float32; 0 where every pixel of every image is ignored.

    Raises:
        ValueError: there is no class but background.
    """
    if logits.shape[1] < 2:
        raise ValueError("a Dice loss needs a class besides the background")
    known = classes != IGNORE
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    probability = logits.softmax(dim=1)[:, 1:] * known[:, None]
    truth = F.one_hot(torch.where(known, classes, 0), logits.shape[1]).movedim(-1, 1)[:, 1:].to(logits.dtype)
    overlap = (probability * truth).sum(dim=(2, 3))
    size = (probability * probability).sum(dim=(2, 3)) + truth.sum(dim=(2, 3))
    per_image = (1 - 2 * overlap / (size + EPSILON)).mean(dim=1)
    counts = known.any(dim=(1, 2))
    return (per_image * counts).sum() / counts.sum().clamp_min(1)
