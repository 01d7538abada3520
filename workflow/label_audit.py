"""The section `label_audit` of an experiment: a list and a page of the labels that are most likely wrong."""

from typing import Any

from refusals import PlanError, did_you_mean

# First labels of each problem that the page shows, two lines of pictures; the rest as the step's own. Ours.
DEFAULTS = {"first": 8, "least": 0.5, "min_area_share": 0.1}


def complete_label_audit(name: str, experiment: dict[str, Any], others: Any) -> dict[str, Any] | None:
    """The section with its defaults; None where the experiment has none.

    Args:
        name: of the experiment.
        experiment: with its models complete.
        others: all experiments, by name.

    Raises:
        PlanError: the row is not there, or the page is that of another experiment.
    """
    if experiment["label_audit"] is None:
        return None
    place, key = f"params.experiments.{name}.label_audit", experiment["label_audit"]["model"]
    if key not in experiment["models"]:
        hint = did_you_mean(key, experiment["models"], "models")
        raise PlanError(f"{place}.model: there is no model {key!r} in this experiment; {hint}")
    if f"{name}_label_audit" in others:
        raise PlanError(f"{place}: its page would be that of the experiment {name}_label_audit; rename one of the two")
    return DEFAULTS | experiment["label_audit"]
