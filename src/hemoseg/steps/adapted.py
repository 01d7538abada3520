"""What `adapt` wrote beside a model, read for its page."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hemoseg.steps.files import read_arrays, read_json, read_table

if TYPE_CHECKING:
    from hemoseg.figures.trust import Disputed

TOLD, TABLE, SHOWN = "adapt.json", "adapt.csv", "adapt.npz"


class Adapted:
    """Facts, frames and pictures of an adaptation.

    Args:
        folder: that `adapt` wrote.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.told: dict[str, Any] = read_json(self.folder / TOLD, needs=("scale", "frames", "teaching", "steps"))
        needs = ("label_cells", "cells_before", "cells_after", "dice_before", "dice_after")
        needs = (*needs, "disputed_before", "disputed_after")
        self.table: pd.DataFrame = read_table(self.folder / TABLE, needs, dtype={"frame": str})
        self.model: dict[str, Any] = read_json(self.folder / "model.json", needs=("network", "normalisation"))

    def shown(self) -> "list[Disputed]":
        """Frames before and after, one after the other, with the threshold's outlines."""
        from hemoseg.figures.trust import Disputed  # a second of imports, which the step does not need

        arrays, found = read_arrays(self.folder / SHOWN), []
        white = self.model["normalisation"]["white"]
        for number, row in enumerate(arrays["rows"]):
            facts = self.table.iloc[int(row)]
            image = np.clip(arrays[f"image_{number}"].astype(np.float32) / np.float32(white), 0, 1)
            for when in ("before", "after"):
                own = {name: facts[f"{name}_{when}"] for name in ("cells", "dice", "disputed")}
                own |= {"rank": number + 1, "label_cells": facts["label_cells"]}
                cells = arrays[f"{when}_{number}"]
                found.append(Disputed(f"{when}: {facts['frame']}", image, arrays[f"threshold_{number}"], cells, own))
        return found
