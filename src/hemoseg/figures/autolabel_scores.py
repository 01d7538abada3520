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


def summary(lines: pd.DataFrame, labels: Mapping[str, str], rows: Mapping[str, Mapping[str, Any]]) -> str:
    """What the whole chain reaches and adds to its first two parts; empty where these rows are not there.

    Args:
        lines: of the tidy table, one column of it.
        labels: of its rows.
        rows: settings of each row, by key.
    """
    for base, others in families(rows).items():
        for whole in (key for key in others if rows[key].get("gaussian", True) and rows[key].get("morphology")):
            told = []
            for name, of_class in lines.groupby("class", sort=False):
                known = of_class.set_index("row")
                told.append(f"{name} {100 * known.loc[whole, 'mean']:.1f} % ({_gain(known, base, whole)})")
            header = lines["header"].iloc[0]
            return f"{labels[whole]}: {header} {', '.join(told)}; in brackets points more than with {labels[base]}."
    return ""


def _gain(known: pd.DataFrame, base: str, row: str) -> str:
    """Points that a row has more than another, ours and the published ones."""
    ours, theirs = (100 * (known.loc[row, of] - known.loc[base, of]) for of in ("mean", "published"))
    return f"{ours:+.1f}" + ("" if np.isnan(theirs) else f", published {theirs:+.1f}")


def gains(lines: pd.DataFrame, labels: Mapping[str, str], rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What each part of the chain adds, ours beside the published gain: a sentence per window and class.

    Args:
        lines: of the tidy table, one column of it.
        labels: of its rows.
        rows: settings of each row, by key (`families`).
    """
    sentences = []
    for base, others in families(rows).items():
        for name, of_class in lines.groupby("class", sort=False):
            known = of_class.set_index("row")
            told = ", ".join(f"{labels[key]} ({_gain(known, base, key)})" for key in others)
            begin = f"{name}, {labels[base]}: {known['header'].iloc[0]} {100 * known.loc[base, 'mean']:.1f} %"
            sentences.append(f"{begin}; points more with {told}." if told else f"{begin}.")
    return sentences


def distances(lines: pd.DataFrame, labels: Mapping[str, str], rows: Mapping[str, Mapping[str, Any]]) -> str:
    """How far each window's rows are from the published ones of the same parts; empty where none is published.

    Args:
        lines: of the tidy table, one column of it.
        labels: of its rows.
        rows: settings of each row, by key.
    """
    parts = {key: (own.get("gaussian", True), bool(own.get("morphology"))) for key, own in rows.items()}
    printed = lines[lines["published"].notna()].to_dict("records")
    theirs = {(parts[line["row"]], line["class"]): line["published"] for line in printed}
    told = []
    for base, others in families(rows).items():
        same = lines[lines["row"].isin([base, *others])].to_dict("records")
        apart = [line["mean"] - theirs.get((parts[line["row"]], line["class"]), np.nan) for line in same]
        if not np.isnan(apart).all():
            told.append(f"{labels[base]} and what is added to it {100 * np.nanmean(np.abs(apart)):.1f}")
    header = lines["header"].iloc[0]
    return f"Points of {header} from the published numbers, on average: {'; '.join(told)}." if told else ""


def families(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Rows with neither Gaussian filter nor morphology, each with those that differ from it in these two alone."""
    found = {}
    for base, own in rows.items():
        if not own.get("gaussian", True) and not own.get("morphology") and not own.get("search"):
            same = {"gaussian": None, "morphology": None}
            found[base] = [key for key in rows if key != base and {**rows[key], **same} == {**own, **same}]
    return found


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
            | {"mean IoU": f"{one['score']:.3f}", "left out": left_out}
            | {"images": one["images"], "tried": one["tried"]}
        )
    return pd.DataFrame(rows)


def search_note(found: Mapping[str, Mapping[str, Any]]) -> str:
    """How to read the table of a search."""
    images = count_of(sum(one["images"] for one in found.values()), "labelled image")
    ends = dict.fromkeys(name for one in found.values() for name in one.get("ends", ()))
    beyond = f" At an end of what was tried, so that more may lie beyond: {', '.join(ends)}." if ends else ""
    return (
        f"Settings of the chain, searched on {images}. Mean IoU, on the images that chose the settings, flatters; left "
        "out, each image is scored with what the others choose. Both are means over images of the mean of the IoUs of "
        f"background and cells.{beyond}"
    )


def searched_runs(trainings: pd.DataFrame) -> list[tuple[str, Mapping[str, Any]]]:
    """Row and what its search found, of every run that searched."""
    if "autolabel_search" not in trainings:
        return []
    runs = trainings[["model", "autolabel_search"]].to_dict("records")
    return [(run["model"], run["autolabel_search"]) for run in runs if isinstance(run["autolabel_search"], dict)]


def searched_labels(choice: Mapping[str, Any] | None) -> list[tuple[str, Mapping[str, Any]]]:
    """A title and what was found, where a search chose the settings of the labels that rows train on.

    Args:
        choice: what the step `autolabel` wrote beside the labels, None where it made none.
    """
    found = (choice or {}).get("search") or {}
    return [("Automatic labels", found["kinds"])] if found else []
