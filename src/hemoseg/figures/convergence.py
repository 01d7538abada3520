"""How fast trainings converge: scores on validation against steps, and the steps that 99 % of the best took."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hemoseg.figures.style import figure, plain

NEAR = 0.99  # share of the best that counts as reached
CAPTION = (
    "Scores on the validation samples while training; thick, the mean of several trainings. Mean IU: "
    "intersection over union of pixels, its mean over all classes, background included. Instance error: touching cells "
    "that the components of the foreground do not separate, as a share of the touching cells; no watershed is in it. A "
    "dot: the first validation at which a training had 99 % of its best mean IU, or of its largest share of separated "
    "cells. Scores are known at the validations only, so each step is true to within one interval of them."
)
MEASURES = {"val_mean_iu": "mean IU", "val_instance_error": "instance error"}


def reached(history: pd.DataFrame) -> pd.DataFrame:
    """Of each training and measure the best score, its step, and the first step at which 99 % of it were reached.

    Of the instance error, which is best at 0, 99 % of the largest share of separated cells (1 - error) must be reached.

    Args:
        history: ``history.csv`` of all runs with ``model``, ``split``, ``seed``.

    Returns:
        ``model``, ``split``, ``seed``, ``measure``, ``best``, ``best_step``, ``step``, ``before``: the validation
        before ``step`` (0 for none), so that the truth lies in (before, step]; trainings without the score are left
        out.
    """
    rows = []
    for (model, split, seed), run in history.groupby(["model", "split", "seed"], sort=False):
        for measure in MEASURES:
            known = run.dropna(subset=[measure]).sort_values("step")
            if known.empty:
                continue
            gain = known[measure] if measure == "val_mean_iu" else 1 - known[measure]
            gain, steps = gain.to_numpy(), known["step"].to_numpy()
            best, first = int(gain.argmax()), int(np.flatnonzero(gain >= NEAR * gain.max())[0])
            before = int(steps[first - 1]) if first else 0
            score = float(known[measure].iloc[best])
            rows.append([model, split, seed, measure, score, int(steps[best]), int(steps[first]), before])
    names = ["model", "split", "seed", "measure", "best", "best_step", "step", "before"]
    return pd.DataFrame(rows, columns=names)


def draw(history: pd.DataFrame, labels: Mapping[str, str], colours: Mapping[str, str]) -> Figure:
    """Both measures against steps: every training thin, their mean thick, a mark where its 99 % were reached.

    Args:
        history: as for `reached`.
        labels: label of each model.
        colours: of each model.
    """
    found = reached(history)
    drawn = figure(10.4, 3.9)
    for axes, (measure, name) in zip(drawn.subplots(1, 2), MEASURES.items(), strict=True):
        for model, rows in history.dropna(subset=[measure]).groupby("model", sort=False):
            _curve(axes, rows, measure, colours[model])
            _marks(
                axes, rows, found[(found["model"] == model) & (found["measure"] == measure)], measure, colours[model]
            )
        axes.set(title=f"{name} on the validation samples", xlabel="optimiser step", ylabel=name)
    drawn.axes[1].set_ylim(bottom=0)
    models = dict.fromkeys(history["model"])
    handles = [Line2D([], [], color=colours[m], linewidth=2.4, label=plain(labels[m])) for m in models]
    drawn.axes[0].legend(handles=handles, loc="lower right")
    return drawn


def sentence(history: pd.DataFrame, labels: Mapping[str, str]) -> list[str]:
    """A sentence per model: the steps that 99 % of its best mean IU and of its separated cells took."""
    told = []
    for model, rows in reached(history).groupby("model", sort=False):
        parts = []
        for measure, of_measure in rows.groupby("measure", sort=False):
            steps = of_measure["step"]
            span = f"{steps.min()}" if steps.nunique() == 1 else f"{steps.median():g} ({steps.min()} to {steps.max()})"
            best = f"{of_measure['best'].mean():.4f}"
            parts.append(f"{MEASURES[measure]} {best} at best, 99 % of it by step {span}")
        told.append(f"{labels[model]}: {'; '.join(parts)}.")
    return told


def _curve(axes: Axes, rows: pd.DataFrame, measure: str, colour: str) -> None:
    runs = rows.groupby(["split", "seed"], sort=False)
    if len(runs) > 1:
        for _, run in runs:
            axes.plot(run["step"], run[measure], color=colour, linewidth=0.8, alpha=0.45)
    mean = rows.groupby("step")[measure].mean()
    axes.plot(mean.index, mean, color=colour, linewidth=2.4)


def _marks(axes: Axes, rows: pd.DataFrame, found: pd.DataFrame, measure: str, colour: str) -> None:
    """A dot on each training's own curve."""
    scores = rows.set_index(["split", "seed", "step"])[measure]
    for one in found.itertuples():
        axes.plot(one.step, scores.loc[(one.split, one.seed, one.step)], "o", color=colour, markersize=6)
