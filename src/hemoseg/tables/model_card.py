"""The card of a model: what it is, what it learned from, how good it is and what is not known of it, as Markdown.

Sections after Mitchell et al., "Model Cards for Model Reporting", FAT* 2019, https://doi.org/10.1145/3287560.3287596
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

UNKNOWN = "not known"
# What a reader would want to know, by section of evidence.json, where the section is not there.
ABSENT = {
    "scale": "at which size of pixels it works: images are taken as they are",
    "data": "which images it learned from",
    "evaluations": "how good it is on images that it did not learn from",
    "errors": "how often it misses cells, makes some up or mistakes one class for another",
    "frames": "whether a field of view looks like those that it learned from",
    "agreement": "how far it should agree with labels that are made by a threshold",
}


def model_card(description: Mapping[str, Any], evidence: Mapping[str, Any]) -> str:
    """The card, Markdown that ends with a line feed.

    Args:
        description: what ``model.json`` says.
        evidence: sections of ``evidence.json``; what is absent is named as not known.
    """
    parts = [
        _head(description, evidence),
        "## Use\n\n" + _use(description, evidence),
        "## Training data\n\n" + _data(evidence.get("data")),
        "## Training\n\n" + _training(description, evidence.get("training", {})),
        "## Validation\n\n" + _validation(evidence),
        "## Limits\n\n" + _limits(evidence),
    ]
    return "\n\n".join(parts) + "\n"


def plain(text: Any) -> str:
    """A text that others chose, on one line and harmless in Markdown, tables and HTML."""
    line = " ".join(str(text).split())
    for sign, instead in {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "`": "'", "[": "\\[", "]": "\\]"}.items():
        line = line.replace(sign, instead)
    return line


def _head(description: Mapping[str, Any], evidence: Mapping[str, Any]) -> str:
    name = plain(description.get("model", description["network"]))
    classes = ", ".join(plain(one) for one in description["classes"][1:])
    dataset = plain(evidence.get("data", {}).get("name", UNKNOWN))
    return (
        f"# {name}\n\n"
        f"Finds cells in microscope images and tells their classes ({classes}). Made by hemoseg with the model "
        f"`{plain(description['network'])}`; learned from: {dataset}.\n\n"
        "**Research use only: no diagnosis may rest on it.**"
    )


def _use(description: Mapping[str, Any], evidence: Mapping[str, Any]) -> str:
    channels = description["in_channels"]
    normalisation = description.get("normalisation") or {}
    white = normalisation.get("white", evidence.get("data", {}).get("white"))
    lines = [
        "`hemoseg segment MODEL IMAGE... --out FOLDER`, where MODEL is this folder, a package or an ONNX file of it "
        "(`hemoseg export`).",
        f"Images have {channels} channel{'s' if channels > 1 else ''}; white is {plain(white or UNKNOWN)} in their "
        "numbers.",
    ]
    if scale := evidence.get("scale"):
        size = scale.get("pixel_size_um")
        of_frame = f"{size:g} micrometres" if size else UNKNOWN
        lines.append(
            f"A pixel of the frames it was trained on: {of_frame}; they were resized by {scale['factor']:.4g} before "
            "the network saw them, and so must others be."
        )
    if predict := evidence.get("predict"):
        cells = "split by a watershed" if predict.get("cells") == "watershed" else "connected parts of the foreground"
        lines.append(f"Cells are {cells}, unless the network makes its own.")
    return "\n".join(lines)


def _data(data: Mapping[str, Any] | None) -> str:
    if not data:
        return f"{UNKNOWN.capitalize()}."
    counted = {"frames": data.get("frames"), "groups (patients or slides)": data.get("groups")}
    facts = [f"{number} {what}" for what, number in counted.items() if number]
    origin = "simulated" if data.get("simulated") else "real"
    lines = [
        f"* {plain(data['name'])}, {origin} images: {', '.join(facts) or 'their number is ' + UNKNOWN}",
        f"* licence: {plain(data.get('licence') or UNKNOWN)}",
        f"* citation: {plain(data.get('citation') or UNKNOWN)}",
    ]
    if data.get("cells"):
        lines.append("* cells: " + ", ".join(f"{number} {plain(name)}" for name, number in data["cells"].items()))
    return "\n".join(lines)


def _training(description: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    told = description["settings"].get("train", {})
    labels = "labels that a threshold made, not a human" if description.get("labels") == "auto" else "the true labels"
    lines = [f"* samples that it learned from: {description.get('training_samples', UNKNOWN)}, {labels}"]
    if "split" in description:
        lines.append(f"* split {plain(description['split'])}, seed {description.get('seed', UNKNOWN)}")
    for key in ("steps", "batch_size", "learning_rate", "loss", "augment"):
        if key in told:
            lines.append(f"* {key}: {plain(told[key])}")
    if "seconds" in training:
        lines.append(f"* {training['seconds']:.0f} s on {plain(training.get('device', UNKNOWN))}")
    lines.append(f"* weights, SHA-256: `{description['weights_sha256']}`")
    return "\n".join(lines)


def _validation(evidence: Mapping[str, Any]) -> str:
    parts = []
    if found := evidence.get("evaluations"):
        parts.append(
            f"On {found['images']} images of the splits {', '.join(map(plain, found['splits']))}, each predicted by a "
            "model of this kind that did not learn from it (the one in this folder is one of them). Intervals: 95 %, "
            "over images or groups."
        )
        parts.append(
            _table(["score", "class", "value", "95 % interval", "unit"], [_score(row) for row in found["rows"]])
        )
    if errors := evidence.get("errors", {}).get("frames"):
        parts.append("Cells of the same images, summed:")
        parts.append(_errors(evidence["errors"]["classes"], errors))
    return "\n\n".join(parts) or f"{UNKNOWN.capitalize()}: nothing was measured on images that it did not learn from."


def _score(row: Mapping[str, Any]) -> list[str]:
    interval = UNKNOWN if None in (row["low"], row["high"]) else f"{row['low']:.4g} to {row['high']:.4g}"
    value = UNKNOWN if row["value"] is None else f"{row['value']:.4g}"
    return [plain(row["header"]), plain(row["class"]), value, interval, plain(row["unit"] or "")]


def _errors(classes: Sequence[str], frames: Sequence[Mapping[str, Any]]) -> str:
    """Per true class: cells, found, by which class, missed; per predicted one what stands for no true cell."""
    total = {key: np.sum([frame[key] for frame in frames], axis=0) for key in ("truth", "found", "pieces", "made_up")}
    head = ["class", "true", "missed", *(f"found as {plain(name)}" for name in classes), "pieces", "made up"]
    rows = []
    for number, name in enumerate(classes):
        found = total["found"][number]
        counts = [total["truth"][number], total["truth"][number] - found.sum(), *found]
        rows.append([plain(name), *map(str, counts), str(total["pieces"][number]), str(total["made_up"][number])])
    return _table(head, rows)


def _limits(evidence: Mapping[str, Any]) -> str:
    lines = [
        "* What it says of images from another camera, stain or preparation is not known until it is measured there."
    ]
    lines += [f"* {UNKNOWN.capitalize()}: {what}." for section, what in ABSENT.items() if not evidence.get(section)]
    if evidence.get("data", {}).get("simulated"):
        lines.append("* It has seen simulated images alone: on real ones it may find nothing right.")
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
