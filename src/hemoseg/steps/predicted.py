"""What `predict` saw of each sample, read for a page: class maps, cells and boxes."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from hemoseg.data.samples import unpack
from hemoseg.errors import InputError


class Predicted(NamedTuple):
    """Class map and cells ``(H, W)`` that a model saw in a sample, and boxes ``(n, 5)`` where it proposed some."""

    classes: np.ndarray
    instances: np.ndarray
    boxes: np.ndarray | None = None


def read_predicted(path: str | Path) -> dict[str, Predicted]:
    """Class maps and cells by sample, without the probabilities, which are larger than all else.

    Raises:
        InputError: the file is absent or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = ("classes", "instances", "boxes")
            maps = [unpack(archive[f"{name}_values"], archive[f"{name}_shapes"]) for name in names]
            ids = [str(name) for name in archive["ids"]]
            maps[-1] = maps[-1] or [None] * len(ids)  # a model that proposes nothing
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the step that writes it first") from None
    except Exception as error:  # zipfile, zlib and numpy each have their own words for a damaged archive
        raise InputError(f"{path}: damaged or no .npz file ({error}); delete it and run its step again") from None
    return {name: Predicted(*pair) for name, *pair in zip(ids, *maps, strict=True)}
