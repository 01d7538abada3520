"""Labels worth looking at again, ranked by how sure a model that did not learn from them is that they are wrong.

Problems of a label, each with a score in [0, 1] that is above 0.5 where the model finds another answer likelier:

* ``wrong_class``: the model does not expect the class of the label (`metrics.label_classes.suspicion`);
* ``not_there``: the model sees background where the label has a cell (mean probability of the background over it);
* ``missed``: the model sees a cell that no label knows (mean probability of any cell over it);
* ``outline``: the model is sure of other pixels (the sure part of 1 - IoU, `metrics.label_errors`);
* ``merged``: one label over what the model takes for two cells;
* ``split``: several labels over what it takes for one, of methods that part cells that touch.

Who is right the model cannot tell: a person who looks writes it into the column ``verdict``.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hemoseg.metrics.label_classes import confident_joint, of_classes, suspicion
from hemoseg.metrics.label_errors import SURE

PLACE = ("row", "column", "row0", "column0", "row1", "column1")
HEADER = (
    *("rank", "problem", "score", "frame", "group", "label", "suggested", "p_label", "p_suggested"),
    *(*PLACE, "cell", "area", "verdict"),
)
TEXTS = dict.fromkeys(("problem", "frame", "group", "label", "suggested", "verdict"), str)


def audited(labelled: pd.DataFrame, found: pd.DataFrame, class_names: Sequence[str]) -> pd.DataFrame:
    """Every label and every problem that it may have, the surest first.

    A cell that the model takes for background is asked nothing else. Where a label may have several problems each has
    a row.

    Args:
        labelled: a row per labelled cell: frame, group, `PLACE`, cell, area, ``class`` 1..K, ``outline``, ``merged``
            and ``p_0`` to ``p_K``, the mean probabilities over it.
        found: a row per predicted cell: the same without a class; ``unknown`` and ``split``.
        class_names: by class, background first.

    Returns:
        `HEADER`; ``p_label`` and ``p_suggested`` are the mean probabilities of the label (the background where there is
        none) and of what the model suggests. Equal scores keep the order of the problems, then that of the rows.
    """
    seen = labelled[labelled["p_0"] < SURE]
    scores, against = suspicion(of_classes(_probabilities(seen)), seen["class"].to_numpy(int))
    of_seen, label, best = seen["class"].to_numpy(int), labelled["class"].to_numpy(int), _likeliest(found)
    lost = labelled["p_0"] >= SURE
    unknown = found[found["unknown"].astype(bool)]
    parts = [
        _rows("wrong_class", seen, scores, of_seen, against) if len(class_names) > 2 else None,
        _rows("missed", unknown, 1 - unknown["p_0"], 0, _likeliest(unknown)),
        _rows("not_there", labelled[lost], labelled["p_0"][lost], label[lost], 0),
        _rows("outline", seen, seen["outline"], of_seen, of_seen),
        _rows("merged", seen, seen["merged"], of_seen, of_seen),
        _rows("split", found, found["split"], best, best),
    ]
    table = pd.concat([part for part in parts if part is not None], ignore_index=True)
    names = dict(enumerate(class_names))
    table = table.sort_values("score", ascending=False, kind="stable", ignore_index=True)
    table = table.assign(rank=np.arange(1, len(table) + 1), verdict="")
    for side in ("label", "suggested"):
        table[side] = table[side].map(names)
    return table[list(HEADER)]


def large_enough(found: pd.DataFrame, labelled: pd.DataFrame, share: float) -> pd.DataFrame:
    """Predicted cells of at least this ``share`` of the median labelled cell's area; what is smaller is dust."""
    least = share * labelled["area"].median() if len(labelled) else 0.0
    return found[found["area"] >= least]


def expected(labelled: pd.DataFrame, n_classes: int) -> tuple[int, int]:
    """Cells that confident learning expects to bear a wrong class, and how many it could judge (`confident_joint`).

    Args:
        labelled: as of `audited`.
        n_classes: K + 1.
    """
    seen = labelled[labelled["p_0"] < SURE]
    if n_classes < 3 or seen.empty:
        return 0, 0
    joint = confident_joint(of_classes(_probabilities(seen)), seen["class"].to_numpy(int))
    return int(joint.sum() - np.trace(joint)), int(joint.sum())


def agreeing(labelled: pd.DataFrame, class_names: Sequence[str]) -> dict[str, tuple[int, int]]:
    """By class of the label: cells of which it is the model's likeliest class, and all that it sees as cells.

    Empty where there is one class only, or where the model sees none of a class.
    """
    seen = labelled[labelled["p_0"] < SURE]
    label = seen["class"].to_numpy(int)
    same = _likeliest(seen) == label
    return {
        name: (int(same[label == number].sum()), int((label == number).sum()))
        for number, name in enumerate(class_names)
        if len(class_names) > 2 and (label == number).any()
    }


def average_precision(score: np.ndarray, wrong: np.ndarray) -> float:
    """Mean, over the wrong ones, of the share of wrong ones among all that rank as high; ties count as one rank.

    The area under the precision-recall curve by steps, as scikit-learn's ``average_precision_score``; a random order
    has about the share of wrong ones. NaN where none is wrong.

    Args:
        score: higher ranks first, float ``(n,)``.
        wrong: bool ``(n,)``.
    """
    if not wrong.any():
        return float("nan")
    order = np.argsort(-score, kind="stable")
    hits, ranks = np.cumsum(wrong[order]), np.arange(1, len(order) + 1)
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)  # of each group of equal scores
    return float((np.diff(hits[last], prepend=0) * hits[last] / ranks[last]).sum() / wrong.sum())


def worth_looking(table: pd.DataFrame, least: float) -> pd.DataFrame:
    """The rows whose score is at least ``least``."""
    return table[table["score"] >= least].reset_index(drop=True)


def _rows(problem: str, cells: pd.DataFrame, score, label, suggested) -> pd.DataFrame:
    """Rows of one problem; ``label`` and ``suggested`` are class ids."""
    label, suggested = (np.broadcast_to(value, len(cells)).astype(int) for value in (label, suggested))
    means = cells[_columns(cells)].to_numpy(float)
    rows = np.arange(len(cells))
    facts = {"label": label, "suggested": suggested, "p_label": means[rows, label]}
    facts |= {"p_suggested": means[rows, suggested]}
    kept = cells[["frame", "group", *PLACE, "cell", "area"]]
    return kept.assign(problem=problem, score=np.asarray(score, float), **facts)


def _probabilities(cells: pd.DataFrame) -> np.ndarray:
    return cells[_columns(cells)].to_numpy(float)


def _columns(cells: pd.DataFrame) -> list[str]:
    return [f"p_{number}" for number in range(sum(name.startswith("p_") for name in cells.columns))]


def _likeliest(cells: pd.DataFrame) -> np.ndarray:
    """Class 1..K of the highest mean probability of each cell."""
    means = _probabilities(cells)
    return means[:, 1:].argmax(axis=1) + 1 if len(means) else np.zeros(0, int)
