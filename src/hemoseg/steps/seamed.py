"""What `seams` wrote of one experiment, read for its page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from hemoseg.data.samples import Samples
from hemoseg.errors import InputError
from hemoseg.figures.seams import Maps
from hemoseg.steps.files import read_arrays, read_table


class Seamed(NamedTuple):
    """Jumps of all images by way and distance from a border, and the maps of the largest one."""

    jumps: pd.DataFrame
    maps: Maps


def read(folder: Path, settings: Mapping[str, Any], samples: Samples) -> Seamed | None:
    """What `seams` measured; None where the experiment does not ask for it.

    Args:
        folder: of the experiment's results.
        settings: the experiment, complete.
        samples: of the experiment.

    Raises:
        InputError: a file is absent or damaged, or of other samples.
    """
    if not settings.get("seams"):
        return None
    folder = folder / "seams"
    jumps = read_table(folder / "seams.csv", dtype={"sample": str, "way": str})
    arrays = read_arrays(folder / "maps.npz")
    name = str(arrays["id"])
    if name not in samples.ids:
        raise InputError(f"{folder}: made of other samples ({name} is none of these); run `seams` again")
    image = samples.image(samples.ids.index(name))
    probability = arrays["probability"].astype(np.float32)
    lines = {key: arrays[key] for key in ("tiles_rows", "tiles_columns", "windows_rows", "windows_columns")}
    return Seamed(jumps, Maps(name, image[:, : probability.shape[1], : probability.shape[2]], probability, lines))
