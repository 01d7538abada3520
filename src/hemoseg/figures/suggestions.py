"""Pictures of the images to label next: each with the places of which the model is uncertain, and what was weighed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from hemoseg.figures.pictures import show
from hemoseg.figures.style import INK, SOFT, figure, shortened

HEAT = "cividis"  # even in lightness, alike for the colour-blind
FIRST, OTHER = "#0b5fa5", "#b9c0cb"
ACROSS = 2  # images in a line, two pictures each


@dataclass(frozen=True)
class Thumbnail:
    """One image of the list as the page shows it.

    Attributes:
        picture: float ``(h, w, 3)`` in [0, 1].
        uncertainty: entropy of each pixel, float ``(h, w)`` in [0, 1].
        facts: its row of the list.
    """

    picture: np.ndarray
    uncertainty: np.ndarray
    facts: pd.Series


def thumbnails(shown: Sequence[Thumbnail]) -> Figure:
    """Images in the order of the list, each beside the entropy of its pixels on one scale."""
    lines = max(-(-len(shown) // ACROSS), 1)
    shape = np.median([one.picture.shape[0] / one.picture.shape[1] for one in shown]) if shown else 1
    drawn = figure(10.4, lines * (10.4 / (2 * ACROSS) * min(max(shape, 0.2), 1.6) + 0.45) + 0.75)
    grid = drawn.subplots(lines, 2 * ACROSS, squeeze=False).ravel()
    most = max((float(one.uncertainty.max()) for one in shown), default=1.0) or 1.0
    for axes in grid[2 * len(shown) :]:
        axes.set_visible(False)
    for number, one in enumerate(shown):
        _draw(grid[2 * number], grid[2 * number + 1], one, most)
    bar = drawn.colorbar(
        ScalarMappable(Normalize(0, most), HEAT), ax=list(grid), location="bottom", shrink=0.4, aspect=40, pad=0.01
    )
    bar.set_label("entropy of a pixel (share of an even guess)", fontsize=9)
    return drawn


def _draw(plain: Axes, heat: Axes, one: Thumbnail, most: float) -> None:
    facts = one.facts
    show(plain, one.picture)
    show(heat, one.uncertainty)
    heat.images[0].set(cmap=HEAT, norm=Normalize(0, most))
    group = f", {shortened(facts['group'], 14)}" if facts["group"] else ""
    told = f"uncertainty {facts['uncertainty']:.2f} · novelty {facts['novelty']:.2f} · gain {facts['gain']:.2f}"
    name = f"{facts['rank']}. {shortened(facts['image'], 30)}{group}"
    plain.set_title(f"{name}\n{told}", fontsize=8, fontweight="normal", loc="left")


def weighed(table: pd.DataFrame, count: int) -> Figure:
    """Mean entropy of every image against its novelty when it was chosen; the first ``count`` with their ranks."""
    drawn = figure(7.4, 4.2)
    axes = drawn.subplots()
    first, others = table.head(count), table.iloc[count:]
    if len(others):
        axes.scatter(others["novelty"], others["entropy"], s=22, color=OTHER, label=f"the others (n = {len(others)})")
    axes.scatter(
        first["novelty"], first["entropy"], s=70, color=FIRST, marker="s", label=f"to label next (n = {len(first)})"
    )
    for row in first.itertuples():
        axes.annotate(str(row.rank), (row.novelty, row.entropy), color="white", fontsize=6.5, ha="center", va="center")
    axes.set_xlabel("novelty: distance to the nearest image labelled or before it (share of the largest)", color=INK)
    axes.set_ylabel("mean entropy of its pixels\n(share of an even guess)", color=INK)
    axes.set_ylim(bottom=0)
    axes.set_xlim(-0.03, 1.05)
    axes.legend(fontsize=9, labelcolor=SOFT)
    return drawn
