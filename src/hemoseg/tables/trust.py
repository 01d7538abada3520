"""How far a model agrees with the automatic labels it learned from, frame by frame, and which frames to correct first.

No truth is involved: where both differ at least one of them is wrong, where they agree both may be. Only
`held_against_truth` looks at one, where a set has labels that were kept aside.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from hemoseg.data.classes import classes_of_instances
from hemoseg.data.placement import Placed, agreeing
from hemoseg.data.samples import IGNORE
from hemoseg.tables.column import Run
from hemoseg.tables.matching import matches

COUNTS = ("cells", "label_cells", "shared_cells", "shared_pixels", "model_pixels", "label_pixels")
LARGE = ("large_cells", "large_worth")
HEADER = (
    *("rank", "frame", "cells", "label_cells", "difference", "shared_cells", "disputed", "dice", "best_of_worse"),
    *LARGE,
)
CLUMP = 2  # times the median cell: ours; above it a cell may be several that touch


def counted(label: Placed, found: Placed) -> dict[str, int]:
    """Cells and pixels of a frame by the automatic label and by the model, and those that both share.

    A cell of each side is shared where the two overlap by an IoU above 0.5 (then no other cell of either side can) and
    are of one class. Pixels are shared where both see a cell of whatever class.

    Args:
        label: the automatic label of the frame.
        found: what the model said of it. Pixels that it did not see are left out on both sides.
    """
    seen = found.classes != IGNORE
    mine, theirs = (np.where(seen, side.instances, 0) for side in (found, label))
    of_mine, of_theirs = classes_of_instances(found.classes, mine), classes_of_instances(label.classes, theirs)
    pairs = agreeing(mine, theirs)
    return {
        "cells": _number(mine),
        "label_cells": _number(theirs),
        "shared_cells": sum(bool(of_mine[a] == of_theirs[b]) for a, b in pairs),
        "shared_pixels": int(((mine > 0) & (theirs > 0)).sum()),
        "model_pixels": int((mine > 0).sum()),
        "label_pixels": int((theirs > 0).sum()),
    }


def cell_areas(cells: np.ndarray) -> np.ndarray:
    """Pixels of each cell of a label image, int ``(n,)``."""
    return np.unique(cells[cells > 0], return_counts=True)[1]


def large(areas: Sequence[np.ndarray]) -> pd.DataFrame:
    """Cells of each frame that may be several: more than `CLUMP` times as large as the median of all frames.

    Where touching cells are parted by neither label nor model, both count them as one: no dispute shows it, but size
    does.

    Args:
        areas: of the model's cells of each frame.

    Returns:
        A row per frame: ``large_cells``, and ``large_worth``, their area in median cells.
    """
    median = float(np.median(np.concatenate(areas))) if sum(map(len, areas)) else 0.0
    above = [one[one > CLUMP * median] for one in areas]
    worth = [float(one.sum() / median) if len(one) else 0.0 for one in above]
    return pd.DataFrame({"large_cells": [len(one) for one in above], "large_worth": worth})


def ranked(counts: pd.DataFrame) -> pd.DataFrame:
    """Agreement of every frame, those worth correcting first on top.

    The order: by ``disputed``, the share of the cells of both sides that have no partner on the other, the largest
    first; of frames that are alike in it by Dice, the lowest first; then as given.

    Args:
        counts: ``frame``, `COUNTS` and `LARGE`, a row per frame.

    Returns:
        `HEADER`: ``difference`` is the model's number of cells minus the label's; ``dice`` of cell against background
        is 1 where neither side sees any. ``best_of_worse`` is the largest Dice that the worse of the two can have with
        the truth, whatever the truth is: 2 / (3 - Dice), since 1 - IoU is a metric (Lipkus 1999,
        DOI 10.1023/A:1019154432472) and the truth cannot be nearer to both than half of their distance.
    """
    both = counts["cells"] + counts["label_cells"]
    pixels = counts["model_pixels"] + counts["label_pixels"]
    table = counts.assign(
        difference=counts["cells"] - counts["label_cells"],
        disputed=(1 - 2 * counts["shared_cells"] / both.where(both > 0)).fillna(0.0),
        dice=(2 * counts["shared_pixels"] / pixels.where(pixels > 0)).fillna(1.0),
    )
    table["best_of_worse"] = 2 / (3 - table["dice"])
    table = table.sort_values(["disputed", "dice"], ascending=[False, True], kind="stable", ignore_index=True)
    return table.assign(rank=np.arange(1, len(table) + 1))[list(HEADER)]


def looked_at(table: pd.DataFrame, first: int, spread: int) -> tuple[list[str], list[str]]:
    """Frames that a page shows: the ``first`` of the order, and ``spread`` of the rest, evenly from next to last."""
    names = list(table["frame"])
    rest = names[first:]
    places = np.linspace(0, len(rest) - 1, min(spread, len(rest))).round().astype(int) if rest else []
    return names[:first], [rest[i] for i in dict.fromkeys(places)]


def totals(table: pd.DataFrame) -> dict[str, float]:
    """What sentences need of all frames: sums, medians, and in how many frames half and most disputed cells are."""
    cells, labels, shared = (int(table[name].sum()) for name in ("cells", "label_cells", "shared_cells"))
    return {
        "frames": len(table),
        "cells": cells,
        "label_cells": labels,
        "disputed": 1 - 2 * shared / (cells + labels) if cells + labels else 0.0,
        "median_dice": float(table["dice"].median()),
        "lowest_dice": float(table["dice"].min()),
        "median_difference": float(table["difference"].abs().median()),
        "large_cells": int(table["large_cells"].sum()),
        "large_worth": float(table["large_worth"].sum()),
        "hold_half": enough(table, 0.5),
        "hold_most": enough(table, 0.9),
    }


def enough(table: pd.DataFrame, share: float) -> int:
    """How many frames from the top hold this ``share`` of all disputed cells; 0 where none is disputed."""
    disputed = table["cells"] + table["label_cells"] - 2 * table["shared_cells"]
    if not disputed.sum():
        return 0
    return int(np.searchsorted(np.cumsum(disputed) / disputed.sum(), share - 1e-9)) + 1


def held_against_truth(table: pd.DataFrame, runs: Sequence[Run]) -> pd.DataFrame:
    """The table with what the model got wrong in each frame, by labels that nothing before has seen.

    Args:
        table: of `ranked`.
        runs: counts of the model on its test frames; of a frame in several the last counts.

    Returns:
        The table with ``wrong``, the cells missed and made up (IoU below 0.5), and ``wrong_share`` = 1 - F1 of cells, 0
        in a frame without any; frames that no run tests are left out.
    """
    found = {}
    for run in runs:
        for frame, pixels in run.pixels.groupby("frame", sort=False):
            own = replace(run, pixels=pixels, cells=run.cells[run.cells["sample"].isin(pixels["sample"])])
            match = matches(own, 0.5)
            wrong = match.fp + match.fn
            found[frame] = wrong, wrong / (2 * match.tp + wrong) if wrong else 0.0
    held = table[table["frame"].isin(found)].reset_index(drop=True)
    facts = np.array([found[frame] for frame in held["frame"]], float).reshape(-1, 2)
    return held.assign(wrong=facts[:, 0].astype(int), wrong_share=facts[:, 1])


def worth_of_order(held: pd.DataFrame, first: int) -> dict[str, float]:
    """How far the order, made without truth, is that of the errors.

    Args:
        held: of `held_against_truth`.
        first: frames from the top that are looked at.

    Returns:
        ``correlation`` of the ranks of disputed and wrong shares (Spearman's, NaN where one of the two is constant);
        ``share`` of the wrong cells that the first frames hold, and ``by_chance``, what as many frames drawn at random
        hold on average.
    """
    ranks = held[["disputed", "wrong_share"]].rank()
    constant = len(held) < 2 or (ranks.nunique() < 2).any()
    wrong = held["wrong"].sum()
    return {
        "correlation": np.nan if constant else float(np.corrcoef(ranks.T)[0, 1]),
        "share": float(held["wrong"][:first].sum() / wrong) if wrong else np.nan,
        "by_chance": min(first, len(held)) / len(held) if len(held) else np.nan,
        "wrong": int(wrong),
    }


def _number(instances: np.ndarray) -> int:
    """Cells in a label image; some may have been cut away by what was not seen."""
    return int((np.unique(instances) > 0).sum())
