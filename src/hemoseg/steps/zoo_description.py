"""The description of a package for the BioImage Model Zoo, model description 0.5, as its bioimageio.yaml holds it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hemoseg import __version__

FORMAT_VERSION = "0.5.12"  # of the specification: https://bioimage-io.github.io/spec-bioimage-io
LEAST_SIDE = 64  # pixels, ours: below, the network sees little else than its own padding
URL = re.compile(r"https?://[^\s,;<>\"']*[\w/]")
DOI = re.compile(r"\b10\.\d{4,9}/[^\s,;<>\"']*\w")
NAME = re.compile(r"[^A-Za-z0-9_+\- ()]+")  # what a name there may not hold
SCORE = 16  # characters of the name of a score there, at most
# A package is refused if more values than this of a million are farther from the test tensor than 0.001 + 0.1 %.
FAR_OF_A_MILLION = 100  # the specification's own


def sides(stride: int) -> dict[str, int]:
    """Which sides of an image the package names: any would do, but multiples tile without filling up."""
    return {"min": -(-LEAST_SIDE // stride) * stride, "step": stride}


def zoo_description(
    description: Mapping[str, Any],
    evidence: Mapping[str, Any],
    *,
    stride: int,
    weights: Mapping[str, Any],
    files: Mapping[str, str],
) -> dict[str, Any]:
    """What bioimageio.yaml says.

    Args:
        description: ``model.json``.
        evidence: sections of ``evidence.json``.
        stride: of the network.
        weights: what stands under ``weights``.
        files: name of every other file in the package to its SHA-256.
    """
    data, sharing = evidence.get("data", {}), evidence.get("sharing", {})
    name = description.get("model", description["network"])
    content = {
        "type": "model", "format_version": FORMAT_VERSION,
        "name": f"{NAME.sub(' ', f'hemoseg {name}')[:64]}".strip(),
        "description": _purpose(description, data),
        "authors": [{"name": NAME.sub(" ", one)} for one in sharing.get("authors", [])],
        "cite": _citations(data),
        "license": sharing.get("licence"),
        "tags": _tags(description),
        "documentation": _file("README.md", files), "covers": [_file("cover.png", files)],
        "attachments": [_file(one, files) for one in files if one.endswith((".json", ".safetensors"))],
        "inputs": [_input(description, stride, files)], "outputs": [_output(description, files)],
        "weights": weights,
        "config": {"bioimageio": _facts(description, evidence), "hemoseg": _own_facts(evidence)},
    }  # fmt: skip
    return {key: value for key, value in content.items() if value not in (None, [], {})}


def preprocessing(normalisation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The network's own normalisation in the words of the specification: cut at white, then one line per channel.

    ``fixed_zero_mean_unit_variance`` would say the same, but readers add a small number to its deviation.
    """
    white = normalisation["white"]
    gain = [1 / (white * sd) for sd in normalisation["sd"]]
    offset = [-mean / sd for mean, sd in zip(normalisation["mean"], normalisation["sd"], strict=True)]
    steps = [{"id": "clip", "kwargs": {"max": float(white)}}]
    if any(one != 1 for one in gain) or any(offset):
        steps.append({"id": "scale_linear", "kwargs": {"axis": "channel", "gain": gain, "offset": offset}})
    return steps


def address_of(data: Mapping[str, Any], sharing: Mapping[str, Any]) -> str | None:
    """Where the data set is found: as told, else the first address or DOI of its citation."""
    if sharing.get("url"):
        return sharing["url"]
    citation = data.get("citation") or ""
    if found := URL.search(citation):
        return found.group()
    found = DOI.search(citation)
    return f"https://doi.org/{found.group()}" if found else None


def _purpose(description: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    classes = ", ".join(description["classes"][1:])
    origin = f"; trained on {data['name']}" if data.get("name") else ""
    return " ".join(f"Segments blood cells and their classes ({classes}){origin}. Research use only.".split())[:512]


def _citations(data: Mapping[str, Any]) -> list[dict[str, str]]:
    text = " ".join((data.get("citation") or "").split())
    if found := DOI.search(text):
        return [{"text": text, "doi": found.group()}]
    found = URL.search(text)
    return [{"text": text, "url": found.group()}] if found else []


def _tags(description: Mapping[str, Any]) -> list[str]:
    network = ["unet"] if "unet" in description["network"] else []
    return [
        "hemoseg", "pytorch", "2d", "cells", "blood", "transmission-light-microscopy", "semantic-segmentation", *network
    ]  # fmt: skip


def _file(name: str, files: Mapping[str, str]) -> dict[str, str]:
    return {"source": name, "sha256": files[name]}


def _input(description: Mapping[str, Any], stride: int, files: Mapping[str, str]) -> dict[str, Any]:
    normalisation, channels = description["normalisation"], description["in_channels"]
    names = {1: ["grey"], 3: ["red", "green", "blue"]}.get(channels, [f"channel_{i + 1}" for i in range(channels)])
    return {
        "id": "image", "description": "an image in the numbers of its file",
        "axes": [
            {"type": "batch"}, {"type": "channel", "channel_names": names},
            *({"type": "space", "id": axis, "size": sides(stride)} for axis in "yx"),
        ],
        "data": {"type": "float32", "range": [0.0, float(normalisation["white"])]},
        "preprocessing": preprocessing(normalisation),
        "test_tensor": _file("test_input.npy", files),
    }  # fmt: skip


def _output(description: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    like = [{"type": "space", "id": axis, "size": {"tensor_id": "image", "axis_id": axis}} for axis in "yx"]
    return {
        "id": "probability", "description": "probability of each class",
        "axes": [{"type": "batch"}, {"type": "channel", "channel_names": list(description["classes"])}, *like],
        "data": {"type": "float32", "range": [0.0, 1.0]},
        "postprocessing": [{"id": "softmax", "kwargs": {"axis": "channel"}}],
        "test_tensor": _file("test_output.npy", files),
    }  # fmt: skip


def _own_facts(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Version, and the scores where the specification has no place for them: it wants an address of the data set."""
    scores = evaluations(evidence)
    return {"version": __version__} | ({"evaluations": scores} if scores and not _source(evidence) else {})


def _facts(description: Mapping[str, Any], evidence: Mapping[str, Any]) -> dict[str, Any]:
    train = description["settings"].get("train", {})
    training = {
        "training_batch_size": train.get("batch_size"), "initial_learning_rate": train.get("learning_rate"),
        "loss_function": train.get("loss"), "optimizer": "torch.optim.Adam" if train else None,
        "training_duration": evidence.get("training", {}).get("seconds", 0) / 3600 or None,
    }  # fmt: skip
    source = _source(evidence)
    tolerance = {"absolute_tolerance": 0.001, "relative_tolerance": 0.001}
    facts = {
        "reproducibility_tolerance": [tolerance | {"mismatched_elements_per_million": FAR_OF_A_MILLION}],
        "architecture_type": description["network"][:32], "modality": "bright-field microscopy",
        "target_structure": list(description["classes"][1:]), "task": "segmentation",
        "model_parameter_count": description.get("parameters"),
        "training": {key: value for key, value in training.items() if value is not None},
        "out_of_scope_use": "Diagnosis. Images from other cameras, stains or preparations, until it is measured there.",
        "evaluations": [{"dataset_source": source} | one for one in evaluations(evidence) if source],
    }  # fmt: skip
    return {key: value for key, value in facts.items() if value not in (None, [], {})}


def _source(evidence: Mapping[str, Any]) -> str | None:
    return address_of(evidence.get("data", {}), evidence.get("sharing", {}))


def evaluations(evidence: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The scores by class in the words of the specification, all but the address of the data set; none without any."""
    found, data = evidence.get("evaluations"), evidence.get("data", {})
    if not found:
        return []
    classes = list(dict.fromkeys(row["class"] for row in found["rows"]))
    scores = list(dict.fromkeys((row["column"], row["header"], row["definition"]) for row in found["rows"]))
    values = {(row["column"], row["class"]): row["value"] for row in found["rows"]}
    return [
        {
            "dataset_id": re.sub(r"[^a-z0-9]+", "-", data["name"].lower()).strip("-") or "data",
            "dataset_role": "test", "sample_count": found["images"],
            "evaluation_factors": _short(classes), "evaluation_factors_long": [f"class {one}" for one in classes],
            "metrics": _short([header for _, header, _ in scores]),
            "metrics_long": [definition or header for _, header, definition in scores],
            "results": [[_number(values.get((column, one), "-")) for one in classes] for column, _, _ in scores],
            "results_summary": "Out of fold: every image was predicted by a model that did not learn from it.",
        }
    ]  # fmt: skip


def _number(value: float | str | None) -> float | str:
    """A score; words where it has no value, or where it is none of single classes ("-")."""
    if isinstance(value, str):
        return value
    return "not known" if value is None else float(f"{value:.6g}")


def _short(names: Sequence[str]) -> list[str]:
    """Names of at most `SCORE` characters that differ."""
    short: list[str] = []
    for number, name in enumerate(names):
        cut = name[:SCORE]
        short.append(cut if cut not in short else f"{cut[: SCORE - 4]} {number}")
    return short
