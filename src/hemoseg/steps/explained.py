"""What `explain` wrote of one experiment, read for its page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hemoseg.data import offset_sums, seen_features
from hemoseg.data.offset_sums import OffsetSums
from hemoseg.data.samples import IGNORE, Samples
from hemoseg.data.seen_features import SeenFeatures
from hemoseg.errors import InputError
from hemoseg.figures.sampling import Seen
from hemoseg.steps.files import read_arrays, read_table


class Explained(NamedTuple):
    """Sampling points of each model's first seed, offsets of the deformable networks, features, and their samples."""

    points: pd.DataFrame
    offsets: list[OffsetSums]
    features: list[SeenFeatures]
    seen: dict[str, Seen]


def read(folder: Path, settings: Mapping[str, Any], samples: Samples) -> Explained | None:
    """What `explain` saw in the networks; None where the experiment does not ask for it.

    Args:
        folder: of the experiment's results.
        settings: the experiment, complete.
        samples: of the experiment, with the labels that `explain` saw.

    Raises:
        InputError: a file is absent or damaged, or of other samples.
    """
    asked = settings.get("explain", {})
    if not asked.get("models") and not asked.get("features"):
        return None
    folder, models = folder / "explain", settings["models"]
    points = read_table(folder / "sampling.csv", dtype={"sample": str})
    first = {key: model["seeds"][0] for key, model in models.items()}
    points = points[points["seed"] == points["model"].map(first)]
    offsets = offset_sums.from_arrays(read_arrays(folder / "offsets.npz"))
    features = seen_features.from_arrays(read_arrays(folder / "features.npz"))
    shown = [*(name for one in offsets for name in one.map_ids), *(one.sample for one in features)]
    names = list(dict.fromkeys([*points["sample"], *shown]))
    if strange := set(names) - set(samples.ids):
        raise InputError(f"{folder}: made of other samples ({min(strange)} is none of these); run `explain` again")
    classes = [np.where(one == IGNORE, 0, one) for one in samples.classes]
    cells = samples.instances if samples.has_instances else classes
    positions = samples.index(names)
    seen = {name: Seen(samples.image(i), cells[i]) for name, i in zip(names, positions, strict=True)}
    return Explained(points, offsets, features, seen)
