"""What the schema cannot know of the settings: that the files which they name exist, and the columns of tables.

All of it is checked before a rule asks for it: Snakemake drops a rule whose input function fails, and with it the
mistake, wherever the rule's output exists already.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from refusals import PlanError, did_you_mean

from hemoseg.errors import InputError
from hemoseg.tables import conventions

REPOSITORY = Path(__file__).parents[1]
PACKAGE = "src/hemoseg"


def check_names(config: dict[str, Any]) -> None:
    """Hold every name in the settings against what it names.

    Args:
        config: the settings of one scale as they are written, valid by the schema.

    Raises:
        PlanError: there is no such file, experiment or column.
    """
    for name in config.get("flagship") or []:
        if name not in config["experiments"]:
            hint = did_you_mean(name, config["experiments"], "experiments")
            raise PlanError(f"params.flagship: there is no experiment {name!r}; {hint}")
    for name, dataset in (config.get("datasets") or {}).items():
        _require_file(f"params.datasets.{name}.simulate.kind", f"{PACKAGE}/simulation", dataset["simulate"]["kind"])
    for place, sections in _written(config):
        if loss := sections.get("train", {}).get("loss"):
            _require_file(f"{place}.train.loss", f"{PACKAGE}/losses", loss)
        if notebook := sections.get("report", {}).get("notebook"):
            _require_file(f"{place}.report.notebook", "reports/notebooks", notebook, ".ipynb")
        if network := sections.get("network"):
            _require_file(f"{place}.network", f"{PACKAGE}/models", network)
        _check_table(f"{place}.tabulate", sections.get("tabulate", {}))


def check_shape(config: dict[str, Any]) -> None:
    """See that experiments can be joined at all, which comes before the schema.

    Raises:
        PlanError: a key is no text, or an experiment no mapping.
    """
    _require_text_keys("params", config)
    experiments = config.get("experiments")
    if not isinstance(experiments, dict):
        raise PlanError(f"params.experiments: {experiments!r} is no mapping; write each one as `name: settings`")
    for name, experiment in experiments.items():
        place = f"params.experiments.{name}"
        if not isinstance(experiment, dict | None):
            raise PlanError(f"{place}: {experiment!r} is no mapping; write its settings as `key: value` below it")
        if not isinstance(like := (experiment or {}).get("like"), str | None):
            raise PlanError(f"{place}.like: {like!r} is no name; write one of {', '.join(experiments)}")


def _require_text_keys(place: str, value: Any) -> None:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, content in inner:
        if isinstance(value, dict) and not isinstance(key, str):
            raise PlanError(f"{place}: the key {key!r} is no text; write it in quotes, or choose another name")
        _require_text_keys(f"{place}.{key}", content)


def _written(config: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every place where sections may stand: the shared ones, the experiments, their models."""
    yield "params", config
    for name, experiment in config["experiments"].items():
        yield f"params.experiments.{name}", experiment
        for key, model in (experiment.get("models") or {}).items():
            if model is not None:
                yield f"params.experiments.{name}.models.{key}", {"network": key} | model


def _require_file(place: str, folder: str, name: str, suffix: str = ".py") -> None:
    if not (REPOSITORY / folder / f"{name}{suffix}").is_file():
        known = sorted(path.stem for path in (REPOSITORY / folder).glob(f"[!_]*{suffix}"))
        raise PlanError(f"{place}: there is no {folder}/{name}{suffix}; {did_you_mean(name, known, 'names')}")


def _check_table(place: str, settings: dict[str, Any]) -> None:
    for name in settings.get("columns") or {}:
        if name not in columns():
            hint = did_you_mean(name, columns(), "columns")
            raise PlanError(f"{place}.columns: there is no column {name!r}; {hint}")
    try:
        conventions.read(settings)
    except InputError as error:
        raise PlanError(f"{place}: {str(error).removeprefix('--settings: ')}") from None


@cache
def columns() -> tuple[str, ...]:
    """Ids of all columns, read from the source: importing it would bring pandas, half a second."""
    found = []
    for path in sorted((REPOSITORY / PACKAGE / "tables").glob("*_columns.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Column", "_cells"):
                found += [word.value for word in node.args[:1] if isinstance(word, ast.Constant)]
    return tuple(found)
