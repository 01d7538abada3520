"""Captions and longer sentences under the pictures: what is drawn, of how many, in which units."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hemoseg.data.samples import IGNORE, Samples
from hemoseg.figures.panels import Shown
from hemoseg.figures.words import cells_in, count_of

DISTRIBUTIONS = {
    "dice": "Dice of every test image ({images}; mean of the seeds). Box: quartiles and median, whiskers 1.5 "
    "times the box. A dot is an image, its colour and shape the group (patient or slide); thin lines join an image "
    "with itself. Closer: the trained networks on their own scale. "
    "Of several splits that test an image the last counts.",
    "hausdorff": "Hausdorff distance of every test image ({images}; mean of the seeds), in pixels of the "
    "sample; drawn as above. One far pixel makes it large, so a single speck of dirt is seen here and not in Dice.",
}
WORST = (
    "The four test images with the lowest Dice of each model, worst first; its number is above each. White line: "
    "outline of the prediction. Orange, hatched: predicted and not in the truth. Blue, dotted: in the truth and not "
    "predicted. Purple, crossed: a cell of another class."
)
CASES = (
    "Three cases, chosen by rules (figures/cases.py) among all test images, the first seed's networks side by side. "
    "Touching pair: of the true cells that share a border (else: that come nearest), one that the networks part "
    "differently, with the longest border. Artefact: the largest predicted cell that the table counts as none and the "
    "frame does not cut; where there is none, the largest thing as dark as a cell that is none. Cell at the margin: of "
    "the cells that the frame cuts, the one whose covered share differs most. Orange: what the row is about; white: "
    "other true cells; blue: predicted cells. Covered: share of a true cell's pixels in predicted cells. Sizes in "
    "pixels of the sample. One case each (n = 1) shows how errors look, not how many there are: the table counts them."
)

DENSE = "The framed region of the figure above, where most pixels lie between two cells, with the score of each box."
NO_CASE = "No case to look at: it takes a network, and true cells that are told apart."
NO_PIXEL = "No pixel was chosen: none was asked for, or no test image has a whole cell."


def curves(history: pd.DataFrame, loss: str) -> str:
    """Under the learning curves; ``loss`` is the name of the loss in the settings, or several joined by commas."""
    runs = history[["model", "split", "seed"]].drop_duplicates()
    shown = count_of(len(runs), "training")
    validated = "" if history["val_dice"].notna().any() else " There were no validation samples."
    return (
        f"Loss (left: {loss.replace('_', ' ')}; solid: mean of the training batches since the last point, dashed: "
        f"validation) and Dice on the validation samples (right; mean over the classes but background) against "
        f"optimiser steps, of {shown}. Thin: single trainings; thick: the mean over splits and seeds.{validated}"
    )


def roc(curves: pd.DataFrame, images: int, *, same_test: bool = False) -> str:
    """Under the ROC curves; with ``same_test`` every fold tests all ``images``."""
    folds = int(curves["n"].max())
    tested = f"the same {count_of(images, 'image')} in each of" if same_test else f"{count_of(images, 'image')} in"
    return (
        "ROC curve of each class against all others, over the pooled pixels of each test fold "
        f"({tested} {count_of(folds, 'fold')}). Line: mean over the folds at each false positive "
        "rate; band: one standard deviation over the folds to either side, none with one fold. Inset: the same with a "
        "logarithmic false positive rate; most pixels are background, so a mask is decided at its left end. Legend: "
        "area under the curve, mean ± standard deviation over the folds."
    )


def confusion(lines: pd.DataFrame, unit: str, *, same_test: bool = False) -> str:
    """Under the confusion matrices of pixels or cells; with ``same_test`` every fold tests the same images."""
    folds = count_of(int(lines["folds"].max()), "fold") + (" that test the same images" if same_test else "")
    said = (
        f"Confusion of {unit}s. Above: counts, summed over {folds} (with several seeds their mean). Below, and as "
        "colour: share of the true class, mean over the folds."
    )
    if unit == "pixel":
        return f"{said} Ignored pixels are left out."
    return (
        f"{said} A cell counts under the commonest predicted class of its pixels, also where it carries two. (missed): "
        "true cells that were not found. (no cell): predicted cells that are none, under their own class."
    )


def panel(one: Shown, samples: Samples) -> str:
    """Under a panel."""
    types = ", in the colours and lines of the classes" if len(samples.class_names) > 2 else ""
    boxes = ", and boxes around cells that count as an error" if any(len(m) for m in one.marks.values()) else ""
    return (
        f"Sample {one.name}, shown because: {one.note}. Above: raw frame, truth, and the class maps of the models with "
        f"the Dice of this image{boxes}; dashed frame: the part zoomed below, chosen where models err or differ most. "
        f"Below: outline of the truth, then of each prediction{types}, with what is wrong.{_display_note(samples)}"
    )


def sheet(samples: Samples, number: int) -> str:
    """Under the contact sheet."""
    groups = set(samples.groups) - {""}
    turn = ", every group in turn" if len(groups) > 1 else ""
    outline = "cells" if samples.has_instances else "classes"
    return (
        f"{number} of {count_of(len(samples), 'sample')}{turn}, with the outlines of the {outline} of the truth in the "
        f"colours of the classes.{_display_note(samples)}"
    )


def _display_note(samples: Samples) -> str:
    channels = {len(image) for image in samples.images}
    if max(channels) > 3:
        return f" The first three of {max(channels)} channels are shown."
    if max(channels) < 3:
        return " The first channel is shown in grey; where it uses a small part of its range, that part is stretched."
    return ""


def truth(samples: Samples, auto_labelled: bool) -> str:
    """Where data and truth come from."""
    info = samples.info
    if auto_labelled:
        return (
            "This dataset has no labels by people: every score on this page compares a prediction with auto-labels, "
            "and says how well they agree, not how right either is."
        )
    made = "Simulated frames; the truth is exact by construction." if info.get("simulated") else ""
    parts = [made, info.get("truth"), info.get("citation"), info.get("licence") and f"Licence: {info['licence']}."]
    ignored = sum(int((classes == IGNORE).sum()) for classes in samples.classes)
    parts.append(f"{count_of(ignored, 'pixel')} are ignored." if ignored else "")
    return " ".join(str(part) for part in parts if part)


def sample(samples: Samples, position: int) -> str:
    """Group and number of cells of one sample."""
    cells = f"{cells_in(samples.take([position]))} cells" if samples.has_instances else ""
    return "".join(f" · {part}" for part in (samples.groups[position], cells) if part)


def autolabels(
    quality: pd.DataFrame | None, table: pd.DataFrame, settings: Mapping[str, Any], label_makers: Sequence[str] = ()
) -> str:
    """How good the auto-labels are, from their own stage or from their row of the table.

    ``label_makers`` are rows that made the labels which all are compared with: that they agree with themselves says
    nothing.
    """
    if quality is not None and len(quality):
        bias = (quality["cells"] - quality["true_cells"]).mean()
        counted = "" if np.isnan(bias) else f"; found minus true cells per image {bias:+.2f}"
        return (
            f"Auto-labels against the truth, over {count_of(len(quality), 'image')}: Dice {quality['dice'].mean():.3f} "
            f"(lowest {quality['dice'].min():.3f}){counted}."
        )
    rows = [key for key, model in settings["models"].items() if model["network"] == "autolabel"]
    lines = table[table["row"].isin(set(rows) - set(label_makers)) & table["mean"].notna()]
    if lines.empty:
        return "No auto-labels were made in this experiment." if quality is None else ""
    # The last class of a column stands for it: the tables put the average last.
    lines = lines.drop_duplicates(["label", "column"], keep="last")
    many = lines["label"].nunique() > 1
    told = []
    for label, of_row in lines.groupby("label", sort=False):
        numbers = ", ".join(_score(line) for line in of_row.to_dict("records"))
        told.append(f"{label}: {numbers}" if many else numbers)
    return (
        "Auto-labels (classical image processing, no training) against the truth of the test images: "
        f"{'; '.join(told)}."
    )


def _score(line: Mapping[str, Any]) -> str:
    of = "" if line["class"] == "all" else f" ({line['class']})"
    return f"{line['header']}{of} {line['mean']:.3g}"
