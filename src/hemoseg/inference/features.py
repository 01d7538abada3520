"""Feature maps of trained networks over one sample, as many channels as a figure has room for."""

from collections.abc import Sequence

import numpy as np
import torch

from hemoseg.data.samples import Samples
from hemoseg.data.seen_features import SeenFeatures
from hemoseg.inference.explanation import Explained
from hemoseg.nn.feature_maps import feature_maps


def richest_sample(test: Samples) -> int:
    """Position of the sample with the most classes, then the most cells; the first of equals."""
    classes = [len(set(np.unique(one)) & set(range(1, len(test.class_names)))) for one in test.classes]
    cells = [len(np.unique(one)) for one in test.instances] if test.has_instances else [0] * len(test)
    return max(range(len(test)), key=lambda i: (classes[i], cells[i], -i))


def seen_features(runs: Sequence[Explained], test: Samples, position: int, channels: int) -> list[SeenFeatures]:
    """Low-level and high-level maps of every network over one sample.

    Of each layer the channels are kept that vary most over the sample, in their order; networks whose layer has the
    same name and number of channels keep those of the first of them, so that one that started from the other's weights
    can be held against it map by map.

    Args:
        runs: trained networks.
        test: the test samples.
        position: of the sample.
        channels: how many to keep.

    Raises:
        ValueError: a network has no convolution over the image.
    """
    found, kept = [], {}
    image = torch.from_numpy(test.images[position].astype(np.float32))
    for one in runs:
        try:
            seen = feature_maps(one.network, one.normalise(image)[None])
        except ValueError as error:
            raise ValueError(f"{one.model}: {error}") from None
        for level, told in seen.items():
            values = told.values.numpy()
            same = (level, told.layer, len(values))
            chosen = kept.setdefault(
                same, sorted(np.argsort(-values.std(axis=(1, 2)), kind="stable")[:channels].tolist())
            )
            facts = {"level": level, "layer": told.layer, "stride": told.stride, "of": len(values)}
            facts |= {"sample": test.ids[position], "channels": chosen, "maps": values[chosen]}
            found.append(SeenFeatures(one.model, one.seed, **facts))
    return found
