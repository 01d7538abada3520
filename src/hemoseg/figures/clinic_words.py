"""What the clinic page says: sentences on what was counted, captions, and the limits of the numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.figures.clinic_tables import decimals, signed, unit, whole
from hemoseg.figures.words import count_of, origin_badges
from hemoseg.metrics.counting import EVERY, Counted

MOST = 30  # patients drawn; the tables have all
RARE = 0.02  # share of the true cells below which a class that was never found is no surprise
FAR = 0.1  # share of the true count beyond which a count is called unusable
NOT_A_DEVICE = (
    "Research use only. This page is not a medical device, was not validated for diagnosis, and no number on it may "
    "decide about a patient."
)
BORDERS = {
    "counting_frame": "A cell that the upper or left border of the field cuts counts, one that the lower or right "
    "border cuts does not, so that neighbouring fields would count every cell once and the number per area is not "
    "biased by the size of cells.",
    "all": "Every cell in the field counts, also those that its border cuts: the number per area is too high, the more "
    "so the larger the cells.",
    "inside": "Only cells that no border cuts count: the number per area is too low, and large cells are "
    "underrepresented.",
}
DENSITY = (
    "Density of each patient (large dot, bar: interval) and of each frame (small dots); n counts cells. Diamond: the "
    "truth, where it is known."
)
SHARES = (
    "Share of each class among the counted cells (n) of each patient, with its interval. Diamond: the truth, where it "
    "is known."
)
DISTRIBUTIONS = (
    "Whole cells of each patient: found by the model (above the line, n) and true (below). The height is scaled to "
    "each curve's own maximum; dots where there are fewer than 8 cells. Dark line: the median. The farthest 0.5 % of "
    "the cells lie outside."
)


def badges(found: Counted, facts: Mapping[str, Any], settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(text, kind) for the first screen."""
    groups = found.frames["group"].replace("", np.nan).nunique()
    model = settings["models"][settings["clinic"]["model"]]
    return [
        *origin_badges(facts["info"], settings),
        (f"model {model['label']}", ""),
        (f"scale {settings['scale']}", ""),
        (count_of(len(found.frames), "frame"), ""),
        (count_of(groups, "patient") if groups else "no patients named", ""),
        ("truth known" if found.has_truth else "no truth: bias unknown", ""),
        ("not a medical device", "simulated"),
    ]


def verdict(found: Counted, table: pd.DataFrame, label: str) -> str:
    """How many cells were found where, and how far off that is."""
    of = table[(table["group"] == EVERY) & (table["class"] == EVERY)].set_index("measure")
    where = f"{count_of(len(found.frames), 'frame')}"
    if groups := found.frames["group"].replace("", np.nan).nunique():
        where += f" of {count_of(groups, 'patient')}"
    count, area = of.loc["count"], of.loc["area"]
    text = f"{label} counted {count_of(int(count['value']), 'cell')} in {where}"
    if found.has_truth:
        text += f"; the truth is {whole(count['truth'])}"
        if count["truth"]:
            text += f" ({signed(100 * count['bias'] / count['truth'], 1)} %)"
    if pd.notna(area["value"]):
        text += f". Mean area {area['value']:.{decimals(area['value'])}f} {unit(area['unit'])}"
        if pd.notna(area["truth"]):
            text += f", truth {area['truth']:.{decimals(area['value'])}f}"
    return text + "."


def unusable(table: pd.DataFrame) -> str:
    """A warning where the counts are far from the truth; empty where they are not, or where it is not known."""
    of = table[(table["group"] == EVERY) & (table["class"] == EVERY)].set_index("measure").loc["count"]
    if not of["truth"] > 0 or abs(of["bias"]) <= FAR * of["truth"]:
        return ""
    return (
        f"The number of cells is {signed(100 * of['bias'] / of['truth'], 0)} % off the truth: do not read the counts, "
        "densities and areas of this model as those of cells."
    )


def never_found(table: pd.DataFrame) -> str:
    """A warning of classes that the model does not find although they are there; empty where there is none."""
    of = table[(table["group"] == EVERY) & (table["measure"] == "share")]
    lost = of[(of["value"] == 0) & (of["truth"] > RARE)]
    if lost.empty:
        return ""
    named = [
        f"{name} ({100 * share:.0f} % of the true cells)"
        for name, share in zip(lost["class"], lost["truth"], strict=True)
    ]
    return f"The model found no cell of {', '.join(named)}: its shares of the classes mean nothing."


def reading(found: Counted) -> str:
    """How to read the tables."""
    against = " In italics: the truth, and how far the model is off." if found.has_truth else ""
    return f"Brackets: {100 * found.level:g} % interval.{against}"


def caption(text: str, found: Counted) -> str:
    """A caption, and how many patients are drawn where there are too many."""
    groups = found.frames["group"].nunique()
    return f"{text} Only the first {MOST} of {groups} patients are drawn." if groups > MOST else text


def classes_sentence(settings: Mapping[str, Any]) -> str:
    """Which classes of the dataset make up each class; empty where they are the same."""
    made = {name: of for name, of in settings["prepare"]["classes"].items() if isinstance(of, list) and of != [name]}
    return "; ".join(f"{name}: {', '.join(of)}" for name, of in made.items()) + "." if made else ""


def merging_sentence(found: Counted) -> str:
    """How many cells are several in truth."""
    if not found.has_truth:
        return (
            "Touching cells that the model does not part count as one (Error I of the papers), so counts tend to be "
            "low and areas large; how often that happened cannot be told without true labels."
        )
    cells = found.cells[(found.cells["side"] == "pred") & found.cells["counts"]]
    merging = cells[cells["hosted"] > 1]
    return (
        "Touching cells that the model does not part count as one (Error I of the papers), so counts are biased low "
        f"and areas high: {len(merging)} of {count_of(len(cells), 'counted cell')} "
        f"{'is' if len(merging) == 1 else 'are'} several in truth and hide{'s' if len(merging) == 1 else ''} "
        f"{count_of(int((merging['hosted'] - 1).sum()), 'true cell')}."
    )


def limits(found: Counted, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """What a reader must know before a number is used."""
    model = settings["models"][settings["clinic"]["model"]]
    seeds, families = len(model["seeds"]), list(settings["families"].values())
    by, splits = settings["split"]["by"], families.count(families[-1])
    by = by[-1] if isinstance(by, list) else by
    trained = {"auto": "labels made by image processing, not by people"}.get(settings["labels"], "the set's own labels")
    said = [
        merging_sentence(found),
        f"{model['label']} was trained in {count_of(splits, 'split')} on {trained}; every sample is measured by a "
        f"model that did not train on it, the first of {count_of(seeds, 'seed')}. The intervals know nothing of other "
        "trainings, and nothing of the model's own errors: compare with the truth where it is printed.",
    ]
    groups = found.frames["group"].replace("", np.nan)
    if by != "group" and groups.nunique() > 1 and groups.duplicated().any():
        said.append(
            f"The splits keep no patient together, only each {by}: of a patient with several frames the model may have "
            "seen some, and on a new patient it may be worse. `split: {by: group}` measures that."
        )
    if facts["info"].get("simulated"):
        said.append("The frames are simulated: the numbers describe the simulator, and no patient.")
    if not found.has_truth:
        said.append("The set has no true cells to compare with: the bias of every number here is unknown.")
    return said


def rules(found: Counted, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> list[str]:
    """How cells became numbers."""
    clinic = settings["clinic"]
    level = f"{100 * found.level:g} %"
    area = f"{found.min_area:.{decimals(found.min_area)}f} {unit(found.length + '2')}"
    return [
        BORDERS[clinic.get("border", "counting_frame")],
        "The field is what the samples show of a frame, blank margins removed. A cell that the cut into samples "
        "divided counts once.",
        f"A cell below {area} is dust and does not count ({clinic.get('min_area_share', 0.1):g} of the median whole "
        "cell).",
        "The class of a cell is that of most of its pixels.",
        *_ignored_sentence(found),
        _pixel_sentence(found, facts),
        "Area, perimeter and shape are of whole cells only (n), which no border cuts; large cells are cut more often, "
        "which makes the mean area a little too small.",
        "Perimeter: Cauchy-Crofton in four directions, with the true height and width of the pixels. Eccentricity: of "
        "the ellipse with the same second moments, 0 for a circle. Form factor: 4 pi area / perimeter squared, 1 for "
        "a circle, less for all else. ± is the standard deviation over cells.",
        f"Brackets: {level} interval. Cells of a frame are alike, so each number of cells is divided by a design "
        "effect (at least 1), pooled over the patients: the variance between the frames of a patient over that of "
        "independent cells; Wilson's interval for shares, the score interval for densities, and t quantiles. In the "
        "row of all patients the patients are the clusters. Intervals of several classes hold one by one, not all at "
        "once. Of a single frame they are those of independent cells, and speak of that place on the smear only.",
    ]


def _pixel_sentence(found: Counted, facts: Mapping[str, Any]) -> str:
    if found.length != "um":
        return "`dataset.yaml` gives no `pixel_size_um`, so lengths are in pixels of the frame."
    pixel = found.frames["pixel_size_um"].iloc[0]
    simulated = " (the simulator takes a discocyte to be 7.5 µm across)" if facts["info"].get("simulated") else ""
    return f"A pixel is {pixel:.4g} µm wide, as `dataset.yaml` says{simulated}."


def _ignored_sentence(found: Counted) -> list[str]:
    """What was left out because its class is not known."""
    if not sum(found.ignored.values()):
        return []
    return [
        f"{count_of(found.ignored['pred'], 'found cell')} and {count_of(found.ignored['gt'], 'true cell')} on ground "
        "that the labels ignore are left out on both sides; the field is not made smaller, so that densities are too "
        "low by as much."
    ]
