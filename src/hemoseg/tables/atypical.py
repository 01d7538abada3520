"""Cells that look unlike those of a reference group: a robust distance in size, form and darkness, within their class.

A class is held against the reference's cells of the same class, so that the rarest class is not the most atypical one;
a class of which the reference has few cells is held against all its cells.
"""

import numpy as np
import pandas as pd

from hemoseg.data.likeness import likeness

FEWEST = 30  # cells of a class in the reference by which the class is judged
BEYOND = 0.99  # share of the reference's cells that are nearer than what is called atypical
QUANTITIES = {"area": "size", "elongation": "elongation", "solidity": "dents", "form_factor": "outline",
              "mean_intensity": "darkness"}  # fmt: skip
LEAST = np.array([0.02, 0.02, 0.05, 0.02, 0.01])  # sd below which no difference is meant; not stated, ours


def quantities(cells: pd.DataFrame) -> np.ndarray:
    """What cells are compared by ``(N, D)``: log area, log axis ratio, log of the dents, form factor, intensity.

    Args:
        cells: of `tables.patient.shapes_of`.
    """
    ratio = np.sqrt(np.maximum(1 - cells["eccentricity"].to_numpy(float) ** 2, 1e-4))
    return np.stack(
        [
            np.log(np.maximum(cells["area"].to_numpy(float), 1e-9)),
            -np.log(ratio),
            np.log(np.maximum(1 - cells["solidity"].to_numpy(float), 0) + 0.02),
            cells["form_factor"].to_numpy(float),
            cells["mean_intensity"].to_numpy(float),
        ],
        axis=1,
    )


def judged(cells: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """The cells with ``distance`` (1 is usual), ``limit`` of their class, ``by`` and ``higher``: what differs most.

    Args:
        cells: of `tables.patient.shapes_of`.
        reference: likewise, one row at least.
    """
    known = quantities(reference)
    parts = []
    for name, part in cells.groupby("class_name", sort=False):
        same = (reference["class_name"] == name).to_numpy()
        usual = known[same] if same.sum() >= FEWEST else known
        model = likeness(usual, LEAST)
        limit = float(np.nanquantile(model.distances(usual), BEYOND))
        ours = quantities(part)
        scores = np.nan_to_num(model.scores(ours))
        most = np.abs(scores).argmax(axis=1)
        parts.append(part.assign(
            distance=model.distances(ours), limit=limit, by=np.array(list(QUANTITIES))[most],
            higher=np.take_along_axis(scores, most[:, None], axis=1)[:, 0] > 0,
        ))  # fmt: skip
    return pd.concat(parts).sort_index() if parts else cells.assign(distance=0.0, limit=0.0, by="", higher=False)


def most_atypical(cells: pd.DataFrame, most: int, least: int) -> pd.DataFrame:
    """The cells of `judged` that are the farthest for their class, the farthest first.

    Args:
        cells: of `judged`.
        most: number of cells, of those that pass their limit.
        least: number of cells where fewer pass it.
    """
    times = (cells["distance"] / cells["limit"]).sort_values(ascending=False, kind="stable")
    return cells.loc[times.index[: min(most, max(least, int((times > 1).sum())))]]
