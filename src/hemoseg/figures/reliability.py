"""Reliability diagrams: how often predicted probabilities are right, and how many pixels have which."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hemoseg.figures.style import GROUP_MARKERS, SOFT, figure, shortened
from hemoseg.figures.words import count_of
from hemoseg.metrics.calibration import MOST_PROBABLE

COLUMNS = 3  # most panels beside each other


def calibration_error(lines: pd.DataFrame) -> float:
    """Mean over the pixels of one curve of how far the share that is right is from the mean probability of its bin."""
    return float(np.average((lines["right"] - lines["confidence"]).abs(), weights=lines["pixels"]))


def panels(reliability: pd.DataFrame, labels: Mapping[str, str], colours: Mapping[str, str]) -> Figure:
    """A panel per class and one for the most probable class; below each the share of the pixels in every bin.

    Args:
        reliability: ``<experiment>.reliability.csv`` of one family, with at least one line.
        labels: label of each model, in order.
        colours: of each model.
    """
    classes = shown(reliability["class"])
    columns = 2 if len(classes) == 4 else min(len(classes), COLUMNS)
    rows = -(-len(classes) // columns)
    models = [key for key in labels if key in set(reliability["row"])]
    drawn = figure(4.1 * columns if columns > 1 else 5.2, rows * (5.0 + 0.17 * len(models)))
    grid = drawn.subplots(2 * rows, columns, squeeze=False, sharex=True, height_ratios=[3.4, 1] * rows)
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        curve, amount = grid[2 * row, column], grid[2 * row + 1, column]
        if number >= len(classes):
            curve.set_visible(False)
            amount.set_visible(False)
            continue
        of_class = reliability[reliability["class"] == classes[number]]
        for place, key in enumerate(models):
            look = {"color": colours[key], "marker": GROUP_MARKERS[place % len(GROUP_MARKERS)]}
            _draw(curve, amount, of_class[of_class["row"] == key], labels[key], look)
        _dress(curve, amount, classes[number])
    return drawn


def shown(classes: Sequence[str]) -> list[str]:
    """Classes that are drawn: of two the background is left out, whose curve is the other's turned round."""
    names = list(dict.fromkeys(classes))
    return names[1:] if len(names) == 3 else names


def caption(reliability: pd.DataFrame) -> str:
    """Under the diagrams."""
    images = count_of(int(reliability["n_images"].max()), "test image")
    units = count_of(int(reliability["n_units"].max()), reliability["units"].iloc[0])
    return (
        "How often predicted probabilities are right, over the pooled pixels of the test images "
        f"({images}; an image that several runs test counts once, as their mean). Pixels are gathered in "
        f"{round(1 / (reliability['upper'] - reliability['lower']).min())} bins of their probability; each point "
        "is a bin at its mean probability, on the dashed line where they are right as often as they say, below it "
        "where they say too much. Bar: 95 % interval of a bootstrap of whole test "
        f"{reliability['units'].iloc[0]}s ({units}). Legend: calibration error of the curve, the mean distance from "
        "the dashed line over the pixels. Below: share of the pixels in each bin, on a logarithmic scale; where nearly "
        "all are in the outer bins, the error tells little of the pixels in doubt between them. Most probable: of each "
        "pixel the class with the highest probability, right where it is the true one."
    )


def _draw(curve: Axes, amount: Axes, lines: pd.DataFrame, label: str, look: Mapping) -> None:
    if lines.empty:
        return
    reach = np.stack([lines["right"] - lines["low"], lines["high"] - lines["right"]]).clip(min=0)
    told = f"{shortened(label, 20)} {calibration_error(lines):.4f}"
    curve.errorbar(
        lines["confidence"], lines["right"], yerr=np.nan_to_num(reach), label=told, linewidth=1.4, markersize=4.5,
        elinewidth=0.8, capsize=1.5, alpha=0.9, **look,
    )  # fmt: skip
    middle = (lines["lower"] + lines["upper"]) / 2
    amount.plot(middle, lines["pixels"] / lines["pixels"].sum(), linewidth=1, markersize=3.5, **look)


def _dress(curve: Axes, amount: Axes, name: str) -> None:
    curve.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    title = "Most probable class" if name == MOST_PROBABLE else shortened(name, 26)
    curve.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), title=title, ylabel="right (share of pixels of the bin)")
    curve.tick_params(labelbottom=False)
    curve.legend(loc="upper left", fontsize=8, title="calibration error", title_fontsize=8, handlelength=2.2)
    amount.set(yscale="log", ylabel="pixels (share)", xlabel="predicted probability")
    amount.tick_params(labelbottom=True)
