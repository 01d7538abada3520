"""How long training and prediction took, and how much longer than the baseline's."""

from collections.abc import Mapping

import pandas as pd

from hemoseg.tables.ratios import claim

# What is timed, and the column of the runs that holds its seconds.
QUANTITIES = {"training step": "seconds_per_step", "test image": "seconds_per_image"}
HEADER = [
    *("row", "label", "quantity", "seconds", "least", "most", "runs", "baseline", "ratio", "ratio_least", "ratio_most"),
    *("published_ratio", "published_words", "source", "device", "threads", "backend"),
]


def times(runs: pd.DataFrame, rows: Mapping[str, str], baseline: str | None, published: pd.DataFrame) -> pd.DataFrame:
    """A line per row and quantity: median and range of the seconds over the runs; columns are `HEADER`.

    ``ratio`` is the median, ``ratio_least`` and ``ratio_most`` the range, over the runs of the same split and seed, of
    the row's seconds over the baseline's. A row that was not trained by steps has no line for training.

    Args:
        runs: model, split, seed, the columns of `QUANTITIES` (NaN where there is none), device, threads and backend.
        rows: label of each model.
        baseline: model that the others are divided by.
        published: row, baseline, quantity, value, words, source.
    """
    lines = []
    for row, label in rows.items():
        for quantity, column in QUANTITIES.items():
            seconds, other = (
                runs[runs["model"] == name].set_index(["split", "seed"])[column].dropna() for name in (row, baseline)
            )
            if seconds.empty:
                continue
            line = {"row": row, "label": label, "quantity": quantity} | _range("", seconds)
            line |= {"seconds": line.pop("median"), "runs": len(seconds)}
            if row != baseline and len(ratio := (seconds / other).dropna()):
                line |= {"baseline": baseline} | _range("ratio_", ratio)
                line |= {"ratio": line.pop("ratio_median")} | claim(published, row, baseline, quantity)
            lines.append(line | _machine(runs[runs["model"] == row]))
    return pd.DataFrame(lines, columns=HEADER)


def _range(prefix: str, values: pd.Series) -> dict[str, float]:
    return {f"{prefix}median": values.median(), f"{prefix}least": values.min(), f"{prefix}most": values.max()}


def _machine(runs: pd.DataFrame) -> dict[str, str]:
    """Device, threads and deformable back end; several where runs differ."""
    return {
        name: ", ".join(dict.fromkeys(runs[name].dropna().astype(str))) for name in ("device", "threads", "backend")
    }
