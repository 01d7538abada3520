"""What a reader must know of the trainings before comparing them: rare classes, and where the weights began."""

from collections.abc import Mapping

import pandas as pd

SETTINGS = {"none": "none", "class_weights": "class weights", "sampling": "sampling"}


def badges(runs: pd.DataFrame, labels: Mapping[str, str], classes: int) -> list[tuple[str, str]]:
    """(text, kind) for the first screen: what was done about rare classes, and who began with published weights.

    Args:
        runs: model and what ``model.json`` and ``run.json`` say, a row per run.
        labels: label of each model.
        classes: number of classes, background included; with two, rare classes are named only where something is done.
    """
    kinds = _imbalance(runs)
    told = []
    if len(set(kinds.values())) > 1:
        each = ", ".join(f"{labels[model]} {SETTINGS[kind]}" for model, kind in kinds.items())
        told.append((f"class imbalance: {each}", ""))
    elif kinds and (classes > 2 or set(kinds.values()) != {"none"}):
        told.append((f"class imbalance: {SETTINGS[next(iter(kinds.values()))]}", ""))
    published = ", ".join(labels[model] for model in _published(runs))
    return [*told, (f"published weights at the start: {published}", "")] if published else told


def imbalance_sentences(runs: pd.DataFrame, labels: Mapping[str, str]) -> list[str]:
    """What each setting of `train.imbalance` did, with its numbers; nothing where no network was trained."""
    kinds = _imbalance(runs)
    told = []
    for kind in dict.fromkeys(kinds.values()):
        models = [model for model, own in kinds.items() if own == kind]
        names = "All networks" if len(models) == len(kinds) else ", ".join(labels[model] for model in models)
        told.append(f"{names}, class imbalance {SETTINGS[kind]}: {_done(kind, runs[runs['model'].isin(models)])}")
    return told


def start_sentence(runs: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """Where the weights of the networks came from; empty where no network was trained."""
    networks, published = list(_imbalance(runs)), _published(runs)
    if not networks:
        return ""
    others = [labels[model] for model in networks if model not in published]
    if not published:
        return "No published weights: every network of this page was trained here, from random weights."
    told = [
        f"{labels[model]} started from published weights ({facts['from']}, sha256 {facts['sha256'][:16]})"
        for model, facts in published.items()
    ]
    rest = f"; without published weights: {', '.join(others)}" if others else ""
    return f"{'; '.join(told)}{rest}."


def _done(kind: str, runs: pd.DataFrame) -> str:
    if kind == "none":
        return "every labelled pixel counts alike in the loss and every sample comes equally often."
    if kind == "class_weights":
        weights = pd.DataFrame(runs["class_weights"].to_list()).mean()
        each = ", ".join(f"{name} {value:.3g}" for name, value in weights.items())
        return (
            "a pixel counts in the loss with the median frequency of the classes over that of its own, from the "
            f"training pixels (Eigen and Fergus 2015); mean weights of the trainings: {each}."
        )
    samples = pd.DataFrame(runs["samples_by_rarest_class"].to_list()).fillna(0).mean()
    each = ", ".join(f"{name} {value:.3g}" for name, value in samples.items())
    return (
        "each sample belongs to the rarest of its classes; these classes are drawn equally often, and within one every "
        f"sample. Training samples by their rarest class, mean of the trainings: {each}."
    )


def _imbalance(runs: pd.DataFrame) -> dict[str, str]:
    """Setting by model, of the models that were trained by steps."""
    known = runs.dropna(subset=["imbalance"]) if "imbalance" in runs else runs.iloc[:0]
    return {} if known.empty else dict(known.drop_duplicates("model")[["model", "imbalance"]].to_numpy().tolist())


def _published(runs: pd.DataFrame) -> dict[str, Mapping[str, str]]:
    """What published weights a model began with, by model."""
    if "pretrained" not in runs:
        return {}
    first = runs.drop_duplicates("model")
    return {row.model: row.pretrained for row in first.itertuples() if isinstance(row.pretrained, Mapping)}
