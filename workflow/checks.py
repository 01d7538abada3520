"""What the schema cannot know of the settings: that the files which they name exist, and the columns of tables.

All of it is checked before a rule asks for it: Snakemake drops a rule whose input function fails, and with it the
mistake, wherever the rule's output exists already.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from closure import code_of
from refusals import PlanError, did_you_mean

from hemoseg.errors import InputError
from hemoseg.tables import conventions

REPOSITORY = Path(__file__).parents[1]
PACKAGE = "src/hemoseg"
UNET = f"{PACKAGE}/nn/unet.py"  # what all networks import whose kernels `explain` can draw


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
    for name in config["experiments"]:
        if f"{name}_viewer" in config["experiments"]:
            raise PlanError(
                f"params.experiments.{name}_viewer: its page would be the viewer of {name}; rename one of the two"
            )
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
    _check_shared(config)


def check_experiment(place: str, experiment: dict[str, Any], written: dict[str, Any]) -> None:
    """Hold what an experiment says of its own rows, splits and classes against them.

    Args:
        place: of the experiment, for the sentence.
        experiment: with its sections and rows complete.
        written: as it is written, rows that were taken out by null among its models.

    Raises:
        PlanError: a name leads nowhere, or a row is asked for what its model cannot do.
    """
    _require_known(f"{place}.tabulate.baseline", [_baseline(written)], written.get("models") or {}, "row")
    _require_known(f"{place}.report.few", [experiment["report"].get("few")], experiment["models"], "row")
    if classes := _classes(written):  # else the dataset names them
        _require_known(f"{place}.report.colours", _colours(written), classes, "class")
    if (split := experiment["explain"]["split"]) not in ("first", *experiment["split_names"]):
        hint = did_you_mean(split, experiment["split_names"], "splits")
        raise PlanError(f"{place}.explain.split: there is no split {split!r} in this experiment; {hint}")
    for key, model in experiment["models"].items():
        _check_row(f"{place}.models.{key}", model, written["models"][key])
    _check_seams(f"{place}.seams", experiment)
    for key in experiment["explain"]["models"]:
        if UNET not in code_of(f"models.{experiment['models'][key]['network']}"):
            raise PlanError(f"{place}.explain.models: {key} is no U-Net; take it out, only their kernels are drawn")
    for key in experiment["explain"]["features"]:
        if "build" not in _functions(experiment["models"][key]["network"]):
            raise PlanError(f"{place}.explain.features: {key} is no network; take it out, it has no features")


def _check_seams(place: str, experiment: dict[str, Any]) -> None:
    """The row whose windows are looked at is there and has windows that overlap."""
    if experiment["seams"] is None:
        return
    models, key = experiment["models"], experiment["seams"]["model"]
    _require_known(f"{place}.model", [key], models, "row")
    predict = models[key]["predict"]
    if not predict["window"] or not predict["overlap"]:
        raise PlanError(
            f"{place}.model: {key} takes no overlapping windows; give its predict.window, or take seams out"
        )


def _check_shared(config: dict[str, Any]) -> None:
    """What the shared sections name may be absent from some experiments, not from all of them."""
    experiments = config["experiments"].values()
    rows = [key for experiment in experiments for key in experiment.get("models") or {}]
    _require_known("params.tabulate.baseline", [_baseline(config)], dict.fromkeys(rows), "row")
    if all(classes := [_classes(experiment) for experiment in experiments]):  # else a dataset names some
        known = dict.fromkeys(name for names in classes for name in names)
        _require_known("params.report.colours", _colours(config), known, "class")


def _baseline(sections: dict[str, Any]) -> str | None:
    return sections.get("tabulate", {}).get("baseline")


def _colours(sections: dict[str, Any]) -> list[str]:
    return list(sections.get("report", {}).get("colours", {}))


def _classes(sections: dict[str, Any]) -> list[str]:
    """Classes that an experiment makes, and those that it takes out again."""
    classes = sections.get("prepare", {}).get("classes", {})
    return ["background", *classes] if any(value is not None for value in classes.values()) else []


def _require_known(place: str, names: Iterable[str | None], known: Iterable[str], what: str) -> None:
    for name in names:
        if name is not None and name not in known:
            raise PlanError(f"{place}: there is no {what} {name!r}; {did_you_mean(name, known, 'known ones')}")


def _check_row(place: str, model: dict[str, Any], written: dict[str, Any]) -> None:
    """A row that asks for what the file of its model has no function for."""
    can = _functions(model["network"])
    if model["pretrained"] and "load_pretrained" not in can:
        raise PlanError(f"{place}.pretrained: {model['network']} takes no published weights; take it out")
    if "build" not in can and (kind := written.get("train", {}).get("imbalance", "none")) != "none":
        raise PlanError(f"{place}.train.imbalance: {model['network']} is not trained by steps; take {kind} out")
    known = can.get("build")
    for name in model["settings"] if known and not model["weights_from"] else ():
        if name not in known:
            raise PlanError(f"{place}.settings: unknown key {name!r}; {did_you_mean(name, known, 'keys here')}")


@cache
def _functions(network: str) -> dict[str, tuple[str, ...]]:
    """Functions of a model's file with the settings that each takes; none where it takes any, or where none is said."""
    tree = ast.parse((REPOSITORY / PACKAGE / "models" / f"{network}.py").read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {one.name: () if one.args.kwarg else tuple(arg.arg for arg in one.args.kwonlyargs) for one in functions}


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
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("Column", "share", "_cells", "_share", "_distance")
            ):
                found += [word.value for word in node.args[:1] if isinstance(word, ast.Constant)]
    return tuple(found)
