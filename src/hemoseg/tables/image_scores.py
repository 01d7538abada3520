"""The score of every image of the runs of a table, and the units that images belong to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.table import Plan, class_names, families_of, shown_classes, weighted_average

AT_LEAST = 6  # units with which a paired test can reach p < 0.05 at all (`metrics.paired`)
HEADER = ["row", "label", "family", "column", "class", "sample", "frame", "group", "value"]


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
            told += f" ({self.groups} groups are too few for that: images of one group are taken as independent)"
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


def of_images(plan: Plan, runs: Sequence[Run]) -> pd.DataFrame:
    """A line per row, family, column, class and test image; columns are `HEADER`.

    ``value`` is the score of the image alone under the conventions of the table: the mean over the splits of the family
    that test the image and over their seeds, so that every image counts once; NaN where it has none.
    """
    names = class_names(plan, runs)
    tables = []
    for run in runs:
        images = run.pixels[["sample", "frame", "group"]].drop_duplicates("sample").assign(row=run.model)
        images = images.assign(family=plan.family_of(run.split), eye=range(len(images)))
        for key in plan.columns:
            for class_name in shown_classes(plan, COLUMNS[key], names):
                values = weighted_average(COLUMNS[key], run, class_name, plan.conventions, np.eye(len(images)))
                tables.append(images.assign(**{"column": key, "class": class_name, "value": values}))
    lines = pd.concat(tables, ignore_index=True)
    keys = ["row", "family", "column", "class", "sample"]
    mean = lines.groupby(keys, sort=False).agg({"frame": "first", "group": "first", "value": "mean"}).reset_index()
    order = {name: list(places) for name, places in (("row", plan.rows), ("family", families_of(plan, runs)))}
    for name, places in reversed(order.items()):
        mean = mean.iloc[np.argsort(mean[name].map(places.index).to_numpy(), kind="stable")]
    return mean.assign(label=mean["row"].map(plan.rows)).reset_index(drop=True)[HEADER]
