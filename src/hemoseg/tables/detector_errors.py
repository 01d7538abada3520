"""What a model got right and wrong about cells it did not train on, frame by frame: what corrects its counts elsewhere.

Every predicted cell is one of four: it stands for a true cell (of the same class or of another), is a further piece of
one, or is made up. Every true cell is stood for or missed. So for each class the predicted cells of a frame are a sum
of these numbers, whatever the rule that pairs them, and so are the true ones.

Two cells stand for one another where they are partners in the one-to-one assignment of the largest summed IoU
(`metrics.cells.cell_facts`) and share more than half of the smaller of the two: a cell whose outline is poor counts as
one cell all the same. A predicted cell without a partner is a piece where at least half of it lies on true cells, and
made up where less does. A true cell that was merged into its neighbour's prediction is missed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

FORMAT = 1


def detector_errors(cells: pd.DataFrame, pixels: pd.DataFrame) -> dict[str, Any]:
    """Section ``errors`` of the evidence of a model.

    Args:
        cells: ``cells.csv`` of the step evaluate, of one run or of the test samples of all folds, one after the other.
        pixels: ``pixels.csv`` of the same.

    Returns:
        A mapping that JSON holds: ``format``; ``classes``, names of classes 1..K; ``min_area``, the area in pixels of
        the samples below which a cell does not count, the mean where folds differ; ``grouped``, whether groups
        (patients) were named; and ``frames``, of each frame ``group`` and ``frame`` (numbers, since names may be those
        of patients), ``pixels`` that were judged, ``truth`` (K), ``found`` (K x K, true class by predicted class),
        ``pieces`` (K) and ``made_up`` (K) by predicted class. ``frames`` is empty where the truth has no instances.
        True cells without a class, and predicted ones that stand for them or lie on ignored ground, count nowhere.
    """
    names = dict(zip(pixels["class"], pixels["class_name"], strict=True))
    classes = [str(names[c]) for c in sorted(names) if c > 0]
    cells = cells[cells["counted"].astype(bool)]
    groups = pixels["group"].fillna("").astype(str)
    known = pixels.assign(group=groups, frame=pixels["frame"].astype(str))
    area = known[known["class"] == 0].groupby(["group", "frame"], sort=False)["pixels"].sum()
    return {
        "format": FORMAT,
        "classes": classes,
        "min_area": float(pixels["min_area"].mean()),
        "grouped": bool((groups != "").all()),
        "frames": _frames(cells, area, len(classes)) if len(cells) else [],
    }


def _frames(cells: pd.DataFrame, area: pd.Series, n: int) -> list[dict[str, Any]]:
    frame_of = {name: number for number, name in enumerate(area.index)}
    group_of = {name: number for number, name in enumerate(dict.fromkeys(group for group, _ in area.index))}
    of = cells["group"].fillna("").astype(str), cells["frame"].astype(str)
    place = np.array([frame_of[name] for name in zip(*of, strict=True)], np.int64)
    true, pred = (cells["side"] == side for side in ("gt", "pred"))
    verdicts = _verdicts(cells[true], cells[pred])
    size = len(frame_of)
    truth = _tally(size, (n,), place[true.to_numpy()], cells.loc[true, "class"])
    at = place[pred.to_numpy()]
    kind = cells.loc[pred, "class"].to_numpy(np.int64)
    found = _tally(size, (n, n), at, verdicts["true_class"], kind)
    pieces, made_up = (_tally(size, (n,), at[verdicts[name]], kind[verdicts[name]]) for name in ("piece", "made_up"))
    return [
        {
            "group": group_of[group], "frame": number, "pixels": int(area.iloc[number]),
            "truth": truth[number].tolist(), "found": found[number].tolist(),
            "pieces": pieces[number].tolist(), "made_up": made_up[number].tolist(),
        }
        for number, (group, _) in enumerate(area.index)
    ]  # fmt: skip


def _verdicts(gt: pd.DataFrame, pred: pd.DataFrame) -> dict[str, np.ndarray]:
    """Of each predicted cell the class of the true cell that it stands for (0 none), and whether it is a false one."""
    linked = gt[gt["partner"] > 0]
    keys = ["sample", "cell"]
    linked = linked.assign(cell=linked["partner"].astype(pred["cell"].dtype), true_area=linked["area"])
    linked = linked.assign(true_class=linked["class"])[[*keys, "true_class", "true_area", "shared"]]
    facts = [*keys, "area", "on_truth", "on_small", "on_ignored"]
    both = pred[facts].merge(linked, how="left", on=keys, validate="one_to_one")
    stands = (2 * both["shared"] > np.minimum(both["area"], both["true_area"])).to_numpy()
    false = ~stands & ~((2 * both["on_small"] > both["area"]) | (both["on_ignored"] > both["area"])).to_numpy()
    on_truth = (2 * both["on_truth"] >= both["area"]).to_numpy()
    true_class = np.where(stands, both["true_class"].fillna(0), 0).astype(np.int64)
    return {"true_class": true_class, "piece": false & on_truth, "made_up": false & ~on_truth}


def _tally(frames: int, shape: Sequence[int], place: np.ndarray, *classes: Any) -> np.ndarray:
    """Cells per frame and classes 1..K, int ``(frames, K)`` or ``(frames, K, K)``; those of class 0 count nowhere."""
    table = np.zeros((frames, *shape), np.int64)
    kinds = [np.asarray(kind, np.int64) for kind in classes]
    known = np.all([kind > 0 for kind in kinds], axis=0)
    np.add.at(table, (place[known], *(kind[known] - 1 for kind in kinds)), 1)
    return table


def is_readable(errors: Mapping[str, Any]) -> bool:
    """Whether a section ``errors`` is one of this version's with at least one frame."""
    return errors.get("format") == FORMAT and bool(errors.get("frames"))
