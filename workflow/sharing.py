"""Rows of one experiment that another one tabulates again: they run once, where they were written first."""

from typing import Any

from refusals import PlanError, did_you_mean

# Sections that decide what the runs of a row are, beside the row itself.
SAME = ("dataset", "labels", "autolabel", "prepare", "split", "evaluate")
LINKS = ("init_from", "weights_from")


def share_runs(experiments: dict[str, Any]) -> None:
    """Say of each row of complete experiments where its runs lie: ``home``, the name of an experiment.

    A row of an experiment with ``runs_of`` is at home in the experiment named there if that one has the same row, with
    the same rows behind its ``init_from`` and ``weights_from``; any other row is at home where it is written.

    Raises:
        PlanError: there is no such experiment, it shares runs itself, it prepares or divides otherwise, or no row of it
            is the same.
    """
    for name, experiment in experiments.items():
        source = experiment["runs_of"]
        shared = _shared(name, source, experiments) if source is not None else set()
        for key, row in experiment["models"].items():
            row["home"] = source if key in shared else name


def _shared(name: str, source: str, experiments: dict[str, Any]) -> set[str]:
    place = f"params.experiments.{name}.runs_of"
    if source not in experiments or source == name:
        hint = did_you_mean(source, [other for other in experiments if other != name], "other experiments")
        raise PlanError(f"{place}: there is no other experiment {source!r}; {hint}")
    own, theirs = experiments[name], experiments[source]
    if theirs["runs_of"] is not None:
        raise PlanError(f"{place}: {source} has no runs of its own; name {theirs['runs_of']}")
    if differing := [section for section in SAME if own[section] != theirs[section]]:
        raise PlanError(
            f"{place}: {differing[0]} differs from that of {source}, so its runs are others; "
            f"write `like: {source}`, or take runs_of out"
        )
    shared = {key for key in own["models"] if _same(key, own["models"], theirs["models"])}
    if not shared:
        raise PlanError(f"{place}: no row is the same as in {source}; write `like: {source}`, or take runs_of out")
    return shared


def _same(key: str | None, own: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether both experiments have this row with the same settings, and all rows that it starts from."""
    if key is None:
        return True
    if key not in theirs or _settings(own[key]) != _settings(theirs[key]):
        return False
    return all(_same(own[key][link], own, theirs) for link in LINKS)


def _settings(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("label", "home")}
