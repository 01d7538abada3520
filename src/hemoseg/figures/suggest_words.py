"""What the page of images to label next says in words."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

HEADS = {
    "rank": "rank",
    "image": "image",
    "group": "group",
    "gain": "gain",
    "uncertainty": "uncertainty",
    "novelty": "novelty",
    "coverage": "coverage",
    "entropy": "mean entropy",
    "cells_share": "share of the area in cells",
}


def badges(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Short facts for the first screen."""
    known = facts["labelled"]
    return [
        (f"{facts['images']} images without labels", ""),
        (f"{known} labelled ones known" if known else "no labelled ones known", ""),
        (f"model {facts['model']['name']}", ""),
        (f"order by {facts['by']}", ""),
    ]


def answer(table: pd.DataFrame, facts: Mapping[str, Any]) -> str:
    """The list in one sentence."""
    first = table.head(facts["count"])
    groups = first.loc[first["group"] != "", "group"].nunique()
    of_groups = f" from {groups} groups" if groups > 1 else ""
    names = ", ".join(first["image"].head(3))
    more = f" and {len(first) - 3} more" if len(first) > 3 else ""
    return f"Label next: {names}{more}{of_groups}."


def rules(facts: Mapping[str, Any]) -> list[str]:
    """How the order came about."""
    told = [
        "Uncertainty is the rank of an image's mean entropy among all images, 1 the highest; the entropy is that of "
        "the model's probabilities, averaged over the image and its three mirror images.",
        "Novelty is the distance to the nearest image that is labelled or stands before it in the list, by the largest "
        "such distance at the beginning. Images are compared by colour, sharpness and the share of each class in them.",
        "Coverage is 1 / (1 + images of its group that are labelled or stand before it); 1 where groups are not known.",
        "Gain is the product of the three. The list is made one after the other, since each image that is labelled "
        "makes those like it worth less.",
    ]
    if facts["by"] != "gain":
        told.append(f"This list was asked for by {facts['by']} instead of the gain.")
    if not facts["labelled"]:
        told.append("No labelled images were given (--labelled): an image like those in training may stand first.")
    return told


def warning() -> str:
    """What the list cannot know."""
    return (
        "An order is no promise: the model ranks what it is unsure of, and what it gets wrong with confidence it "
        "cannot find. Label a few images at random besides, and test on those alone: images that were picked for being "
        "difficult make every model look worse than it is."
    )


def listed(table: pd.DataFrame) -> pd.DataFrame:
    """The list as the page prints it."""
    shown = table[[name for name in HEADS if name in table]].copy()
    if "group" in shown and not shown["group"].astype(bool).any():
        shown = shown.drop(columns="group")
    for name in shown.columns.intersection(["gain", "uncertainty", "novelty", "coverage", "entropy", "cells_share"]):
        shown[name] = shown[name].map("{:.3f}".format)
    return shown.rename(columns=HEADS)


def caption(number: int, facts: Mapping[str, Any]) -> str:
    """Under the pictures."""
    return (
        f"The first {number} of {facts['images']} images, in the order of the list: the image, and the entropy of its "
        "pixels on one scale for all. Bright borders are usual; bright insides are what the model cannot name."
    )


def weighed_caption(facts: Mapping[str, Any]) -> str:
    """Under the plot of what was weighed."""
    return (
        f"Each of the {facts['images']} images once: mean entropy, and its novelty when its turn came. Squares are the "
        f"first {facts['count']} with their ranks. Novelty falls along the list by definition."
    )
