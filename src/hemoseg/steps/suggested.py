"""What `suggest` wrote, read for its page."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.figures.suggestions import Thumbnail
from hemoseg.steps.files import read_json, read_table
from hemoseg.steps.images import read_image

MARKER, TABLE = "suggest.json", "suggested.csv"
SHOWN = 12  # images of which there are pictures
TEXTS = {"image": str, "file": str, "group": str}
NUMBERS = ("rank", "gain", "uncertainty", "novelty", "coverage", "entropy", "cells_share")


class Suggested:
    """A list of images to label next.

    Args:
        folder: that `suggest` wrote.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        needs = ("images", "labelled", "count", "by", "notices", "model")
        self.facts: dict[str, Any] = read_json(folder / MARKER, needs=needs)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row per image, in order."""
        table = read_table(self.folder / TABLE, (*TEXTS, *NUMBERS), dtype=TEXTS)
        return table.fillna(dict.fromkeys(TEXTS, ""))

    def thumbnails(self, most: int) -> list[Thumbnail]:
        """The first images as the page shows them."""
        return [self._thumbnail(row) for _, row in self.table.head(min(most, SHOWN)).iterrows()]

    def _thumbnail(self, row: pd.Series) -> Thumbnail:
        picture, heat = (
            read_image(self.folder / "thumbnails" / f"{row['image']}.{ending}.png").values / np.float32(255)
            for ending in ("image", "uncertainty")
        )
        return Thumbnail(np.moveaxis(picture, 0, -1), heat[0], row)
