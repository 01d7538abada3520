"""Pictures and words of the page of `adapt`: agreement with thresholding before and after, no truth among them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hemoseg.figures.style import SOFT, figure

BEFORE, AFTER = "#e69f00", "#0b5fa5"  # told apart by the colour-blind; the marks differ, too
WARNING = (
    "Nothing here was compared with truth. More agreement with thresholding is no proof of better masks: what "
    "thresholds get wrong on all frames, the adapted network may have learnt. Look at the frames below, and score both "
    "models where a few frames have labels."
)
HEADS = (
    "frame", "cells, threshold", "cells, before", "cells, after", "Dice before", "Dice after",
    "disputed before, %", "disputed after, %",
)  # fmt: skip
BOTH = (
    "{n} frames whose disputed share fell most, by the median, and least (or rose most), before and after, on the grid "
    "of the training: thick lines the automatic label (the threshold's cells), thin lines the model's; tinted cells "
    "have no partner"
)
EVERY = "Agreement of network and threshold on every frame, before and after the adaptation; n = {n} frames"


def verdict(table: pd.DataFrame) -> str:
    """Whether network and threshold agree more after than before, in one sentence."""
    was, now = (table[f"disputed_{when}"] for when in ("before", "after"))
    fell, rose = int((now < was).sum()), int((now > was).sum())
    change = now.median() - was.median()
    word = "agree more" if change < 0 else "agree less" if change > 0 else "agree as much"
    return (
        f"Network and thresholding {word} than before: the median share of disputed cells went from "
        f"{100 * was.median():.1f} % to {100 * now.median():.1f} %; it fell on {fell} of {len(table)} frames and rose "
        f"on {rose}. The median Dice of their masks went from {table['dice_before'].median():.3f} to "
        f"{table['dice_after'].median():.3f}."
    )


def badges(told: Mapping[str, Any], model: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Short facts of the first screen."""
    what = "statistics and self-training" if any(told["teaching"]) else "statistics alone"
    facts = [(f"{model.get('model', '')} ({model['network']})", ""), (f"{told['frames']} frames, no labels", "real")]
    return [*facts, (what, ""), (f"scale {told['scale']:.3g}", "")]


def how(told: Mapping[str, Any]) -> list[str]:
    """What was done, in sentences."""
    done = [
        f"Frames were scaled by {told['scale']:.4g}, so that cells are as large as in the training; evidence.json of "
        "the new model says so.",
        f"Mean and standard deviation of the input and of every batch norm were measured on {told['frames']} frames.",
    ]
    for number, frames in enumerate(told["teaching"], start=1):
        done.append(
            f"Round {number}: {told['steps']} steps on {frames} of {told['frames']} frames, on pixels where network "
            "and threshold agree on cell or background; frames where they disagree on most of either taught nothing."
        )
    if told["teaching"] and not any(told["teaching"]):
        done.append("Network and threshold agreed on too little of every frame: nothing was trained.")
    if told.get("lost_evidence"):
        done.append(
            f"No longer known of this model, since it was measured on the old one: {', '.join(told['lost_evidence'])}."
        )
    return done


def lines(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is printed, frames whose disputed share rose most on top."""
    order = (table["disputed_after"] - table["disputed_before"]).sort_values(ascending=False, kind="stable").index
    rows = table.loc[order]
    printed = [rows["frame"]]
    printed += [rows[name].map("{:.0f}".format) for name in ("label_cells", "cells_before", "cells_after")]
    printed += [rows[name].map("{:.3f}".format) for name in ("dice_before", "dice_after")]
    printed += [(100 * rows[name]).map("{:.1f}".format) for name in ("disputed_before", "disputed_after")]
    return pd.concat(printed, axis=1, keys=HEADS)


def every_frame(table: pd.DataFrame) -> Figure:
    """Two plots, a line per frame from before to after: disputed cells in per cent, and Dice."""
    drawn = figure(10.4, 3.8)
    left, right = drawn.subplots(1, 2)
    _slopes(left, 100 * table["disputed_before"], 100 * table["disputed_after"])
    left.set(ylabel="disputed cells, % of both sides' cells")
    _slopes(right, table["dice_before"], table["dice_after"])
    right.set(ylabel="Dice of network and threshold")
    marks = [
        Line2D([], [], marker="o", color=BEFORE, linestyle="", label="before, a frame"),
        Line2D([], [], marker="D", color=AFTER, linestyle="", label="after, a frame"),
        Line2D([], [], marker="_", color="black", linestyle="", markersize=16, label="median"),
    ]
    drawn.legend(handles=marks, loc="outside lower left", ncols=3, fontsize=9)
    return drawn


def _slopes(axes: Axes, before: Sequence[float], after: Sequence[float]) -> None:
    before, after = np.asarray(before, float), np.asarray(after, float)
    axes.plot([0, 1], np.stack([before, after]), color=SOFT, linewidth=0.7, alpha=0.6, zorder=1)
    axes.scatter(np.zeros(len(before)), before, color=BEFORE, edgecolor="white", s=34, zorder=2)
    axes.scatter(np.ones(len(after)), after, color=AFTER, marker="D", edgecolor="white", s=30, zorder=2)
    medians = [np.median(before), np.median(after)] if len(before) else []
    axes.scatter(range(len(medians)), medians, color="black", marker="_", s=600, zorder=3)
    axes.set(xlim=(-0.4, 1.4), xticks=[0, 1], xticklabels=["before", "after"])
