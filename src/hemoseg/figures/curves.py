"""Learning curves of everything that is trained by steps."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hemoseg.figures.style import SOFT, figure, plain

LOSSES = {"training": "-", "validation": "--"}


def learning_curves(history: pd.DataFrame, labels: Mapping[str, str], colours: Mapping[str, str]) -> Figure:
    """Loss (left) and validation Dice (right) against steps: every training thin, their mean thick.

    Args:
        history: ``history.csv`` of all runs with ``model``, ``split``, ``seed``.
        labels: label of each model.
        colours: of each model.
    """
    drawn = figure(10.4, 3.9)
    left, right = drawn.subplots(1, 2)
    for model, rows in history.groupby("model", sort=False):
        for axes, column, style in ((left, "train_loss", "-"), (left, "val_loss", "--"), (right, "val_dice", "-")):
            _curves(axes, rows, column, style, colours[model])
    left.set(title="Loss", xlabel="optimiser step", ylabel="loss", yscale="log")
    right.set(title="Dice on the validation samples", xlabel="optimiser step", ylabel="Dice")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    left.yaxis.set_minor_formatter(NullFormatter())
    kinds = [Line2D([], [], color=SOFT, linestyle=style, label=word) for word, style in LOSSES.items()]
    left.legend(handles=kinds, loc="upper right")
    models = dict.fromkeys(history["model"])
    handles = [Line2D([], [], color=colours[m], linewidth=2.4, label=plain(labels[m])) for m in models]
    right.legend(handles=handles, loc="lower right")
    return drawn


def _curves(axes: Axes, rows: pd.DataFrame, column: str, style: str, colour: str) -> None:
    known = rows.dropna(subset=[column])
    if known.empty:
        return
    runs = known.groupby(["split", "seed"], sort=False)
    marker = "o" if known["step"].nunique() == 1 else None
    if len(runs) > 1:
        for _, run in runs:
            axes.plot(run["step"], run[column], style, color=colour, linewidth=0.8, alpha=0.45, marker=marker)
    mean = known.groupby("step")[column].mean()
    axes.plot(mean.index, mean, style, color=colour, linewidth=2.4, marker=marker, markersize=4)
