"""Every image under every row, and every image of one row minus the same image of another."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hemoseg.figures.scores import name_groups, spread
from hemoseg.figures.style import GROUP_MARKERS, SOFT, figure, group_colours, shortened
from hemoseg.figures.words import count_of, of_class

MOST_PAIRS = 12  # more differences than this do not fit beside the rows


def draw(
    values: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    facts: Mapping[str, Any],
    labels: Mapping[str, str],
    colours: Mapping[str, str],
) -> Figure:
    """Left: box and dots of every image per row, an image joined with itself. Right: second minus first of each pair.

    Args:
        values: lines of one family, column and class of ``<experiment>.images.csv``.
        pairs: (first, second) rows to subtract; of more than `MOST_PAIRS` the first ones.
        facts: header and unit of the column.
        labels: label of each row, in the order to draw.
        colours: of each row.
    """
    values = values.assign(group=values["group"].fillna(""))
    shown = {key: label for key, label in labels.items() if key in set(values["row"])}
    pairs = [pair for pair in pairs if set(pair) <= set(shown)][:MOST_PAIRS]
    drawn = figure(10.4, 4.4 if len(shown) < 6 else 5.0)
    widths = [max(len(shown), 3), max(len(pairs), 2)]
    panels = drawn.subplots(1, 2, width_ratios=widths) if pairs else [drawn.subplots()]
    spread(panels[0], values.rename(columns={"row": "model"}), "value", shown, colours)
    name, unit = shortened(facts["header"]), f" ({facts['unit']})" if facts["unit"] else ""
    panels[0].set(title="Every image", ylabel=f"{name}{unit}")
    if pairs:
        against = {first for first, _ in pairs}
        _differences(panels[1], values, pairs, shown)
        _name_pairs(panels[1], pairs, shown, alike=len(against) == 1)
        minus = f" from {shortened(shown[against.pop()], 16)}" if len(against) == 1 else ""
        panels[1].set(title=f"Difference{minus}, image by image", ylabel=f"{name}, difference{unit}")
    name_groups(drawn, group_colours(values["group"]))
    return drawn


def _differences(axes: Axes, values: pd.DataFrame, pairs: Sequence[tuple[str, str]], labels: Mapping[str, str]) -> None:
    wide = values.pivot(index="sample", columns="row", values="value")
    group_of = values.drop_duplicates("sample").set_index("sample")["group"].fillna("").reindex(wide.index)
    shift = pd.Series(np.random.default_rng(0).uniform(-0.17, 0.17, len(wide)), wide.index)
    groups = group_colours(values["group"].fillna(""))
    axes.axhline(0, color=SOFT, linewidth=1.2)
    for place, (first, second) in enumerate(pairs):
        difference = (wide[second] - wide[first]).dropna()
        box = {"positions": [place], "widths": 0.5, "showfliers": False, "patch_artist": True}
        axes.boxplot([difference], **box, boxprops={"facecolor": "#e9eff6"}, medianprops={"color": SOFT})
        for number, (group, colour) in enumerate(groups.items()):
            known = difference[group_of[difference.index] == group]
            marker = GROUP_MARKERS[number % len(GROUP_MARKERS)]
            at = place + shift[known.index]
            axes.scatter(at, known, s=20, color=[colour], marker=marker, edgecolor="white", linewidth=0.5, zorder=3)


def _name_pairs(axes: Axes, pairs: Sequence[tuple[str, str]], labels: Mapping[str, str], *, alike: bool) -> None:
    """Ticks with both rows' names, or with the second's alone where all pairs have the same first row."""
    told = [shortened(labels[second], 18) for _, second in pairs]
    if not alike:
        firsts = [shortened(labels[first], 18) for first, _ in pairs]
        told = [f"{second}\n\N{MINUS SIGN} {first}" for first, second in zip(firsts, told, strict=True)]
    slanted = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if len(pairs) > 3 else {}
    axes.set_xticks(range(len(pairs)), told, fontsize=9, **slanted)
    axes.margins(x=0.06)


def caption(values: pd.DataFrame, facts: Mapping[str, Any]) -> str:
    """Under the figure of `draw`."""
    images, groups = values["sample"].nunique(), len(set(values["group"].fillna("")) - {""})
    by_group = f" of {count_of(groups, 'group')}, whose colour and shape it has" if groups else ""
    better = {"high": "above 0 the first-named row is better", "low": "below 0 the first-named row is better"}
    return (
        f"{facts['header']}{of_class(values['class'].iloc[0])} of each of {count_of(images, 'test image')}{by_group}: "
        "a dot per image, mean of the seeds; thin lines join an image with itself. Box: quartiles and median; whiskers "
        "end at most 1.5 boxes away. Right: one row minus another, image by image; "
        f"{better.get(facts['better'], 'at 0 the two rows are alike')}."
    )
