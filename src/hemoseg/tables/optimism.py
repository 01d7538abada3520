"""What random folds flatter: scores of folds that tear groups (patients) apart, minus those of folds that keep them.

Both families test every image once, so that images can be paired. Where a column is a mean or a sum over the images,
which is seen by trying, the spread comes from the differences of the images, gathered by group; otherwise it is blank.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hemoseg.metrics.bootstrap import interval_of_mean
from hemoseg.tables.column import Column, Run
from hemoseg.tables.columns import COLUMNS
from hemoseg.tables.table import Plan, class_names, families_of, of_each_image, score, shown_classes, summarise

HEADER = [
    *("row", "label", "column", "header", "class", "family", "mean", "other_family", "other_mean", "optimism"),
    *("seed_sd", "group_sd", "low", "high", "lowest_group", "highest_group", "groups", "images", "unit", "better"),
]
IMAGES_HEADER = ["row", "label", "column", "class", "sample", "group", "value", "other_value", "difference"]


def optimism(plan: Plan, runs: Sequence[Run]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score of each family minus that of the last one, which keeps the largest units together.

    Returns:
        A line per row, family, column and class (`HEADER`), and the differences of the images behind it
        (`IMAGES_HEADER`).

        ``optimism`` is the difference of the table's means; ``seed_sd`` its standard deviation (ddof = 1) over the
        seeds. The others come from the differences of the images, mean over the seeds, in the unit of the table:
        ``group_sd`` (ddof = 1), ``lowest_group`` and ``highest_group`` of the groups' means, ``low`` and ``high`` the
        2.5th and 97.5th percentile of a bootstrap of whole groups.
    """
    names, families = class_names(plan, runs), families_of(plan, runs)
    lines, pairs = [], []
    for row in plan.rows:
        of_row = [run for run in runs if run.model == row]
        for key in plan.columns:
            for class_name in shown_classes(plan, COLUMNS[key], names):
                values = _values(COLUMNS[key], class_name, of_row, plan)
                for family in families[:-1]:
                    line, images = _compared(values, family, families[-1])
                    shared = {"row": row, "label": plan.rows[row], "column": key, "class": class_name}
                    facts = {"header": plan.columns[key], "unit": COLUMNS[key].unit, "better": COLUMNS[key].better}
                    lines.append(shared | facts | line)
                    pairs.append(images.assign(**shared))
    images = pd.concat(pairs, ignore_index=True) if pairs else pd.DataFrame(columns=IMAGES_HEADER)
    return pd.DataFrame(lines, columns=HEADER), images[IMAGES_HEADER]


def _values(column: Column, class_name: str, runs: Sequence[Run], plan: Plan) -> pd.DataFrame:
    """Scores of whole runs (``sample`` is NaN) and of their images, with ``kind``: how the images make the run's."""
    whole = [score(column, run, class_name, plan.conventions) for run in runs]
    single = [of_each_image(column, run, class_name, plan.conventions) for run in runs]
    kind = next((kind for kind, made in KINDS.items() if _adds_up(whole, [made(one) for one in single])), "")
    rows = []
    for run, total, images in zip(runs, whole, single, strict=True):
        shared = {"family": plan.family_of(run.split), "split": run.split, "seed": run.seed, "kind": kind}
        rows.append(shared | {"sample": np.nan, "group": "", "value": total})
        group_of = run.pixels.drop_duplicates("sample")["group"].fillna("")
        for sample, group, value in zip(run.samples, group_of, images, strict=True):
            rows.append(shared | {"sample": sample, "group": group, "value": value})
    return pd.DataFrame(rows)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


KINDS = {"mean": _mean, "sum": lambda values: float(values.sum())}


def _adds_up(whole: Sequence[float], made: Sequence[float]) -> bool:
    return bool(np.allclose(whole, made, rtol=1e-6, atol=1e-9, equal_nan=True)) and not np.isnan(whole).all()


def _compared(values: pd.DataFrame, family: str, other: str) -> tuple[dict, pd.DataFrame]:
    """One line of the table, and the paired images behind it."""
    runs = values[values["sample"].isna()]
    first, second = (runs[runs["family"] == name] for name in (family, other))
    means = [summarise(part)["mean"] for part in (first, second)]
    line = {"family": family, "mean": means[0], "other_family": other, "other_mean": means[1]}
    line |= {"optimism": means[0] - means[1], "seed_sd": _seed_sd(first, second)}
    images = _paired(values[values["sample"].notna()], family, other)
    if values["kind"].iloc[0] == "":
        return line | {"groups": images["group"].nunique(), "images": len(images)}, images.iloc[:0]
    # A sum over the images of a fold, in the table's unit: the mean image times the images of a fold.
    scale = len(images) / first["split"].nunique() if values["kind"].iloc[0] == "sum" else 1.0
    return line | _spread(images, scale), images


def _seed_sd(first: pd.DataFrame, second: pd.DataFrame) -> float:
    """Standard deviation over the seeds of the difference of the means over folds."""
    by_seed = [part.pivot(index="seed", columns="split", values="value").mean(axis=1) for part in (first, second)]
    return float((by_seed[0] - by_seed[1]).std(ddof=1))


def _paired(images: pd.DataFrame, family: str, other: str) -> pd.DataFrame:
    """Images that both families score: sample, group, value, other_value, difference; means over the seeds."""
    mean = images.groupby(["sample", "group", "family"], sort=False)["value"].mean().unstack("family")
    found = pd.DataFrame({"value": mean[family], "other_value": mean[other]}).dropna().reset_index()
    return found.assign(difference=found["value"] - found["other_value"])


def _spread(images: pd.DataFrame, scale: float) -> dict[str, float]:
    """How the difference varies from group to group; an image without a group is one of its own."""
    group = images["group"].where(images["group"] != "", images["sample"])
    by_group = images["difference"].groupby(group).agg(["sum", "count"])
    means = scale * by_group["sum"] / by_group["count"]
    line = {"group_sd": means.std(ddof=1), "lowest_group": means.min(), "highest_group": means.max()}
    line |= {"groups": len(by_group), "images": len(images)}
    if len(by_group) < 2:
        return line
    low, high = interval_of_mean(by_group.to_numpy())
    return line | {"low": scale * low, "high": scale * high}
