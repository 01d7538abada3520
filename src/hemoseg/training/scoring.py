"""Scores of a network on the validation samples while it is trained."""

import torch
from torch import Tensor, nn

from hemoseg.data.samples import IGNORE
from hemoseg.labels.areas import median_area
from hemoseg.labels.components import connected_components
from hemoseg.metrics.cell_errors import unseparated
from hemoseg.metrics.cells import Truth, cell_facts
from hemoseg.training.batches import Batch, Pool
from hemoseg.training.objective import named_loss

LEAST_SHARE = 0.1  # of the median cell's area: A_min, as `evaluate` has it


@torch.no_grad()
def score(network: nn.Module, pool: Pool, batch_size: int, touching: float | None = None) -> dict[str, float]:
    """Scores over all pixels of a pool, whatever the training weighs.

    Args:
        network: put into evaluation mode.
        pool: the samples; with cells, if ``touching`` is given.
        batch_size: samples per pass.
        touching: largest distance in pixels at which two cells touch; none leaves cells alone.

    Returns:
        ``val_loss``: mean cross-entropy per known pixel. ``val_dice``: Dice of a class, its mean over the classes but
        background that are there or found. ``val_mean_iu``: intersection over union, its mean over all classes that
        are there or found, background included. ``val_instance_error``: touching cells that are not separated by the
        components of the foreground, as a share of the touching cells; NaN where ``touching`` is none or no cell
        touches.
    """
    network.eval()
    loss = known_pixels = 0.0
    hit, true_size, found_size = torch.zeros(3, len(pool.class_names), dtype=torch.float64)
    errors, touch = 0, 0
    least = 0.0 if touching is None else LEAST_SHARE * median_area(list(pool.instances.cpu().numpy()))
    for positions in torch.arange(len(pool)).split(batch_size):
        batch = pool.batch(positions)
        logits = network(batch.images)
        known = batch.classes != IGNORE
        true, found = batch.classes[known], logits.argmax(1)[known]
        loss += float(named_loss("cross_entropy")(logits, batch)) * float(known.sum())
        known_pixels += float(known.sum())
        hit += torch.bincount(true[true == found], minlength=len(hit)).cpu()
        true_size += torch.bincount(true, minlength=len(hit)).cpu()
        found_size += torch.bincount(found, minlength=len(hit)).cpu()
        if touching is not None:
            counts = _touching_cells(batch, logits.argmax(1), len(hit), least, touching)
            errors, touch = errors + counts[0], touch + counts[1]
    size = true_size + found_size
    return {
        "val_loss": loss / known_pixels if known_pixels else float("nan"),
        "val_dice": _mean((2 * hit / size)[1:][size[1:] > 0]),
        "val_mean_iu": _mean((hit / (size - hit))[size > 0]),
        "val_instance_error": errors / touch if touch else float("nan"),
    }


def _touching_cells(batch: Batch, found: Tensor, n_classes: int, least: float, touching: float) -> tuple[int, int]:
    """Touching cells of a batch that are not separated, and touching cells."""
    errors = touch = 0
    maps = (one.cpu().numpy() for one in (batch.instances, batch.classes, found))
    for cells, classes, said in zip(*maps, strict=True):
        known = classes != IGNORE
        parts = connected_components((said > 0) & known, least)
        facts = cell_facts(
            Truth(cells, classes, known), parts, said, n_classes=n_classes, min_area=least, gap_cap=touching
        )
        verdict = unseparated(*facts, touching)
        errors, touch = errors + int(verdict.sum()), touch + int((facts[0]["gap"] <= touching).sum())
    return errors, touch


def _mean(scores: Tensor) -> float:
    return float(scores.mean()) if len(scores) else 1.0
