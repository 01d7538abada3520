"""Precision-recall curves per class, one against the rest."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hemoseg.figures.roc import class_grid, lines_of
from hemoseg.figures.style import SOFT, shortened
from hemoseg.figures.words import count_of

CLOSE = 0.8  # recall and precision from which a closer view shows the corner, where all curves reach it


def panels(
    curves: pd.DataFrame, found: pd.DataFrame, networks: Mapping[str, str], labels: Mapping[str, str], colours: Mapping
) -> Figure:
    """A panel per class, without the background; dotted: what a ranking by chance has.

    Args:
        curves: ``<experiment>.precision_recall.csv`` of one family, with at least one line.
        found: the lines of the table's column ``average_precision``; the legend names what it holds.
        networks: network of each model, which chooses the line.
        labels: label of each model, in order.
        colours: of each model.
    """
    classes = list(dict.fromkeys(curves["class"]))[1:]
    drawn, grid = class_grid(len(classes), curves["row"].nunique())
    lines = lines_of({key: networks[key] for key in labels if key in set(curves["row"])})
    for axes, name in zip(grid, classes, strict=True):
        of_class = curves[(curves["class"] == name) & curves["precision"].notna()]
        corner = _corner(axes, of_class)
        for key, line in lines.items():
            look = {"color": colours[key], "linestyle": line}
            told = f"{shortened(labels[key], 16)}{_average(found, key, name)}"
            for where in (axes, corner) if corner else (axes,):
                _curve(where, of_class[of_class["row"] == key], look, told)
        _dress(axes, of_class, name, "average precision" if len(found) else None)
    return drawn


def caption(curves: pd.DataFrame, images: int, *, same_test: bool = False) -> str:
    """Under the curves; with ``same_test`` every fold tests all ``images``."""
    tested = f"the same {count_of(images, 'image')} in each of" if same_test else f"{count_of(images, 'image')} in"
    return (
        "Precision and recall of the pixels of each class against all others at every threshold of the probability, "
        f"pooled over each test fold ({tested} {count_of(int(curves['n'].max()), 'fold')}). Line: mean over the folds "
        "at each recall; band: one standard deviation over the folds to either side, none with one fold. Dotted: the "
        "share of the pixels that are of the class, which a ranking by chance has. Inset, if any: the upper right "
        "corner. Where a class is rare these curves tell models apart that look alike in ROC curves."
    )


def _corner(axes: Axes, of_class: pd.DataFrame) -> Axes | None:
    """A closer view of the upper right corner, where all curves are near it; None where they are not."""
    near = of_class[(of_class["recall"] >= CLOSE) & (of_class["recall"] <= 0.98)]["precision"]
    if near.empty or near[of_class["recall"] < 0.9].min() < CLOSE:
        return None
    inset = axes.inset_axes((0.1, 0.14, 0.6, 0.58))
    inset.set(xlim=(CLOSE, 1.005), ylim=(min(near.min(), 0.98) - 0.01, 1.005))
    inset.tick_params(labelsize=7, colors=SOFT)
    inset.text(0.03, 0.04, "closer", transform=inset.transAxes, fontsize=7, color=SOFT)
    return inset


def _curve(axes: Axes, curve: pd.DataFrame, look: Mapping, label: str) -> None:
    axes.plot(curve["recall"], curve["precision"], linewidth=1.6, label=label, **look)
    low, high = (curve["precision"] + sign * curve["sd"].fillna(0) for sign in (-1, 1))
    axes.fill_between(curve["recall"], low.clip(0, 1), high.clip(0, 1), color=look["color"], alpha=0.16, linewidth=0)


def _dress(axes: Axes, of_class: pd.DataFrame, name: str, legend: str | None) -> None:
    if len(of_class):
        axes.axhline(np.mean(of_class["chance"]), color=SOFT, linewidth=1, linestyle=(0, (1, 2)), zorder=0)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02), title=shortened(name, 26), xlabel="recall (share of pixels)")
    axes.set_ylabel("precision (share of pixels)")
    box = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16)}
    axes.legend(**box, fontsize=8.5, title=legend, title_fontsize=8.5, handlelength=2.8)


def _average(found: pd.DataFrame, key: str, name: str) -> str:
    line = found[(found["row"] == key) & (found["class"] == name)]
    return "" if line.empty or pd.isna(line["mean"].iloc[0]) else f" {line['mean'].iloc[0]:.3f}"
