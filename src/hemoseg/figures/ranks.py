"""How stable the order of rows is: over draws of the test images, and under other conventions."""

from collections.abc import Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hemoseg.figures.style import INK, figure, shortened
from hemoseg.figures.words import count_of, of_class

SHARES = matplotlib.colormaps["Blues"]
# Okabe and Ito's blue and orange, light; a rank that differs bears an arrow besides.
UP, SAME, DOWN = "#9fd0f5", "#ffffff", "#f7d28a"
WAYS = {
    "own": "table", "convention": "strict", "average": "images", "empty": "empty", "background": "background",
    "hausdorff_missing": "one-sided", "matching": "IoU \N{GREATER-THAN OR EQUAL TO}",
}  # fmt: skip
THRESHOLDS = {
    "found": "found \N{GREATER-THAN OR EQUAL TO}", "artefact": "real \N{GREATER-THAN OR EQUAL TO}",
    "incomplete": "whole \N{GREATER-THAN OR EQUAL TO}", "two_types": "two types \N{GREATER-THAN OR EQUAL TO}",
}  # fmt: skip
WAYS |= THRESHOLDS
VALUES = {
    "per_image": "each",
    "pooled": "pooled",
    "skip": "left out",
    "one": "1",
    "zero": "0",
    "in": "in",
    "out": "out",
}


def shares(ranking: pd.DataFrame, leading: Sequence[tuple[str, str]]) -> Figure:
    """In which share of the draws of the test images each row has each rank, a panel per column.

    Args:
        ranking: of one family, of ``<experiment>.ranking.csv``.
        leading: (column, class) of the panels.
    """
    parts = [part for key in leading if len(part := _of(ranking, *key))]
    labels = ranking.drop_duplicates("row").set_index("row")["label"]
    drawn = figure(10.4, 1.3 + 0.36 * max(len(labels), 3))
    panels = drawn.subplots(1, max(len(parts), 1), sharey=True, squeeze=False).ravel()
    for axes, part in zip(panels, parts, strict=False):
        table = part.pivot(index="row", columns="rank", values="share").reindex(labels.index)
        measured = part[part["measured"].astype(bool)].set_index("row")["rank"].to_dict()
        axes.imshow(table, cmap=SHARES, vmin=0, vmax=1, aspect="auto")
        for place, row in enumerate(labels.index):
            for rank, share in table.loc[row].items():
                if share >= 0.005:
                    weight = "bold" if measured.get(row) == rank else "normal"
                    ink = "white" if share > 0.6 else INK
                    told = {"ha": "center", "va": "center", "fontsize": 8, "color": ink, "weight": weight}
                    axes.text(rank - 1, place, f"{100 * share:.0f}", **told)
        _finish(axes, part, [str(rank) for rank in table.columns])
        axes.set_xlabel("rank (1 is best)")
    panels[0].set_yticks(range(len(labels)), [shortened(label, 24) for label in labels])
    return drawn


def conventions(panel: pd.DataFrame, leading: Sequence[tuple[str, str]]) -> Figure:
    """Rank of each row as in the table and under each other convention, a panel per column.

    Args:
        panel: of one family, of ``<experiment>.panel.csv``.
        leading: (column, class) of the panels; that of the matching of cells is added where it is known.
    """
    parts = [part for key in (*leading, ("matching", "all")) if len(part := _of(panel, *key))]
    parts = [part for part in parts if part["choice"].nunique() > 1 or part["value"].nunique() > 1]
    labels = panel.drop_duplicates("row").set_index("row")["label"]
    widths = [part.groupby(["choice", "value"]).ngroups for part in parts] or [1]
    drawn = figure(10.4, 1.9 + 0.34 * max(len(labels), 3))
    panels = drawn.subplots(1, len(widths), sharey=True, squeeze=False, width_ratios=widths).ravel()
    for axes, part in zip(panels, parts, strict=False):
        ways = list(dict.fromkeys(zip(part["choice"], part["value"], strict=True)))
        _ranks_of(axes, part, list(labels.index), ways)
        _finish(axes, part, [way_name(*way) for way in ways])
        axes.tick_params(axis="x", labelrotation=90, labelsize=8)
    panels[0].set_yticks(range(len(labels)), [shortened(label, 24) for label in labels])
    panels[0].set_ylim(len(labels) - 0.5, -0.5)
    return drawn


def _ranks_of(axes: Axes, part: pd.DataFrame, rows: Sequence[str], ways: Sequence[tuple[str, str]]) -> None:
    ranks = part.set_index(["row", "choice", "value"])["rank"]
    for place, row in enumerate(rows):
        own = ranks.get((row, *ways[0]), np.nan)
        for at, way in enumerate(ways):
            rank = ranks.get((row, *way), np.nan)
            colour = UP if rank < own else DOWN if rank > own else SAME
            arrow = " \N{BLACK UP-POINTING TRIANGLE}" if rank < own else ""
            arrow = " \N{BLACK DOWN-POINTING TRIANGLE}" if rank > own else arrow
            axes.add_patch(
                matplotlib.patches.Rectangle((at - 0.5, place - 0.5), 1, 1, facecolor=colour, edgecolor="white")
            )
            text = "–" if np.isnan(rank) else f"{rank:.0f}{arrow}"
            axes.text(at, place, text, ha="center", va="center", fontsize=8, weight="normal" if at else "bold")
    axes.set_xlim(-0.5, len(ways) - 0.5)


def _finish(axes: Axes, part: pd.DataFrame, ticks: Sequence[str]) -> None:
    line = part.iloc[0]
    axes.set_title(shortened(f"{line['header']}{of_class(line['class'])}", 34), fontsize=10)
    axes.set_xticks(range(len(ticks)), ticks)
    axes.grid(visible=False)
    axes.tick_params(length=0)


def _of(table: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    return table[(table["column"] == column) & (table["class"] == name)]


def way_name(choice: str, value: str) -> str:
    """A convention in two words: ``empty 0``, ``background out``, ``strict``."""
    alone = choice in ("own", "convention")
    return WAYS[choice] if alone else f"{WAYS[choice]} {VALUES.get(str(value), value)}"


def shares_caption(ranking: pd.DataFrame, units: str) -> str:
    """Under the figure of `shares`; ``units`` is what is drawn, frame or group."""
    return (
        f"Rank of each row when the test images are drawn anew, whole {units}s at a time "
        f"({count_of(int(ranking['n_units'].max()), units)}): per cent of the draws; bold: the rank in the table. Rows "
        "whose shares lie at the same ranks cannot be told apart by these images."
    )


CONVENTIONS = (
    "Rank of each row as in the table (bold) and with one convention changed at a time. strict: ours, the same for "
    "every table. images: scored each and averaged, or pooled. empty: score of an image without the class on either "
    "side. background: in or out of the average over classes. one-sided: distance of an image with the class on one "
    "side only. IoU: least overlap of a match, for F1 of cells. Errors of cells: found and whole: least share of a "
    "true cell that is covered where it is found, or complete; real: least share of a predicted cell on true ones "
    "where it is no artefact; two types: least share of a cell with another type. Blue, up: a better rank than in the "
    "table; orange, down: a worse one."
)
