"""One file per network or classical method.

A network's file has ``build(in_channels, classes, **settings) -> nn.Module`` (logits ``(B, K, H, W)``).
A classical method's file has ``fit(images, classes, instances, **settings) -> dict of arrays`` and
``predict(image, fitted, **settings) -> Labelled``. A ``fit`` that names ``kinds`` (one of each image) or
``class_names`` is told them, and so is a ``predict`` that names ``kind`` (of its image). Optional names of any file,
looked up by the steps:

* ``compute_loss(network, batch, loss) -> Tensor`` is the model's own loss; ``loss(logits, batch)`` is the one named in
  the settings, the batch carries cells (`hemoseg.training.batches.Batch`);
* ``reads_cells(network) -> bool``, beside ``compute_loss``, says that this network's loss looks at cells; without it
  every one does. Where none does, batches carry none, and labels that tell no cells apart will do;
* ``settle(settings, instances) -> settings`` fills in, before training, what follows from the training cells, a list of
  int ``(H, W)``; ``build`` gets these settings, and they are what is written down;
* ``propose(network, images, *, score, overlap) -> Tensor`` gives boxes of cells, float32 ``(n, 5)``: x0, y0, x1, y1 and
  score, of one normalised image ``(1, C, H, W)``, those left out whose IoU with a better one is above ``overlap``; none
  where this network proposes none;
* ``label(network, images) -> Labelled`` is for a network that tells cells apart by itself: all that it says of one
  normalised image ``(1, C, H, W)``, instances and probability among it. `predict` takes this in place of the logits and
  their components, and an image in one pass: windows would cut the cells, and are refused. The softmax of its logits
  is the same probability, for validation is scored by them;
* ``describe(network) -> dict``, of a classical method ``describe(fitted)``, adds to ``run.json`` what a reader wants to
  know of a run; ``ran`` is for methods that run one of several programs, and the page's first screen shows it;
* ``load_pretrained(network, state) -> None`` starts what ``build`` gave from a published state dict (name to tensor):
  it maps names, drops what the network has no use for and raises ValueError where the rest does not fit exactly, for
  which `hemoseg.nn.pretrained.load_published` is there; a model without it refuses ``pretrained``.

Nothing else is edited to add one: the name in params.yaml is the file's name.
"""

import difflib
import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from hemoseg.errors import InputError


@dataclass(frozen=True)
class Labelled:
    """What a model says of one image.

    Attributes:
        classes: uint8 ``(H, W)``.
        probability: float32 ``(K + 1, H, W)`` or none.
        instances: int32 ``(H, W)`` where the method makes its own cells, else none.
        boxes: float32 ``(n, 5)``, x0, y0, x1, y1 and score, where it proposes boxes, else none.
    """

    classes: np.ndarray
    probability: np.ndarray | None = None
    instances: np.ndarray | None = None
    boxes: np.ndarray | None = None


def names() -> list[str]:
    """Names of all models."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> ModuleType:
    """The module of a model.

    Raises:
        InputError: no such file in ``models/``.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {close[0]}?" if close else f"the models are {', '.join(names())}"
        raise InputError(f"there is no model {name!r} (src/hemoseg/models/{name}.py); {hint}")
    return importlib.import_module(f"{__name__}.{name}")


def is_network(module: ModuleType) -> bool:
    """Whether the model is trained by gradient descent (has ``build``)."""
    return hasattr(module, "build")
