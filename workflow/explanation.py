"""What the stage `explain` is told of an experiment; the same for Snakemake and DVC."""

from typing import Any

from hemoseg.tables import conventions


def explain_settings(experiment: dict[str, Any]) -> dict[str, Any]:
    """Settings of the step `explain`: its section, how artefacts are found, at which distance cells touch."""
    told = {"autolabel": experiment["autolabel"], "touching": conventions.read(experiment["tabulate"]).touching}
    return experiment["explain"] | told


def explained_rows(experiment: dict[str, Any]) -> list[str]:
    """Rows that are looked into, for their kernels or for their features, each once; none, no stage."""
    return list(dict.fromkeys([*experiment["explain"]["models"], *experiment["explain"]["features"]]))


def split_of(experiment: dict[str, Any]) -> str:
    """The split whose test samples are looked at."""
    asked = experiment["explain"]["split"]
    return experiment["split_names"][0] if asked == "first" else asked
