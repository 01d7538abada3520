"""The section `share` of an experiment: a folder of one trained model for others, with what is known of it."""

from typing import Any

from refusals import PlanError, did_you_mean

DEFAULTS = {"licence": None, "authors": [], "url": None}


def complete_share(name: str, experiment: dict[str, Any]) -> dict[str, Any] | None:
    """The section with its defaults; None where the experiment has none.

    The split is the first of the last family, the seed the model's first, where none is named.

    Args:
        name: of the experiment.
        experiment: with its models and splits complete.

    Raises:
        PlanError: the row, the split or the seed is not there.
    """
    if experiment["share"] is None:
        return None
    place, told = f"params.experiments.{name}.share", experiment["share"]
    if told["model"] not in experiment["models"]:
        hint = did_you_mean(told["model"], experiment["models"], "models")
        raise PlanError(f"{place}.model: there is no model {told['model']!r} in this experiment; {hint}")
    last = list(experiment["families"].values())[-1]
    seeds = experiment["models"][told["model"]]["seeds"]
    first = next(split for split, family in experiment["families"].items() if family == last)
    whole = DEFAULTS | {"split": first, "seed": seeds[0]} | told
    if whole["split"] not in experiment["families"]:
        hint = did_you_mean(whole["split"], experiment["split_names"], "splits")
        raise PlanError(f"{place}.split: there is no split {whole['split']!r}; {hint}")
    if whole["seed"] not in seeds:
        raise PlanError(f"{place}.seed: {told['model']} is not trained with seed {whole['seed']}; name one of {seeds}")
    return whole
