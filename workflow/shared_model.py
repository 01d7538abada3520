"""The section `share` of an experiment: a folder of one trained model for others, with what is known of it."""

from typing import Any

from refusals import PlanError, did_you_mean, require_model

from hemoseg.data.protocol import last_splits

DEFAULTS = {"licence": None, "authors": [], "url": None}


def complete_share(name: str, experiment: dict[str, Any]) -> dict[str, Any] | None:
    """The section with its defaults; None where the experiment has none.

    The run is the model's first (`first_run`), where no split or seed is named.

    Args:
        name: of the experiment.
        experiment: with its models and splits complete.

    Raises:
        PlanError: the row, the split or the seed is not there.
    """
    if experiment["share"] is None:
        return None
    place, told = f"params.experiments.{name}.share", experiment["share"]
    require_model(f"{place}.model", told["model"], experiment["models"])
    whole = DEFAULTS | first_run(experiment, told["model"]) | told
    if whole["split"] not in experiment["families"]:
        hint = did_you_mean(whole["split"], experiment["split_names"], "splits")
        raise PlanError(f"{place}.split: there is no split {whole['split']!r}; {hint}")
    if whole["seed"] not in (seeds := experiment["models"][told["model"]]["seeds"]):
        raise PlanError(f"{place}.seed: {told['model']} is not trained with seed {whole['seed']}; name one of {seeds}")
    return whole


def first_run(experiment: dict[str, Any], key: str) -> dict[str, Any]:
    """``split`` and ``seed`` of the run that stands for a row: the first split of the last family, its first seed."""
    return {"split": last_splits(experiment["families"])[0], "seed": experiment["models"][key]["seeds"][0]}
