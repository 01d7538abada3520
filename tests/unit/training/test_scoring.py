import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, jaccard_score
from torch import nn

from hemoseg.data.samples import IGNORE
from hemoseg.training.batches import Pool, measure_normalisation
from hemoseg.training.scoring import score

CPU = torch.device("cpu")


class Said(nn.Module):
    """Puts out the class map that stands in the image's first channel."""

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def forward(self, images):
        return 20 * nn.functional.one_hot((images[:, 0] * 255).round().long(), self.classes).permute(0, 3, 1, 2).float()


def pool(samples, said, *, cells=False):
    """The samples whose first channel is what will be said of them."""
    for image, classes in zip(samples.images, said, strict=True):
        image[0] = classes
    return Pool(samples, measure_normalisation(samples, "none"), CPU, "val", cells=cells)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_scores_are_those_of_scikit_learn_over_all_known_pixels(tiny_samples, batch_size):
    samples = tiny_samples(5, (12, 15), classes=2)
    samples.classes[2][3:6] = IGNORE
    random = np.random.default_rng(3)
    said = [np.where(random.random(c.shape) < 0.3, random.integers(0, 3, c.shape), c % IGNORE) for c in samples.classes]
    found = score(Said(3), pool(samples, said), batch_size)
    true, told = np.stack(samples.classes), np.stack(said)
    known = true != IGNORE
    assert found["val_dice"] == pytest.approx(f1_score(true[known], told[known], labels=[1, 2], average="macro"))
    assert found["val_mean_iu"] == pytest.approx(jaccard_score(true[known], told[known], average="macro"))
    assert np.isnan(found["val_instance_error"])


def rows_of_cells(gap):
    """Two cells ``gap`` columns apart and one far from both."""
    cells = np.zeros((12, 30), np.int32)
    cells[3:9, 2:7], cells[3:9, 7 + gap : 12 + gap], cells[3:9, 24:29] = 1, 2, 3
    return cells


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (lambda cells: cells > 0, 0.0),  # told apart
        (lambda cells: (cells > 0) | np.isin(np.indices(cells.shape)[1], [7, 8]) & (cells.sum(1) > 0)[:, None], 1.0),
        (lambda cells: (cells > 0) & (cells != 2), 0.5),  # one of the two was not found
    ],
)
def test_the_instance_error_counts_touching_cells_that_are_not_told_apart(tiny_samples, said, wanted):
    samples = tiny_samples(1, (12, 30))
    cells = rows_of_cells(2)
    samples.instances[0][:], samples.classes[0][:] = cells, cells > 0
    given = pool(samples, [said(cells).astype(np.uint8)], cells=True)
    assert score(Said(2), given, 2, touching=3.0)["val_instance_error"] == wanted
    assert np.isnan(score(Said(2), given, 2, touching=2.0)["val_instance_error"])  # 3 px from centre to centre


def test_ignored_pixels_join_no_cells(tiny_samples):
    samples = tiny_samples(1, (12, 30))
    cells = rows_of_cells(2)
    samples.instances[0][:], samples.classes[0][:] = cells, np.where(cells > 0, 1, 0)
    samples.classes[0][:, 7:9] = IGNORE
    said = (cells > 0) | np.isin(np.indices(cells.shape)[1], [7, 8])
    given = pool(samples, [said.astype(np.uint8)], cells=True)
    assert score(Said(2), given, 2, touching=3.0)["val_instance_error"] == 0.0
