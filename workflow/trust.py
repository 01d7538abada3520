"""The section `trust` of an experiment: masks, counts and a page for frames without labels."""

from typing import Any

from refusals import PlanError, require_free_page, require_model

FIRST = 9  # frames to correct first that the page shows: ours, three lines of pictures


def complete_trust(name: str, experiment: dict[str, Any], others: Any) -> dict[str, Any] | None:
    """The section with its defaults; None where the experiment has none.

    Args:
        name: of the experiment.
        experiment: with its models complete.
        others: all experiments, by name.

    Raises:
        PlanError: the page is that of a row which did not learn from automatic labels, or which makes them, or that of
            another experiment.
    """
    if experiment["trust"] is None:
        return None
    place, key = f"params.experiments.{name}.trust", experiment["trust"]["model"]
    require_model(f"{place}.model", key, experiment["models"])
    if experiment["models"][key]["network"] == "autolabel":
        raise PlanError(f"{place}.model: {key} makes the automatic labels; name a row that learned from them")
    owner = experiment["models"][key]["weights_from"] or key
    if experiment["models"][owner]["labels"] != "auto":
        raise PlanError(f"{place}.model: {key} learned from true labels; set `labels: auto`, or take trust out")
    require_free_page(place, f"{name}_trust", others)
    return {"first": FIRST} | experiment["trust"]
