import sys
import types

import pytest
import torch
from torch.nn import functional as F

from hemoseg.errors import InputError
from hemoseg.training.batches import Batch
from hemoseg.training.objective import loss_of_logits, named_loss, weighs_borders


def batch():
    images = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    classes = torch.arange(2 * 5 * 7).view(2, 5, 7) % 3
    return Batch(images, classes, torch.arange(2), border=torch.arange(70.0).view(2, 5, 7))


@pytest.fixture
def bordering(monkeypatch):
    """A loss that shows what it was given."""
    module = types.ModuleType("hemoseg.losses.weighted_cross_entropy")
    module.loss = lambda logits, classes, weights=None, border=None: (logits, classes, weights, border)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return "weighted_cross_entropy"


def test_a_loss_is_found_by_its_name_and_gets_logits_and_classes():
    given, logits = batch(), torch.randn(2, 3, 5, 7)
    assert named_loss("cross_entropy")(logits, given) == pytest.approx(F.cross_entropy(logits, given.classes).item())
    assert not weighs_borders("cross_entropy")


def test_a_loss_that_weighs_borders_gets_their_weights(bordering):
    given, weights = batch(), torch.tensor([1.0, 2.0, 3.0])
    seen = named_loss(bordering, weights)(given.images, given)
    assert weighs_borders(bordering)
    assert seen == (given.images, given.classes, weights, given.border)


def test_a_model_without_a_loss_of_its_own_is_trained_by_that_of_its_logits():
    given = batch()
    told = loss_of_logits(lambda images: images + 1, given, named_loss("cross_entropy"))
    assert told == pytest.approx(F.cross_entropy(given.images + 1, given.classes).item())


@pytest.mark.parametrize(("name", "words"), [("cross_entrpy", "did you mean cross_entropy"), ("", "the losses are")])
def test_a_misspelt_loss_is_refused_with_the_nearest_name(name, words):
    with pytest.raises(InputError, match=rf"there is no loss '{name}'.*{words}"):
        named_loss(name)
