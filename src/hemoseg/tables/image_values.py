"""The score of every single image in every column of a table: what dots in figures and many tables are made of."""

from collections.abc import Sequence

import pandas as pd

from hemoseg.tables.column import Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.table import Plan, class_names, of_each_image, shown_classes

IMAGE = ["sample", "frame", "group"]
HEADER = ["row", "column", "class", *IMAGE, "value"]


def image_values(plan: Plan, runs: Sequence[Run]) -> pd.DataFrame:
    """A line per row, column, class and image; columns are `HEADER`.

    ``value`` is the score of the image alone, its mean over the seeds and then over the splits that test it; a run
    without a score of it is left out. An image without any has no line.
    """
    names = class_names(plan, runs)
    parts = []
    for run in runs:
        facts = run.pixels.drop_duplicates("sample").reindex(columns=IMAGE).fillna("").astype(str)
        for key in plan.columns:
            for class_name in shown_classes(plan, COLUMNS[key], names):
                values = of_each_image(COLUMNS[key], run, class_name, plan.conventions)
                told = {"row": run.model, "split": run.split, "column": key, "class": class_name}
                parts.append(facts.assign(**told, value=values))
    known = pd.concat(parts, ignore_index=True).dropna(subset="value")
    by_split = known.groupby([*HEADER[:-1], "split"], sort=False, as_index=False)["value"].mean()
    return by_split.groupby(HEADER[:-1], sort=False, as_index=False)["value"].mean()
