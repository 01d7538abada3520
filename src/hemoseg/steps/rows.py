"""A table from the rows of single images, joined column by column: a frame of each would cost more than counting."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

TEXT = pd.StringDtype("python", na_value=np.nan)  # of pyarrow's, pandas' choice, a single call costs more than rows do


def joined(parts: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """All rows of the parts, one after the other.

    Args:
        parts: values by column, ``(n,)`` or one for all rows; the first column of each part is an array. A part that
            lacks a column is blank there, NaN.
        columns: their order; that of their first appearance where none is given.

    Returns:
        A table with the rows of all parts; only its header where no part has a row.
    """
    lengths = [len(next(iter(part.values()))) for part in parts]
    named = columns or list(dict.fromkeys(name for part in parts for name in part))
    filled = [(part, length) for part, length in zip(parts, lengths, strict=True) if length]
    if not filled:
        return pd.DataFrame(columns=named)
    found = {
        name: np.concatenate([np.broadcast_to(np.asarray(part.get(name, np.nan)), n) for part, n in filled])
        for name in named
    }
    return pd.DataFrame({name: pd.array(of, TEXT) if of.dtype.kind == "U" else of for name, of in found.items()})
