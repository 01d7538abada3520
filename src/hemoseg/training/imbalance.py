"""What is done about rare classes: nothing, class weights in the loss, or their samples drawn more often."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hemoseg.training.batches import Pool

KINDS = ("none", "class_weights", "sampling")


@dataclass(frozen=True)
class Balance:
    """What one setting of `train.imbalance` makes of a training set.

    Attributes:
        kind: one of `KINDS`.
        weights: float32 ``(K,)``, of each class in the loss; none where classes are not weighted.
        chances: float64 ``(N,)``, of each sample in a draw, sum 1; none where samples come in shuffled passes.
        described: what a reader of the run is told, plain numbers by class name.
    """

    kind: str
    weights: Tensor | None
    chances: Tensor | None
    described: dict[str, Any]


def balance(kind: str, pool: Pool) -> Balance:
    """The balance of a training set.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"imbalance {kind!r}; choose {', '.join(KINDS)}")
    if kind == "none":
        return Balance(kind, None, None, {"imbalance": kind})
    counts = count_pixels(pool.classes, len(pool.class_names))
    if kind == "class_weights":
        weights = median_frequency_weights(counts)
        told = dict(zip(pool.class_names, weights.tolist(), strict=True))
        return Balance(kind, weights.float().to(pool.classes.device), None, {"imbalance": kind, "class_weights": told})
    rarest = rarest_classes(counts)
    told = {name: int((rarest == c).sum()) for c, name in enumerate(pool.class_names) if (rarest == c).any()}
    described = {"imbalance": kind, "samples_by_rarest_class": told}
    return Balance(kind, None, rarest_class_chances(counts), described)


def count_pixels(classes: Tensor, number: int) -> Tensor:
    """Pixels of each class in each sample, int64 ``(N, K)``, of class maps ``(N, H, W)``; ignored ones do not count."""
    return torch.stack([torch.bincount(one.flatten().long(), minlength=256)[:number] for one in classes]).cpu()


def median_frequency_weights(counts: Tensor) -> Tensor:
    """Weight of each class in the loss, float64 ``(K,)``: the median frequency over the class's own.

    The frequency of a class is its share of the labelled pixels of those samples in which it occurs (Eigen and Fergus,
    2015, doi:10.1109/ICCV.2015.304, section 6.3.2). A class without a pixel has weight 0: nothing can be learnt of it,
    and it takes no part in the median.

    Args:
        counts: pixels of each class in each sample, int ``(N, K)``.
    """
    pixels = counts.sum(0).double()
    around = (counts.sum(1, keepdim=True) * (counts > 0)).sum(0).double()
    present = pixels > 0
    weights = torch.zeros(counts.shape[1], dtype=torch.float64)
    if present.any():
        frequency = pixels[present] / around[present]
        weights[present] = torch.quantile(frequency, 0.5) / frequency
    return weights


def rarest_classes(counts: Tensor) -> Tensor:
    """The class with the fewest training pixels among those that a sample shows, int64 ``(N,)``; ties: the lowest.

    A sample without a labelled pixel counts as background, class 0.

    Args:
        counts: pixels of each class in each sample, int ``(N, K)``.
    """
    total = counts.sum(0).double().expand(counts.shape)
    rarest = torch.where(counts > 0, total, torch.inf).argmin(1)
    return torch.where(counts.sum(1) > 0, rarest, 0)


def rarest_class_chances(counts: Tensor) -> Tensor:
    """Chance of each sample in a draw, float64 ``(N,)``, sum 1.

    Every class that is the rarest one of some sample is drawn equally often, and within it every such sample.

    Args:
        counts: pixels of each class in each sample, int ``(N, K)``.
    """
    rarest = rarest_classes(counts)
    size = torch.bincount(rarest, minlength=counts.shape[1]).double()
    return 1 / (size[rarest] * (size > 0).sum())
