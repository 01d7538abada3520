"""What test images belong together: patients where enough of them are known, or else the frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemoseg.tables.column import Run

AT_LEAST = 6  # units with which a paired test can reach p < 0.05 at all (`metrics.paired`)


@dataclass(frozen=True)
class Units:
    """What is drawn anew and exchanged as a whole.

    Attributes:
        name: ``group`` where at least `AT_LEAST` groups are known, else ``frame``.
        samples: N test images of all runs.
        of: the unit of each; an image without a group is of the unit of its frame.
        frames: the frame of each.
        groups: how many groups are known.
    """

    name: str
    samples: list[str]
    of: np.ndarray
    frames: np.ndarray
    groups: int

    @property
    def number(self) -> int:
        """How many units there are."""
        return len(np.unique(self.of))

    def words(self) -> str:
        """What the units are, and what is wrong with them, as a sentence for the reader."""
        told = f"{len(self.samples)} images of {self.number} {self.name}s; whole {self.name}s are drawn and exchanged"
        if self.name == "frame" and self.groups > 1:
            told += (
                f" ({self.groups} groups are too few for that: images of one group are taken as independent, so that "
                "intervals may be far too short and p far too small)"
            )
        few = f"; with less than {AT_LEAST} {self.name}s no test can reach p < 0.05, and intervals are too short"
        return told + (few if self.number < AT_LEAST else "") + "."


def units_of(runs: Sequence[Run]) -> Units:
    """The units of the test images of all runs."""
    tables = [run.pixels[["sample", "frame", "group"]].drop_duplicates("sample") for run in runs]
    images = pd.concat(tables).drop_duplicates("sample")
    group, frame = (images[name].fillna("").astype(str).to_numpy() for name in ("group", "frame"))
    groups = len(set(group) - {""})
    by_group = groups >= AT_LEAST
    of = np.array([f"group {g}" if by_group and g else f"frame {f}" for g, f in zip(group, frame, strict=True)])
    return Units("group" if by_group else "frame", images["sample"].to_list(), of, frame, groups)
