"""ROC curves per class, one against the rest."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hemoseg.figures.style import LINE, SOFT, figure, shortened

# scd2020 draws U-Net dashed and dU-Net solid; what comes besides is ours.
LINES = {"unet": (0, (4, 2)), "deformable_unet": "-"}
OTHER_LINES = ((0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
LEAST = 1e-4  # false positive rate where the closer view begins


def panels(
    roc: pd.DataFrame, aucs: pd.DataFrame, networks: Mapping[str, str], labels: Mapping[str, str], colours: Mapping
) -> Figure:
    """A panel per class; the inset shows the left end on a logarithmic axis, where models differ.

    Args:
        roc: ``<experiment>.roc.csv``.
        aucs: the lines of the table's column ``auc``.
        networks: network of each model, which chooses the line.
        labels: label of each model, in order.
        colours: of each model.
    """
    classes = list(dict.fromkeys(roc["class"]))
    if len(classes) == 2:  # the background's curve is the cells' turned round
        classes = classes[1:]
    drawn, grid = class_grid(len(classes), roc["row"].nunique())
    lines = lines_of({key: networks[key] for key in labels if key in set(roc["row"])})
    for axes, name in zip(grid, classes, strict=True):
        inset = axes.inset_axes((0.46, 0.11, 0.52, 0.4))  # no curve that is better than chance comes here
        for key, line in lines.items():
            curve = roc[(roc["row"] == key) & (roc["class"] == name) & roc["tpr"].notna()]
            look = {"color": colours[key], "linestyle": line}
            for where in (axes, inset):
                _curve(where, curve, look, f"{shortened(labels[key], 16)} {_auc(aucs, key, name)}")
        _dress(axes, inset, name)
    return drawn


def class_grid(classes: int, models: int) -> tuple[Figure, list[Axes]]:
    """A figure with a panel per class, up to three side by side, high enough for legends of so many models."""
    columns = min(classes, 3)
    rows = -(-classes // columns)
    drawn = figure(3.5 * columns if columns > 1 else 5.2, rows * (3.9 + 0.16 * models))
    grid = list(drawn.subplots(rows, columns, squeeze=False).ravel())
    for axes in grid[classes:]:
        axes.set_visible(False)
    return drawn, grid[:classes]


def lines_of(networks: Mapping[str, str]) -> dict[str, object]:
    """Line of each model, chosen by its network."""
    others = [key for key, network in networks.items() if network not in LINES]
    lines = {key: OTHER_LINES[i % len(OTHER_LINES)] for i, key in enumerate(others)}
    return {key: LINES.get(network) or lines[key] for key, network in networks.items()}


def _auc(aucs: pd.DataFrame, key: str, name: str) -> str:
    line = aucs[(aucs["row"] == key) & (aucs["class"] == name)]
    if line.empty or pd.isna(line["mean"].iloc[0]):
        return "–"
    spread = line["sd"].iloc[0]
    return f"{line['mean'].iloc[0]:.3f}" + ("" if pd.isna(spread) else f" ± {spread:.3f}")


def _curve(axes: Axes, curve: pd.DataFrame, look: Mapping, label: str) -> None:
    axes.plot(curve["fpr"], curve["tpr"], linewidth=1.6, label=label, **look)
    low, high = (curve["tpr"] + sign * curve["sd"].fillna(0) for sign in (-1, 1))
    axes.fill_between(curve["fpr"], low.clip(0, 1), high.clip(0, 1), color=look["color"], alpha=0.16, linewidth=0)


def _dress(axes: Axes, inset: Axes, name: str) -> None:
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=1, zorder=0)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), title=shortened(name, 26), xlabel="false positive rate (share of pixels)")
    axes.set_ylabel("true positive rate (share of pixels)")
    box = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16)}
    axes.legend(**box, fontsize=8.5, title="area under the curve", title_fontsize=8.5, handlelength=2.8)
    inset.set(xscale="log", xlim=(LEAST, 1), ylim=(0, 1.02))
    inset.xaxis.set_major_locator(LogLocator(numticks=9))
    inset.xaxis.set_minor_formatter(NullFormatter())
    inset.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"$10^{{{round(np.log10(value))}}}$"))
    inset.tick_params(labelsize=7, colors=SOFT)
    inset.text(0.97, 0.04, "logarithmic", transform=inset.transAxes, ha="right", fontsize=7, color=SOFT)
