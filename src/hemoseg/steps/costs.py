"""What a prediction computes, for ``timing.json``."""

from collections.abc import Callable
from typing import Any

from hemoseg import models
from hemoseg.data.samples import Samples
from hemoseg.models import Labelled
from hemoseg.nn.operations import counted


def operations_of(
    description: dict[str, Any], predict_one: Callable[[Samples, int], Labelled], test: Samples
) -> dict[str, Any]:
    """Operations of a network on the first test image, all windows (`hemoseg.nn.operations`), and that image's size.

    Args:
        description: of the model (``model.json``).
        predict_one: labels one of the samples; it runs once more.
        test: the test samples, at least one.

    Returns:
        ``flops`` and ``flops_image``, rows and columns; nothing of a method that is no network.
    """
    if not models.is_network(models.load(description["network"])):
        return {}
    with counted() as found:
        predict_one(test, 0)
    return {"flops": found.total, "flops_image": list(test.images[0].shape[-2:])}
