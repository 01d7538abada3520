"""Ratios of two rows that a paper claims: reports/published/ratios.csv."""

from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ("row", "baseline", "quantity", "value", "words", "source")


def claim(published: pd.DataFrame, row: str, baseline: str | None, quantity: str) -> dict[str, Any]:
    """``published_ratio``, ``published_words`` and ``source`` of a quantity of a row over the baseline's; NaN if none.

    Args:
        published: `COLUMNS`.
        row: key of a model.
        baseline: key of the model that it is divided by.
        quantity: training step, test image, training images.
    """
    keys = zip(published["row"], published["baseline"], published["quantity"], strict=True)
    found = published[[key == (row, baseline, quantity) for key in keys]]
    names = {"published_ratio": "value", "published_words": "words", "source": "source"}
    return {name: found[column].iloc[0] if len(found) else np.nan for name, column in names.items()}
