"""How good the automatic labels are, part by part: scores beside the published ones, and what a search chose."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hemoseg.data.samples import Samples
from hemoseg.figures.autolabel_chain import Seen
from hemoseg.figures.style import CLASS_COLOURS, INK, figure, plain
from hemoseg.figures.words import count_of

MARKERS = ("o", "s", "^", "v", "D")


def seen(samples: Samples, ids: Sequence[str]) -> list[Seen]:
    """The named samples as the figures of the parts take them."""
    return [
        Seen(
            samples.ids[i],
            samples.kinds[i],
            samples.image(i),
            samples.instances[i] if samples.has_instances else None,
        )
        for i in samples.index(list(ids))
    ]


def by_row(lines: pd.DataFrame, labels: Mapping[str, str]) -> Figure:
    """One column of the table: a row of dots per row of the table, a class per colour and marker.

    Args:
        lines: of the tidy table, one column of it.
        labels: of the rows, in order from the top.
    """
    drawn = figure(9.2, 0.9 + 0.34 * len(labels))
    axes = drawn.subplots()
    places = {key: -number for number, key in enumerate(labels)}
    classes = list(dict.fromkeys(lines["class"]))
    for number, name in enumerate(classes):
        of_class = lines[lines["class"] == name]
        colour, marker = CLASS_COLOURS[number % len(CLASS_COLOURS)], MARKERS[number % len(MARKERS)]
        shift = 0.12 * (len(classes) - 1 - 2 * number)
        for line in of_class.to_dict("records"):
            place = places[line["row"]] + shift
            axes.plot([line["mean"], line["published"]], [place] * 2, color=colour, linewidth=0.8, zorder=1)
            axes.plot(line["mean"], place, marker, color=colour, markersize=7)
            axes.plot(line["published"], place, marker, mfc="white", mec=colour, markersize=6)
    axes.set(yticks=list(places.values()), yticklabels=[plain(label) for label in labels.values()])
    axes.set(xlabel=f"{plain(lines['header'].iloc[0])} (share)", ylim=(0.6 - len(labels), 0.6))
    axes.grid(axis="x")
    handles = [
        Line2D([], [], color=CLASS_COLOURS[n % 10], marker=MARKERS[n % 5], linestyle="", label=plain(name))
        for n, name in enumerate(classes)
    ]
    handles.append(Line2D([], [], marker="o", mfc="white", mec=INK, linestyle="", label="published"))
    drawn.legend(handles=handles, loc="outside upper right", ncols=len(handles), fontsize=8.5)
    return drawn


def caption(lines: pd.DataFrame, images: int) -> str:
    """Under the figure of `by_row`."""
    theirs = "; hollow, joined by a line: published, of other images" if lines["published"].notna().any() else ""
    return (
        f"{lines['header'].iloc[0]} of each row by class, over {count_of(images, 'test image')}, pixels pooled. "
        f"Filled: ours{theirs}."
    )


def verdict(lines: pd.DataFrame, labels: Mapping[str, str], rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What each part of the chain adds, ours beside the published gain: a sentence per window and class.

    Args:
        lines: of the tidy table, one column of it.
        labels: of its rows.
        rows: settings of each row, by key; those that differ in the Gaussian filter and the morphology alone belong
            together, and the one without both is what they add to.
    """
    sentences = []
    for base, own in rows.items():
        if own.get("gaussian", True) or own.get("morphology"):
            continue
        same = {"gaussian": None, "morphology": None}
        others = [key for key in rows if key != base and {**rows[key], **same} == {**own, **same}]
        for name, of_class in lines.groupby("class", sort=False):
            told = _gains(of_class.set_index("row"), base, others, labels)
            sentences.append(f"{name}: {told}")
    return sentences


def _gains(known: pd.DataFrame, base: str, others: Sequence[str], labels: Mapping[str, str]) -> str:
    told = []
    for key in others:
        ours, theirs = (100 * (known.loc[key, what] - known.loc[base, what]) for what in ("mean", "published"))
        told.append(f"{labels[key]} {ours:+.1f}" + ("" if np.isnan(theirs) else f" (published {theirs:+.1f})"))
    header = known["header"].iloc[0]
    begin = f"{labels[base]} has {header} {100 * known.loc[base, 'mean']:.1f} %"
    return f"{begin}; in points beside it: {', '.join(told)}." if told else f"{begin}."


def search_table(found: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """What a search chose: a row per kind with its settings, its score and the estimate of images left out.

    Args:
        found: by kind, the fields of `hemoseg.labels.autolabel_search.Found`.
    """
    rows = []
    for kind, one in found.items():
        chosen = {key: str(value).lower() for key, value in one["point"].items()}
        left_out = "–" if one["left_out"] is None else f"{one['left_out']:.3f}"
        rows.append(
            {"kind": kind or "all", **chosen}
            | {"mean IoU, choosing images": f"{one['score']:.3f}", "one image left out": left_out}
            | {"images": one["images"], "settings tried": one["tried"]}
        )
    return pd.DataFrame(rows)


def search_note(found: Mapping[str, Mapping[str, Any]]) -> str:
    """How to read the table of a search."""
    images = count_of(sum(one["images"] for one in found.values()), "labelled image")
    return (
        f"Settings of the chain, searched on {images}: the score on the images that chose the settings flatters; "
        "the one beside it scores each image with what the others choose. Scores are means over images of the mean IoU "
        "of background and cells."
    )


def searched_runs(trainings: pd.DataFrame) -> list[tuple[str, Mapping[str, Any]]]:
    """Row and what its search found, of every run that searched."""
    if "autolabel_search" not in trainings:
        return []
    runs = trainings[["model", "autolabel_search"]].to_dict("records")
    return [(run["model"], run["autolabel_search"]) for run in runs if isinstance(run["autolabel_search"], dict)]
