"""How much better one row is than another on the same images: differences with their intervals, and what tests say."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hemoseg.figures.style import INK, SOFT, figure, shortened
from hemoseg.figures.words import count_of, of_class

LEVEL = 0.05  # of p, adjusted for the number of pairs
BETTER, WORSE = "#0a84e0", "#e69f00"  # Okabe and Ito's, as everywhere; drawn with other markers besides
MINUS = "\N{MINUS SIGN}"


def of_pairs(differences: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """The lines of chosen pairs (first, second), which say second minus first, in the order of the pairs."""
    place = {(second, first): number for number, (first, second) in enumerate(pairs)}
    at = [place.get(pair, -1) for pair in zip(differences["row"], differences["other"], strict=True)]
    return differences.assign(place=at).query("place >= 0").sort_values("place", kind="stable")


def draw(lines: pd.DataFrame, leading: Sequence[tuple[str, str]], facts: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Difference of each pair of rows with its 95 % interval, a panel per column; images won and lost beside it.

    Args:
        lines: of one family and of the chosen pairs, of ``<experiment>.differences.csv``.
        leading: (column, class) of the panels.
        facts: header, unit and better side of each column.
    """
    shown = [key for key in leading if ((lines["column"] == key[0]) & (lines["class"] == key[1])).any()]
    told = lines.drop_duplicates(["row", "other"])
    drawn = figure(10.4, 1.5 + 0.36 * max(len(told), 2))
    panels = drawn.subplots(1, max(len(shown), 1), sharey=True, squeeze=False).ravel()
    for axes, (column, name) in zip(panels, shown, strict=False):
        of_panel = lines[(lines["column"] == column) & (lines["class"] == name)]
        _panel(axes, told[["row", "other"]].merge(of_panel, how="left"), facts[column]["better"])
        unit = f" ({facts[column]['unit']})" if facts[column]["unit"] else ""
        axes.set_title(shortened(f"{facts[column]['header']}{of_class(name)}", 34), fontsize=10)
        axes.set_xlabel(f"difference{unit}")
    names = [_name(line) for line in told.to_dict("records")]
    panels[0].set_yticks(range(len(told)), names, fontsize=9)
    panels[0].set_ylim(len(told) - 0.4, -0.6)
    return drawn


def _name(line: Mapping[str, Any]) -> str:
    return f"{shortened(line['label'], 22)} {MINUS} {shortened(line['other_label'], 22)}"


def _panel(axes: Axes, lines: pd.DataFrame, better: str) -> None:
    axes.axvline(0, color=INK, linewidth=1.1)
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)
    for place, line in enumerate(lines.to_dict("records")):
        if pd.isna(line["difference"]):
            continue
        colour, marker = looks(line, better)
        axes.plot([line["low"], line["high"]], [place, place], color=colour, linewidth=2.2, solid_capstyle="butt")
        full = colour if is_told(line) else "white"
        axes.scatter(line["difference"], place, s=52, marker=marker, facecolor=full, edgecolor=colour, zorder=3)
        won = f"{line['wins']:.0f} : {line['losses']:.0f}"
        axes.annotate(won, (1, place), xycoords=axes.get_yaxis_transform(), ha="right", va="bottom", fontsize=8)
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + 0.16 * (high - low))
    axes.xaxis.set_major_locator(MaxNLocator(4))


def looks(line: Mapping[str, Any], better: str) -> tuple[str, str]:
    """Colour and marker of a difference: better, worse, or neither where its interval holds 0."""
    if not (line["low"] > 0 or line["high"] < 0) or better == "zero":
        return SOFT, "o"
    return (BETTER, "D") if (line["difference"] > 0) == (better == "high") else (WORSE, "s")


def is_told(line: Mapping[str, Any]) -> bool:
    """Whether the permutation test tells the two rows apart, adjusted for the number of pairs."""
    return bool(line["p_permutation_holm"] < LEVEL)


def caption(lines: pd.DataFrame, pairs: int) -> str:
    """Under the figure of `draw`; ``pairs`` of rows were tested in all."""
    line = lines.iloc[0]
    return (
        f"Difference of the table's numbers, first-named row minus the other, with its 95 % bootstrap interval over "
        f"{count_of(int(lines['n_units'].max()), line['units'])} ({count_of(int(lines['n_images'].max()), 'image')}), "
        "the same draws for both rows. Blue diamond: better, orange square: worse, grey circle: the interval holds 0. "
        f"Filled: p < {LEVEL:g} by a permutation test of whole {line['units']}s, Holm-adjusted for "
        f"{count_of(pairs, 'pair')} of rows. At the right: images on which the first-named row is better : worse."
    )
