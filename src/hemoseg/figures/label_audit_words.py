"""What the page on doubtful labels says: sentences and tables made from the list and its facts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from hemoseg.data.samples import Samples
from hemoseg.figures.words import count_of, origin_badges
from hemoseg.metrics.label_errors import PROBLEMS

KNOWN = 0.8  # share of a class's cells that a model must recognise to be asked about the class; ours
TITLES = {
    "wrong_class": "Another class",
    "missed": "Cells that no label has",
    "not_there": "Labels where the model sees no cell",
    "outline": "Other outlines",
    "merged": "One label, two cells",
    "split": "Several labels, one cell",
}
MEANS = {
    "wrong_class": "1 − the mean probability of the label's class over the cell, given that it is a cell of any class "
    "(self-confidence, doi 10.1613/jair.1.12125)",
    "missed": "mean probability of a cell over a predicted cell that no label knows",
    "not_there": "mean probability of background over the labelled cell",
    "outline": "the share of label and prediction together on which both differ, pixels weighed by how sure the model "
    "is: the sure part of 1 − IoU",
    "merged": "two predicted cells lie in one label: how alike in size times how sure of either",
    "split": "two labels lie in one predicted cell, likewise; only of models that part cells that touch",
}
OPINION = (
    "A model's opinion, not a finding: whoever knows the cells looks and decides. The model did not train on the "
    "samples that it judges, but it learned from labels by the same hands: what they do wrong alike everywhere it has "
    "learned to do wrong, too."
)
EXACT = (
    "The labels of this set are simulated and exact. Every line below is an error of the model, not of a label: the "
    "page shows what a list looks like, and how many false alarms this model gives."
)
CAPTION = (
    "{n} of {all}, surest first. Of each the cell as the model saw it, and with the outlines: label orange, model "
    "blue; the cell that is meant is drawn thick. Above: rank on the whole list, label → suggestion, score; frame "
    "(row, column in the frame's pixels)."
)
SCORES = (
    "Score by rank, of all labels on the list (n = {n}). Where a curve falls steeply from high scores the first few "
    "are worth most; where it is flat and low the model is of little help."
)


def badges(samples: Samples, settings: Mapping[str, Any], facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(text, kind) for the first screen."""
    row = settings["models"][settings["label_audit"]["model"]]
    return [
        *origin_badges(samples.info, settings),
        (f"model {row['label']}", ""),
        (f"scale {settings['scale']}", ""),
        (f"{facts['frames']} of {count_of(len(set(samples.frames)), 'frame')}", ""),
        (count_of(facts["labels"], "labelled cell"), ""),
    ]


def verdict(facts: Mapping[str, Any], label: str) -> str:
    """How many labels are in doubt, and why."""
    doubted = [
        f"{facts['problems'][problem]} {TITLES[problem][0].lower()}{TITLES[problem][1:]}"
        for problem in PROBLEMS
        if facts["problems"][problem]
    ]
    what = ", ".join(doubted) if doubted else "none of them is doubtful"
    return (
        f"{label} was asked about {count_of(facts['labels'], 'labelled cell')} in "
        f"{count_of(facts['frames'], 'frame')} that it did not train on. In doubt: {what}."
    )


def reading(facts: Mapping[str, Any], simulated: bool) -> list[str]:
    """How far to trust the list."""
    said = [OPINION]
    if facts["same_class"]:
        same, judged = (sum(numbers) for numbers in zip(*facts["same_class"].values(), strict=True))
        share = same / judged
        worth = (
            "where it disagrees with a label it may well be right"
            if share >= 0.9 and not _hardly_known(facts["same_class"])
            else "it often disagrees with labels that are right, and its opinion on classes is worth the less"
        )
        expected = facts["expected_wrong_class"]
        said.append(
            f"Of {count_of(judged, 'labelled cell')} that it sees as cells, the model gives {100 * share:.0f} % the "
            f"class of the label: {worth}. Confident learning expects {count_of(expected, 'label')} of the wrong class "
            f"among {facts['judged_by_class']} that it can judge; that is right only as far as the model is."
        )
        said += _hardly_known(facts["same_class"])
    return [EXACT, *said[1:]] if simulated else said


def _hardly_known(same_class: Mapping[str, Sequence[int]]) -> list[str]:
    """A sentence on the classes that the model often takes for others."""
    weak = {name: numbers for name, numbers in same_class.items() if numbers[0] < KNOWN * numbers[1]}
    if not weak:
        return []
    told = ", ".join(f"{name} ({same} of {seen})" for name, (same, seen) in weak.items())
    return [
        f"It often takes these for another class: {told}. Their labels come high on the list, right or wrong; look at "
        "those of the other classes first."
    ]


def problems(facts: Mapping[str, Any]) -> list[str]:
    """A sentence per problem: how many labels, and what its score is."""
    return [
        f"`{problem}`, {TITLES[problem][0].lower()}{TITLES[problem][1:]} ({facts['problems'][problem]} on the list): "
        f"{MEANS[problem]}."
        for problem in PROBLEMS
    ]


def lines(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the list as the page shows them."""
    return pd.DataFrame(
        {
            "rank": table["rank"].astype(int),
            "frame": table["frame"],
            "row, column": [f"{row}, {column}" for row, column in zip(table["row"], table["column"], strict=True)],
            "problem": table["problem"].str.replace("_", " "),
            "label": [f"{name} ({p:.2f})" for name, p in zip(table["label"], table["p_label"], strict=True)],
            "suggested": [
                f"{name} ({p:.2f})" for name, p in zip(table["suggested"], table["p_suggested"], strict=True)
            ],
            "score": [f"{score:.2f}" for score in table["score"]],
        }
    )


def next_steps(path: Path, settings: Mapping[str, Any]) -> list[str]:
    """What to do with the list."""
    least, folder = settings["label_audit"]["least"], f"data/{settings['dataset']}"
    return [
        f"The list: `{path.as_posix()}`, every label with a score of at least {least:g}, surest first. Row and column "
        "are a pixel of the cell in the frame as it was published, from 0; the box's last row and column lie outside.",
        f"Open the frame's label files, `{folder}/instances/<frame>` and `{folder}/classes/<frame>`, in any label "
        "editor, look at the place, correct what is wrong, and write into the column `verdict` what you found (wrong, "
        "right, unsure).",
        "Correct without looking at a test score between: labels that were changed to please a model make that model "
        "look better than it is. For an unbiased rate of errors look at labels drawn at random, too.",
    ]
