"""What is exported of a trained network: image in, probabilities out, in layers that other runtimes know."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from hemoseg import models
from hemoseg.errors import InputError
from hemoseg.nn.deform_conv import DeformConv2d
from hemoseg.training.batches import Normalisation

NEEDED = ("network", "settings", "in_channels", "input_size", "classes", "normalisation")  # of model.json


class ImageToProbability(nn.Module):
    """A network with its normalisation before it and the softmax behind it, as `predict` runs it.

    Args:
        network: normalised images ``(B, C, H, W)`` to logits ``(B, K, H, W)``.
        normalisation: that of its training.
    """

    def __init__(self, network: nn.Module, normalisation: Normalisation):
        super().__init__()
        self.network = network
        self.normalisation = normalisation

    def forward(self, image: Tensor) -> Tensor:
        """Probabilities ``(B, K, H, W)`` of images ``(B, C, H, W)`` in the numbers of the source's files."""
        return self.network(self.normalisation.apply(image)).float().softmax(1)


class ImageToProposals(ImageToProbability):
    """The same of a network that proposes boxes: two outputs more, from which its file in ``models/`` decodes them."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Probabilities, and scores ``(B, n, 2)`` and deltas ``(B, n, 4)`` of the network's n anchors."""
        logits, scores, deltas = self.network(self.normalisation.apply(image), proposals=True)
        return logits.float().softmax(1), scores, deltas


class NormalisedToLogits(nn.Module):
    """A network alone, where the reader of the file normalises before it and applies the softmax behind it."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Logits ``(B, K, H, W)`` of normalised images ``(B, C, H, W)``."""
        return self.network(image).float()


def build(description: dict[str, Any], weights: dict[str, Tensor], folder: Path) -> ImageToProbability:
    """The trained network of a description, ready to be translated.

    Raises:
        InputError: a classical method, a description that lacks a fact, or weights that do not fit it.
    """
    if missing := [key for key in NEEDED if key not in description]:
        raise InputError(f"{folder / 'model.json'}: {missing[0]!r} is missing; train it again")
    try:
        module = models.load(description["network"])
        if not models.is_network(module):
            raise InputError(f"{folder}: {description['network']!r} is a classical method; only networks are exported")
        settings = description["settings"]["network_settings"]
        network = module.build(description["in_channels"], len(description["classes"]), **settings)
        normalisation = Normalisation(**description["normalisation"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{folder / 'model.json'}: describes no network of this version ({error}); train it again"
        ) from None
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise InputError(
            f"{folder}: the weights do not fit what {description['network']!r} builds now; train again"
        ) from None
    for layer in network.modules():
        if isinstance(layer, DeformConv2d):
            layer.backend = "kornia"  # plain torch, which becomes GridSample; compiled back ends have no ONNX form
    proposes = hasattr(network, "proposed") and network.proposing is not None
    return (ImageToProposals if proposes else ImageToProbability)(network, normalisation).eval()
