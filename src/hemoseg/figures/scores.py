"""Scores per image from counts, and the pictures of how they are spread."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hemoseg.figures.style import GROUP_MARKERS, SOFT, figure, group_colours, shortened

EMPTY = {"one": 1.0, "zero": 0.0, "skip": np.nan}
MOST_GROUPS = 10  # more patients than this are not told apart in the legend
TITLES = {"dice": "Dice per image", "hausdorff": "Hausdorff per image"}


def image_scores(pixels: pd.DataFrame, *, empty: str, hausdorff_missing: str) -> pd.DataFrame:
    """Dice and Hausdorff distance per model, image and class, means over the seeds.

    Args:
        pixels: ``pixels.csv`` of all runs with ``model``, ``split``, ``seed``; the background is left out.
        empty: Dice where the class neither is nor was found: one, zero or skip.
        hausdorff_missing: an image where one side is empty: diagonal or skip.

    Returns:
        Columns model, sample, frame, group, class, class_name, dice, hausdorff. Of several splits that test an image
        the last one counts.
    """
    rows = pixels[pixels["class"] > 0].copy()
    size = 2 * rows["tp"] + rows["fp"] + rows["fn"]
    rows["dice"] = np.where(size > 0, 2 * rows["tp"] / size.clip(lower=1), EMPTY[empty])
    if hausdorff_missing == "diagonal":
        one_sided = rows["hausdorff_case"].isin(("missed", "spurious"))
        rows["hausdorff"] = rows["hausdorff"].where(~one_sided, rows["diagonal"])
    last = rows.groupby(["model", "sample"], sort=False)["split"].transform("last")
    rows = rows[rows["split"] == last]
    rows = rows.assign(**{name: rows[name].astype(object).fillna("") for name in ("group", "frame")})
    keys = ["model", "sample", "frame", "group", "class", "class_name"]
    return rows.groupby(keys, sort=False, as_index=False)[["dice", "hausdorff"]].mean()


def of_images(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean over the classes: Dice and Hausdorff distance per model and image."""
    return scores.groupby(["model", "sample", "frame", "group"], sort=False, as_index=False)[
        ["dice", "hausdorff"]
    ].mean()


def distributions(
    scores: pd.DataFrame, measure: str, labels: Mapping[str, str], colours: Mapping[str, str], close: Sequence[str] = ()
) -> Figure:
    """Box and dots of every image per model, a panel per class; images of one model and the next joined by lines.

    Args:
        scores: of `image_scores`.
        measure: ``dice`` or ``hausdorff``.
        labels: label of each model, in the order to draw.
        colours: of each model.
        close: models to draw once more on their own scale, where the others squeeze them.
    """
    classes = list(dict.fromkeys(scores["class_name"]))
    models = [key for key in labels if key in set(scores["model"])]
    parts = [(name, models) for name in classes]
    if len(classes) == 1 and 0 < len(close) < len(models):
        parts.append((classes[0], [key for key in models if key in close]))
    columns = min(len(parts), 3)
    drawn = figure(10.4, 3.9 * -(-len(parts) // columns) + 0.3)
    grid = drawn.subplots(-(-len(parts) // columns), columns, squeeze=False).ravel()
    groups = group_colours(scores["group"])
    for axes, (name, chosen) in zip(grid, parts, strict=False):
        spread(axes, scores[scores["class_name"] == name], measure, {key: labels[key] for key in chosen}, colours)
        axes.set_ylabel("Dice" if measure == "dice" else "px of the sample (lower is better)")
        alone = ", closer" if chosen != models else ""
        axes.set_title(f"{TITLES[measure]}: {shortened(name, 22 if columns < 3 else 12)}{alone}")
    for axes in grid[len(parts) :]:
        axes.set_visible(False)
    name_groups(drawn, groups)
    return drawn


def spread(axes: Axes, scores: pd.DataFrame, measure: str, labels: Mapping[str, str], colours: Mapping[str, str]):
    """Box and dots of every image per model, images joined by lines.

    Args:
        axes: to draw on.
        scores: model, sample, group and the measure, a line per model and image.
        measure: name of the column that is drawn.
        labels: label of each model, in the order to draw.
        colours: of each model.
    """
    wide = scores.pivot(index="sample", columns="model", values=measure).reindex(columns=list(labels))
    group_of = scores.drop_duplicates("sample").set_index("sample")["group"].reindex(wide.index)
    shift = pd.Series(np.random.default_rng(0).uniform(-0.17, 0.17, len(wide)), wide.index)
    for line, x in zip(wide.to_numpy(), shift, strict=True):
        axes.plot(np.arange(len(labels)) + x, line, color=SOFT, alpha=0.22, linewidth=0.7, zorder=1)
    long = wide.melt(var_name="model", value_name="value")
    sns.boxplot(
        data=long, x="model", y="value", order=list(labels), hue="model", hue_order=list(labels), legend=False,
        palette={key: colours[key] for key in labels}, ax=axes, width=0.5, fliersize=0, linewidth=1.1, zorder=2,
        boxprops={"alpha": 0.35},
    )  # fmt: skip
    palette = group_colours(scores["group"])
    for i, key in enumerate(labels):
        for number, (group, colour) in enumerate(palette.items()):
            known = wide.loc[group_of == group, key].dropna()
            if known.empty:
                continue
            marker = GROUP_MARKERS[number % len(GROUP_MARKERS)]
            axes.scatter(
                i + shift[known.index], known, s=22, color=[colour], marker=marker, linewidth=0.5,
                edgecolor="white", zorder=3,
            )  # fmt: skip
    slanted = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if len(labels) > 5 else {}
    axes.set_xticks(range(len(labels)), [shortened(label, 18) for label in labels.values()], **slanted)
    axes.set(xlabel="", ylabel="")
    axes.margins(x=0.04)


def name_groups(drawn: Figure, groups: Mapping[str, tuple]) -> None:
    """A legend of the patients or slides, where there are few enough to tell apart."""
    known = {name: colour for name, colour in groups.items() if name}
    if not 0 < len(known) <= MOST_GROUPS:
        return
    markers = {name: GROUP_MARKERS[i % len(GROUP_MARKERS)] for i, name in enumerate(groups)}
    handles = [
        Line2D([], [], marker=markers[name], color=colour, linestyle="", markersize=6, label=shortened(name, 20))
        for name, colour in known.items()
    ]
    drawn.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6), title="group", fontsize=9)
