"""Reliability diagrams: how often predicted probabilities are right, and how many pixels or cells have which."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hemoseg.figures.style import GROUP_MARKERS, SOFT, figure, shortened
from hemoseg.figures.words import count_of
from hemoseg.metrics.calibration import GIVEN, MOST_PROBABLE

TITLES = {MOST_PROBABLE: "Most probable class", GIVEN: "Predicted cells"}
COLUMNS = 3  # most panels beside each other


def calibration_error(lines: pd.DataFrame) -> float:
    """Mean over a curve's pixels or cells of how far the share that is right is from the probability, by bin."""
    return float(np.average((lines["right"] - lines["confidence"]).abs(), weights=lines["number"]))


def panels(reliability: pd.DataFrame, labels: Mapping[str, str], colours: Mapping[str, str]) -> Figure:
    """A panel per class, one for the most probable class, one for cells; below each what share every bin holds.

    Args:
        reliability: ``<experiment>.reliability.csv`` of one family, with at least one line.
        labels: label of each model, in order.
        colours: of each model.
    """
    parts = shown(reliability)
    columns = 2 if len(parts) == 4 else min(len(parts), COLUMNS)
    rows = -(-len(parts) // columns)
    models = [key for key in labels if key in set(reliability["row"])]
    drawn = figure(4.1 * columns if columns > 1 else 5.2, rows * (5.0 + 0.17 * len(models)))
    grid = drawn.subplots(2 * rows, columns, squeeze=False, sharex=True, height_ratios=[3.4, 1] * rows)
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        curve, amount = grid[2 * row, column], grid[2 * row + 1, column]
        if number >= len(parts):
            curve.set_visible(False)
            amount.set_visible(False)
            continue
        of, name = parts[number]
        own = reliability[(reliability["of"] == of) & (reliability["class"] == name)]
        for place, key in enumerate(models):
            look = {"color": colours[key], "marker": GROUP_MARKERS[place % len(GROUP_MARKERS)]}
            _draw(curve, amount, own[own["row"] == key], labels[key], look)
        _dress(curve, amount, of, name)
    return drawn


def shown(reliability: pd.DataFrame) -> list[tuple[str, str]]:
    """What is drawn, (of, class): of two classes not the background, whose curve is the other's turned round."""
    parts = list(dict.fromkeys(zip(reliability["of"], reliability["class"], strict=True)))
    of_pixels, of_cells = ([part for part in parts if part[0] == of] for of in ("pixels", "cells"))
    return (of_pixels[1:] if len(of_pixels) == 3 else of_pixels) + of_cells


def caption(reliability: pd.DataFrame) -> str:
    """Under the diagrams."""
    images = count_of(int(reliability["n_images"].max()), "test image")
    units = count_of(int(reliability["n_units"].max()), reliability["units"].iloc[0])
    return (
        "How often predicted probabilities are right, over the pooled pixels of the test images "
        f"({images}; an image that several runs test counts once, as their mean). Pixels are gathered in "
        f"{_bins(reliability[reliability['of'] == 'pixels'])} bins of their probability; each point "
        "is a bin at its mean probability, on the dashed line where they are right as often as they say, below it "
        "where they say too much. Bar: 95 % interval of a bootstrap of whole test "
        f"{reliability['units'].iloc[0]}s ({units}). Legend: calibration error of the curve, the mean distance from "
        "the dashed line over the pixels. Below: share of the pixels in each bin, on a logarithmic scale; where nearly "
        "all are in the outer bins, the error tells little of the pixels in doubt between them. Most probable: of each "
        "pixel the class with the highest probability, right where it is the true one."
        + _of_cells(reliability[reliability["of"] == "cells"])
    )


def _of_cells(lines: pd.DataFrame) -> str:
    if lines.empty:
        return ""
    numbers = lines.groupby("row")["number"].sum().round().astype(int)
    spread = " to ".join(f"{number:,}" for number in sorted({numbers.min(), numbers.max()}))
    return (
        f" Predicted cells: {spread} per method in {_bins(lines)} bins, each with the mean probability over its pixels "
        "of the class that it was given, right where it is matched, at an IoU of at least 0.5, to a true cell of that "
        "class; missed cells have no probability and are not among them."
    )


def _bins(lines: pd.DataFrame) -> int:
    """How many bins there are, empty ones too."""
    return round(1 / (lines["upper"] - lines["lower"]).mean())


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
    amount.plot(middle, lines["number"] / lines["number"].sum(), linewidth=1, markersize=3.5, **look)


def _dress(curve: Axes, amount: Axes, of: str, name: str) -> None:
    curve.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    title = TITLES.get(name) or shortened(name, 26)
    curve.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), title=title, ylabel=f"right (share of {of} of the bin)")
    curve.tick_params(labelbottom=False)
    curve.legend(loc="upper left", fontsize=8, title="calibration error", title_fontsize=8, handlelength=2.2)
    amount.set(yscale="log", ylabel=f"{of} (share)", xlabel="predicted probability")
    amount.tick_params(labelbottom=True)
