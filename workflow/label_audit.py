"""The section `label_audit` of an experiment: a list and a page of the labels that are most likely wrong."""

from typing import Any

from refusals import require_free_page, require_model

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
    require_model(f"{place}.model", key, experiment["models"])
    require_free_page(place, f"{name}_label_audit", others)
    return DEFAULTS | experiment["label_audit"]
