"""Words of the page that compares folders of masks."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from hemoseg.figures import certainty_words, choices, differences
from hemoseg.figures.panels import Shown
from hemoseg.figures.words import count_of

KINDS = {"mask": "masks", "instances": "numbered cells", "classes": "class maps"}
BELOW = (
    "Below a number: its 95 % interval over draws of the images. Bold: the best of the folders; the next section says "
    "how sure that is."
)
LEADS = ("dice", "f1_50")  # who is better is told by both, where the table has them: pixels and cells
MOST_PAIRS = 4  # on the first screen; the others stand below


def badges(facts: Mapping[str, Any], common: Mapping[str, Any], convention: str) -> list[tuple[str, str]]:
    """Short facts of the first screen."""
    classes = len(common["class_names"]) - 1
    told = [count_of(facts["images"], "image")]
    told += [count_of(facts["groups"], "group")] if facts["groups"] else ["groups not told"]
    told += [count_of(facts["cells"], "true cell")] if common["with_cells"] else ["cells not told apart"]
    told += [f"{classes} classes" if classes > 1 else "1 class", f"convention {convention}"]
    told += [f"cells from {facts['min_area']:.4g} px", _tolerance(facts)]
    return [(text, "") for text in told]


def _tolerance(facts: Mapping[str, Any]) -> str:
    if facts["tolerance_um"] is not None:
        return f"boundaries within {facts['tolerance_um']:g} µm at {facts['pixel_size']:g} µm per pixel"
    size = f" at {facts['pixel_size']:g} µm per pixel" if facts["pixel_size"] else ""
    return f"boundaries within {facts['tolerance_px']:g} px{size}"


def answers(
    intervals: pd.DataFrame,
    lines: pd.DataFrame,
    columns: Mapping[str, Mapping[str, Any]],
    labels: Sequence[str],
    baseline: str,
) -> list[str]:
    """Who is better than whom by pixels and by cells, a sentence each; empty where one folder is alone.

    Args:
        intervals: of the table's numbers.
        lines: differences of every two folders.
        columns: facts of each column.
        labels: of the folders, in order.
        baseline: the folder that the others are compared with.
    """
    pairs = differences.of_pairs(lines, choices.pairs(list(labels), baseline)[:MOST_PAIRS])
    known = intervals[intervals["mean"].notna()].drop_duplicates("column", keep="last").set_index("column")["class"]
    leaders = [(key, known[key]) for key in LEADS if key in known]
    leaders = leaders or certainty_words.leading(intervals, columns)[:1]
    tested = len(lines.drop_duplicates(["row", "other"]))
    return [told for one in leaders for told in certainty_words.answers(pairs, one, columns, tested)]


def warning(facts: Mapping[str, Any]) -> str:
    """What the tests take for granted, where no groups are told; else empty."""
    if facts["groups"]:
        return ""
    return (
        "Nothing tells which images are of one patient or slide, so each counts as independent: where several are of "
        "one, the intervals are too narrow and the p too small. `--groups` names them."
    )


def numbers_caption(counts: pd.DataFrame, min_area: float, with_cells: bool) -> str:
    """Under the figure of numbers of cells per image."""
    cell = "a cell that is told apart" if with_cells else "an 8-connected part of its class"
    return (
        f"Cells per image, predicted minus true, against the mean of both, a dot per image (n = "
        f"{counts['sample'].nunique()}; the larger a dot, the more images lie there). Solid: bias, the mean "
        "difference. Dashed: limits of agreement, bias ± 1.96 standard deviations of the differences (Bland and Altman "
        "1986), between which 95 % of images would lie, were the differences normal. Bands: 95 % intervals of these "
        f"three lines, which take the images as independent. Counted is {cell} of at least {min_area:.4g} px."
    )


def panel_caption(one: Shown, facts: Mapping[str, Any]) -> str:
    """Under the panels of one image."""
    raw = "raw image" if facts["raw"] else "no raw image was given (`--images`)"
    return (
        f"{one.name}: {one.note}. From left: {raw}, the truth, every folder with its Dice (mean over the classes but "
        "background); boxes: errors of cells, by their columns. Below: the dashed square, where the folders err or "
        "differ most. White: outline of the prediction; orange, hatched: made up; blue, dotted: missed; purple, "
        "crossed: another class."
    )


def folders(told: Mapping[str, Any]) -> pd.DataFrame:
    """What each folder holds and where it lies."""
    kinds = told["common"]["kinds"]
    rows = [
        {
            "name": name,
            "holds": " and ".join(KINDS[kind] for kind in kinds[name]),
            "images": len(next(iter(one["files"].values()))),
            "folder": one["path"],
        }
        for name, one in told["folders"].items()
    ]
    return pd.DataFrame(rows)
