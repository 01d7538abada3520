"""From params.yaml to the settings of each job: scale, inheritance, validation. No torch, no Snakemake."""

import copy
from pathlib import Path
from typing import Any

import yaml
from checks import check_experiment, check_names, check_shape
from jsonschema import Draft202012Validator, ValidationError, validators
from label_audit import complete_label_audit
from pretrained import pretrained_weights
from refusals import PlanError, did_you_mean, require_free_page, require_model
from segmenting import complete_segment
from shared_model import complete_share
from sharing import share_runs
from trust import complete_trust

from hemoseg.data.protocol import comparison, families
from hemoseg.errors import InputError

SCHEMA = Path(__file__).parent / "schemas" / "params.schema.yaml"
SCALES = ("demo", "paper")
# Patterns of names in the schema, in words.
NAMES = {r"^\w+$": "letters, digits and _", r"^[\w-]+$": "letters, digits, _ and -"}
COLOUR = "^#[0-9a-fA-F]{6}$"
# What to write where something of another type stands.
REMEDIES = {"object": "write keys and values, {} for none", "array": "write a list, such as [a, b]"}
# How the schema says that classes may be `all`.
ALL = {"const": "all"}
# JSON takes 2.0 for a whole number; the steps, which count with it, do not.
Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
)
# Sections that every experiment has: the shared ones, with its own laid over them.
SECTIONS = ("prepare", "autolabel", "split", "train", "predict", "evaluate", "tabulate", "explain", "report")


def resolve(config: dict[str, Any]) -> dict[str, Any]:
    """Everything the rules need, with all values of the chosen scale in place.

    Args:
        config: params.yaml as either engine reads it, overlays merged in.

    Returns:
        ``scale``, ``flagship``, ``datasets`` (name to settings) and ``experiments`` (name to settings, where each
        section is complete and each model has all its keys; `sharing` says where its runs lie).

    Raises:
        PlanError: an unknown key or value, or a name that leads nowhere.
    """
    config = copy.deepcopy(dict(config))
    scale = config.get("scale")
    if scale not in SCALES:
        raise PlanError(f"params: scale is {scale!r}; write one of {', '.join(SCALES)}")
    config = at_scale(config, scale)
    check_shape(config)
    written = config["experiments"]
    for sections in (config, *filter(None, written.values())):
        if sections.get("autolabel") == "search":  # for short
            sections["autolabel"] = {"search": True}
    experiments = {name: _inherit(name, written) for name in written}
    config["experiments"] = experiments
    validate(config)
    check_names(config)
    for name, experiment in experiments.items():
        experiments[name] = _complete(name, experiment, config)
    share_runs(experiments)
    return config


def at_scale(value: Any, scale: str) -> Any:
    """Replace every ``{demo: a, paper: b}`` by the value of the scale."""
    if isinstance(value, dict):
        if set(value) == set(SCALES):
            return at_scale(value[scale], scale)
        return {key: at_scale(inner, scale) for key, inner in value.items()}
    return [at_scale(inner, scale) for inner in value] if isinstance(value, list) else value


def merged(below: Any, above: Any) -> Any:
    """``above`` laid over ``below``: mappings are joined key by key, anything else is replaced.

    Keys keep the order of ``below``, unless ``above`` names them all: then they have its order.
    """
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return copy.deepcopy(above)
    joined = {key: copy.deepcopy(below.get(key)) for key in (above if set(below) <= set(above) else below)}
    for key, value in above.items():
        joined[key] = merged(joined.get(key), value)
    return joined


def validate(config: dict[str, Any]) -> None:
    """Hold the resolved settings against the schema.

    Raises:
        PlanError: names the place, the fault and, for a misspelt key, the key that was probably meant.
    """
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    errors = sorted(Validator(schema).iter_errors(config), key=lambda error: list(map(str, error.path)))
    if errors:
        raise PlanError(_sentence(errors[0]))


def _sentence(error: ValidationError) -> str:
    while error.context and not (_is_half_pair(error) or ALL in error.validator_value):
        error = max(error.context, key=lambda inner: len(inner.path))  # of several ways to be right, the nearest
    place, wanted = ".".join(["params", *map(str, error.absolute_path)]), str(error.schema.get("type"))
    if _is_half_pair(error):
        return f"{place}: {error.instance!r} is half a pair; write {{demo: ..., paper: ...}}, both"
    if error.validator == "oneOf":
        return f"{place}: {error.instance!r} is neither all nor a list of class names; write all, or such as [cell]"
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(error.schema.get("properties", {}))
        unknown = next(key for key in error.instance if key not in known)
        return f"{place}: unknown key {unknown!r}; {did_you_mean(unknown, known, 'keys here')}"
    if error.validator == "enum":
        return f"{place}: {error.instance!r} is not one of {', '.join(map(str, error.validator_value))}"
    if error.validator == "pattern" and error.validator_value in NAMES:
        return f"{place}: {error.instance!r} is no name; use {NAMES[error.validator_value]} only"
    if error.validator == "pattern" and error.validator_value == COLOUR:
        return f'{place}: {error.instance!r} is no colour; write # and six hexadecimal digits, such as "#e6443c"'
    if error.validator == "uniqueItems":
        return f"{place}: {error.instance!r} names something twice; write each once"
    if error.validator == "type" and (remedy := next((REMEDIES[key] for key in REMEDIES if key in wanted), "")):
        return f"{place}: {error.message}; {remedy}"
    if isinstance(error.instance, str) and "number" in wanted:
        return f"{place}: {error.instance!r} is text, a number is needed; write 0.001, not 1e-3"
    return f"{place}: {error.message}"


def _is_half_pair(error: ValidationError) -> bool:
    return isinstance(error.instance, dict) and len(error.instance) == 1 and set(error.instance) < set(SCALES)


def _inherit(name: str, written: dict[str, Any], seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """An experiment with what it takes over from the one that it is ``like``."""
    own = written[name] or {}
    parent = own.get("like")
    if parent is None:
        return own
    if parent not in written:
        hint = did_you_mean(parent, written, "experiments")
        raise PlanError(f"params.experiments.{name}.like: there is no experiment {parent!r}; {hint}")
    if parent in (*seen, name):
        way = " -> ".join([*seen, name, parent])
        raise PlanError(f"params.experiments.{name}.like: {way} goes in a circle; name an experiment that does not")
    return merged(_inherit(parent, written, (*seen, name)), {k: v for k, v in own.items() if k != "like"})


def _complete(name: str, experiment: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Lay the experiment over the shared sections and fill in its models."""
    place = f"params.experiments.{name}"
    whole = merged({section: config[section] for section in SECTIONS}, experiment)
    for section, key in (("prepare", "classes"), ("tabulate", "columns"), ("tabulate", "also"), ("report", "colours")):
        # An overlay takes an entry of a mapping out again by writing null.
        whole[section][key] = {k: v for k, v in (whole[section].get(key) or {}).items() if v is not None}
    whole["models"] = {key: model for key, model in (whole.get("models") or {}).items() if model is not None}
    for missing in (key for key in ("title", "dataset", "models") if not whole.get(key)):
        raise PlanError(f"{place}: {missing} is missing; write it, or take it over with `like: <experiment>`")
    whole.setdefault("labels", "truth")
    whole.setdefault("seeds", config["seeds"])
    for key in ("clinic", "trust", "label_audit", "share", "segment", "seams", "runs_of"):
        whole.setdefault(key, None)
    _check_clinic(name, whole, config["experiments"])
    try:
        whole["families"] = families(whole["split"])
    except InputError as error:
        raise PlanError(f"{place}.split: {error}") from None
    whole["split_names"] = list(whole["families"])
    for key in ("models", "features"):
        whole["explain"][key] = _explained(f"{place}.explain.{key}", whole["explain"][key], whole, experiment)
    whole["comparison"] = comparison(whole["split"])
    for key in whole["models"]:
        whole["models"][key] = _complete_model(f"{place}.models", key, whole)
    check_experiment(place, whole, experiment)
    whole["trust"] = complete_trust(name, whole, config["experiments"])
    whole["label_audit"] = complete_label_audit(name, whole, config["experiments"])
    whole["share"] = complete_share(name, whole)
    whole["segment"] = complete_segment(name, whole)
    return whole


def trains_on_autolabels(experiment: dict[str, Any]) -> bool:
    """Whether automatic labels have to be made for a complete experiment."""
    return "auto" in (experiment["labels"], *(model["labels"] for model in experiment["models"].values()))


def _check_clinic(name: str, experiment: dict[str, Any], others: Any) -> None:
    """Refuse a clinic page of a model that is not there, or one in the place of another experiment's page."""
    if experiment["clinic"] is None:
        return
    place = f"params.experiments.{name}.clinic"
    require_model(f"{place}.model", experiment["clinic"]["model"], experiment["models"])
    require_free_page(place, f"{name}_clinic", others)


def _explained(place: str, rows: list[str], whole: dict[str, Any], experiment: dict[str, Any]) -> list[str]:
    """Rows whose networks are explained; a row that was taken out of the experiment is none any more."""
    for key in rows:
        if key not in (experiment.get("models") or {}):
            require_model(place, key, whole["models"])
    return [key for key in rows if key in whole["models"]]


def _complete_model(place: str, key: str, experiment: dict[str, Any]) -> dict[str, Any]:
    model = dict(experiment["models"][key])
    for link in ("init_from", "weights_from"):
        if model.get(link) is not None:
            _follow(f"{place}.{key}.{link}", link, key, experiment["models"])
    if source := model.pop("settings_from", None):
        model["settings"] = merged(experiment[source], model.get("settings") or {})
    defaults = {"label": key, "network": key, "settings": {}, "seeds": experiment["seeds"], "output": "probability"}
    searches = model.get("network", key) == "autolabel" and (model.get("settings") or {}).get("search")
    defaults["labels"] = "truth" if searches else experiment["labels"]  # a search looks at labels by people
    model = defaults | {"init_from": None, "weights_from": None} | model
    model["pretrained"] = pretrained_weights(f"{place}.{key}", model)
    model["train"] = merged(experiment["train"], model.get("train") or {})
    model["predict"] = merged(experiment["predict"], model.get("predict") or {})
    return model


def _follow(place: str, link: str, key: str, models: dict[str, Any]) -> None:
    """Refuse a link that leads nowhere or in a circle, or to a row without weights of its own."""
    way = [key]
    while (target := models[way[-1]].get(link)) is not None:
        require_model(place, target, models)
        if target in way:
            raise PlanError(f"{place}: {' -> '.join([*way, target])} goes in a circle; name a model that does not")
        if models[target].get("weights_from") is not None:
            owner = models[target]["weights_from"]
            raise PlanError(f"{place}: {target} has no weights of its own; name {owner}, whose weights it uses")
        way.append(target)
