"""What the clinic page says: tables as text, sentences on what was counted, and the limits of the numbers."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.figures.words import count_of
from hemoseg.metrics.counting import EVERY, SHAPES, Counted

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"
ALL_NAMES = {"patients": "all patients", "frames": "all frames"}
SHAPE_NAMES = {
    "area": "area",
    "perimeter": "perimeter",
    "eccentricity": "eccentricity",
    "form_factor": "form factor",
}
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


def unit(text: str) -> str:
    """A unit of the tables as people write it."""
    for plain, shown in (("um2", "µm²"), ("um", "µm"), ("mm2", "mm²"), ("px2", "px²"), ("10^6", "10⁶")):
        text = text.replace(plain, shown)
    return text


def name_of(row: Mapping[str, Any]) -> str:
    """What a row of a table is about."""
    if row["frame"]:
        return str(row["frame"])
    if row["group"] == EVERY:
        return ALL_NAMES[row["clusters"]]
    return str(row["group"]) or "no patient named"


def signed(value: float, digits: int) -> str:
    """``+0.3`` or ``−0.3``."""
    return f"{value:+.{digits}f}".replace("-", MINUS)


def counts(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames, cells and density of each patient or frame; and the same of the truth, with the bias of ours."""
    lines = table[table["class"] == EVERY]
    rows, truth = [], []
    for _, part in _units(lines):
        of = part.set_index("measure")
        head = part.iloc[0]
        dense = of.loc["density"]
        heads = {"": name_of(head)} | ({} if head["frame"] else {"frames": str(head["frames"])})
        density = f"density, {unit(dense['unit'])}"
        numbers = {"cells": _whole(of.loc["count", "value"])}
        numbers |= {} if head["frame"] else {"cells per frame": _text(of.loc["per_field"], 1)}
        rows.append(heads | numbers | {density: _text(dense, _digits(dense["value"]), interval=True)})
        true = dict.fromkeys(heads, "") | {"": "truth (bias)"}
        true |= {"cells": _against(of.loc["count"], 0)}
        true |= {} if head["frame"] else {"cells per frame": _against(of.loc["per_field"], 1)}
        truth.append(true | {density: _against(dense, _digits(dense["value"]))})
    return pd.DataFrame(rows), _known(truth, lines)


def shares(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Share of each class in per cent with its interval; and of the truth, with the bias in points."""
    lines = table[table["measure"] == "share"]
    rows, truth = [], []
    for _, part in _units(lines):
        head = part.iloc[0]
        rows.append({"": name_of(head), "n": _whole(head["n"])})
        truth.append({"": "truth (bias in points)", "n": _whole(head["truth_n"])})
        for line in part.to_dict("records"):
            rows[-1][line["class"]] = _text(line, 1, interval=True, scale=100)
            truth[-1][line["class"]] = _against(line, 1, scale=100, relative=False)
    return pd.DataFrame(rows), _known(truth, lines)


def shapes(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Mean and sd of area and shape of whole cells; the intervals of the means; and the truth, with the bias."""
    lines = table[(table["class"] == EVERY) & table["measure"].isin(SHAPES)]
    rows, bounds, truth = [], [], []
    for _, part in _units(lines):
        rows.append({"": name_of(part.iloc[0]), "n": _whole(part["n"].iloc[0])})
        bounds.append({"": "interval of the mean", "n": ""})
        truth.append({"": "truth (bias)", "n": _whole(part["truth_n"].iloc[0])})
        for line in part.to_dict("records"):
            head = ", ".join(filter(None, [SHAPE_NAMES[line["measure"]], unit(line["unit"])]))
            digits = 3 if not line["unit"] else _digits(line["value"])
            rows[-1][head] = _text(line, digits)
            bounds[-1][head] = _bounds(line, digits)
            truth[-1][head] = _against(line, digits, relative=bool(line["unit"]))
    return pd.DataFrame(rows), pd.DataFrame(bounds), _known(truth, lines)


def _units(lines: pd.DataFrame) -> Iterable[tuple[Any, pd.DataFrame]]:
    """The lines of each patient or frame, in their order."""
    return lines.groupby(["group", "frame"], sort=False)


def _known(truth: list[dict[str, str]], lines: pd.DataFrame) -> pd.DataFrame:
    """The rows of the truth; none where it is not known."""
    return pd.DataFrame(truth if lines["truth_n"].notna().any() else [])


def _digits(value: float) -> int:
    """Decimals that show three or four figures."""
    return 0 if not abs(value) < 100 else 1 if abs(value) >= 10 else 2


def _whole(value: float) -> str:
    return NOTHING if pd.isna(value) else f"{value:,.0f}".replace(",", "\u2009")


def _text(line: Mapping[str, Any], digits: int, *, interval: bool = False, scale: float = 1) -> str:
    """``12.1 ± 2.0 [11.2, 13.0]``: value, spread of cells where there is one, interval; shares in per cent."""
    if pd.isna(line["value"]):
        return NOTHING
    text = f"{line['value'] * scale:.{digits}f}"
    text += "" if pd.isna(line["sd"]) else f" ± {line['sd'] * scale:.{digits}f}"
    text += " %" if scale == 100 else ""
    return f"{text} {_bounds(line, digits, scale=scale)}" if interval and pd.notna(line["low"]) else text


def _bounds(line: Mapping[str, Any], digits: int, *, scale: float = 1) -> str:
    """``[11.2, 13.0]``."""
    if pd.isna(line["low"]):
        return NOTHING
    return f"[{line['low'] * scale:.{digits}f}, {line['high'] * scale:.{digits}f}]"


def _against(line: Mapping[str, Any], digits: int, *, scale: float = 1, relative: bool = True) -> str:
    """``12.0 (+1 %)``: the true value and how far ours is off."""
    if pd.isna(line["truth"]):
        return NOTHING
    text = f"{line['truth'] * scale:.{digits}f}" + (" %" if scale == 100 else "")
    if pd.isna(line["bias"]):
        return text
    if relative:
        return f"{text} ({signed(100 * line['bias'] / line['truth'], 0)} %)" if line["truth"] else text
    return f"{text} ({signed(line['bias'] * scale, digits)})"


def badges(found: Counted, facts: Mapping[str, Any], settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(text, kind) for the first screen."""
    origin = {True: ("simulated data", "simulated"), False: ("real data", "real")}
    info = facts["info"]
    groups = found.frames["group"].replace("", np.nan).nunique()
    model = settings["models"][settings["clinic"]["model"]]
    return [
        origin.get(info.get("simulated"), ("origin of the data not told", "simulated")),
        (f"dataset {info.get('dataset') or settings['dataset']}", ""),
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
        text += f"; the truth is {_whole(count['truth'])}"
        if count["truth"]:
            text += f" ({signed(100 * count['bias'] / count['truth'], 1)} %)"
    if pd.notna(area["value"]):
        text += f". Mean area {area['value']:.{_digits(area['value'])}f} {unit(area['unit'])}"
        if pd.notna(area["truth"]):
            text += f", truth {area['truth']:.{_digits(area['value'])}f}"
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
    if by != "group" and found.frames["group"].replace("", np.nan).nunique() > 1:
        said.append(
            "Frames of one patient stand on both sides of a split, so that the model has seen the patient: on a new "
            "patient it will be worse. `split: {by: group}` measures that."
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
    area = f"{found.min_area:.{_digits(found.min_area)}f} {unit(found.length + '2')}"
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
