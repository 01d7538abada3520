"""What each stage of dvc.yaml depends on besides its data: its settings and the hashes of its code, as one JSON file.

DVC compares these files where Snakemake compares params and inputs, so that both find the same things out of date: also
through ``like``, a section that an experiment gets for the first time, or a module that only one model imports.

    python workflow/stages.py params.yaml results/plan
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import yaml
from closure import PACKAGE, SOURCE, code_of
from datasets import spare_frames
from explanation import explain_settings, explained_rows, split_of
from plan import resolve, trains_on_autolabels
from pretrained import told_to_train
from refusals import PlanError

RULES = Path("workflow/rules")


def stages_of(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Name of a stage's file to what stands in it, for every stage that the resolved settings ask for."""
    stages = {f"simulate/{name}": _simulate(dataset) for name, dataset in plan["datasets"].items()}
    for name, experiment in plan["experiments"].items():
        stages[f"{name}/prepare"] = _prepare(experiment)
        for key in (key for key, row in experiment["models"].items() if row["home"] == name):
            if experiment["models"][key]["weights_from"] is None:  # else the row trains nothing
                stages[f"{name}/train/{key}"] = _train(experiment, key)
            stages[f"{name}/evaluate/{key}"] = _evaluate(experiment, key)
        if explained_rows(experiment):
            stages[f"{name}/explain"] = _explain(experiment)
        if experiment["seams"]:
            stages[f"{name}/seams"] = _seams(experiment)
        told = {"scale": plan["scale"], "experiment": experiment}
        compared = ["steps.families"] if experiment["comparison"] else []
        steps = ["steps.tabulate", "steps.statistics", "steps.times", *compared, "steps.view_results", *_of_page()]
        stages[f"{name}/table"] = _stage(told, ["tabulate", "statistics", "families", "viewer", "report"], steps)
        if experiment["clinic"]:
            stages[f"{name}/clinic"] = _stage(told, ["measure", "clinic"], _of_clinic())
        if experiment["trust"]:
            stages[f"{name}/trust"] = _stage(told, ["trust"], _of_trust())
        if experiment["label_audit"]:
            stages[f"{name}/label_audit"] = _stage(told, ["label_audit"], _of_label_audit())
        if experiment["share"]:
            stages[f"{name}/share"] = _stage(told, ["share"], ["steps.share"])
        if experiment["segment"]:
            stages[f"{name}/segment"] = _stage(told, ["segment"], _of_segment(experiment))
    titles = {
        name: [e["title"], e.get("source"), *(bool(e[of]) for of in ("clinic", "trust", "label_audit"))]
        for name, e in plan["experiments"].items()
    }
    stages["index"] = _stage({"scale": plan["scale"], "titles": titles}, ["report"], ["steps.index"])
    return stages


def _simulate(dataset: dict[str, Any]) -> dict[str, Any]:
    return _stage(dataset, ["simulate"], ["steps.simulate", f"simulation.{dataset['simulate']['kind']}"])


def _prepare(experiment: dict[str, Any]) -> dict[str, Any]:
    told = {key: experiment[key] for key in ("dataset", "labels", "prepare", "split", "autolabel")}
    steps = ["steps.prepare", "steps.autolabel", "steps.split"]
    if not trains_on_autolabels(experiment):  # no automatic labels are made
        told.pop("autolabel")
        steps.remove("steps.autolabel")
    return _stage(told, ["prepare"], steps)


def _train(experiment: dict[str, Any], key: str) -> dict[str, Any]:
    model = experiment["models"][key]
    told = {name: model[name] for name in ("network", "settings", "train", "seeds", "init_from", "labels")}
    told |= {"split_names": experiment["split_names"]} | told_to_train(model)
    if model["pretrained"] and model["pretrained"]["sha256"] is None:
        raise PlanError(f"models.{key}.pretrained: without its sha256 DVC would not see another file; give it too")
    return _stage(told, ["train", "gather"], ["steps.train", "steps.gather", *_of_model(model)])


def _evaluate(experiment: dict[str, Any], key: str) -> dict[str, Any]:
    model = experiment["models"][key]
    told = {name: model[name] for name in ("network", "predict", "seeds", "weights_from")}
    told |= {name: experiment[name] for name in ("labels", "split_names", "evaluate")}
    steps = ["steps.predict", "steps.evaluate", "steps.gather"]
    return _stage(told, ["predict", "evaluate", "gather"], [*steps, *_of_model(model)])


def _explain(experiment: dict[str, Any]) -> dict[str, Any]:
    rows = {key: experiment["models"][key] for key in explained_rows(experiment)}
    told = {"explain": explain_settings(experiment), "on": split_of(experiment), "labels": experiment["labels"]}
    told |= {key: {name: row[name] for name in ("network", "seeds", "weights_from")} for key, row in rows.items()}
    return _stage(told, ["explain"], ["steps.explain", *(f"models.{row['network']}" for row in rows.values())])


def _seams(experiment: dict[str, Any]) -> dict[str, Any]:
    row = experiment["models"][experiment["seams"]["model"]]
    told = {name: row[name] for name in ("network", "predict", "seeds", "weights_from")}
    told |= {"seams": experiment["seams"], "on": experiment["split_names"][-1]}
    return _stage(told, ["seams"], ["steps.seams", f"models.{row['network']}"])


def _of_page() -> list[str]:
    figures = [f"figures.{path.stem}" for path in sorted((SOURCE / PACKAGE / "figures").glob("[!_]*.py"))]
    steps = ["steps.report", "steps.results", "steps.explained", "steps.seamed"]
    return [*steps, "tables.audit", "tables.conventions", *figures]


def _of_clinic() -> list[str]:
    steps = ["steps.measure", "steps.clinic", "steps.report"]
    return [*steps, "figures.clinic", "figures.clinic_words", "figures.markup"]


def _of_trust() -> list[str]:
    steps = ["steps.restore", "steps.trust", "steps.trusted", "steps.report"]
    return [*steps, "figures.trust", "figures.trust_words", "figures.markup"]


def _of_label_audit() -> list[str]:
    steps = ["steps.label_audit", "steps.label_audited", "steps.report"]
    return [*steps, "figures.label_audit", "figures.label_audit_words", "figures.markup"]


def _of_segment(experiment: dict[str, Any]) -> list[str]:
    network = experiment["models"][experiment["segment"]["model"]]["network"]
    return ["steps.segment", "steps.coco", "steps.ome", "steps.qupath", "steps.rois", f"models.{network}"]


def _of_model(model: dict[str, Any]) -> list[str]:
    return [f"models.{model['network']}", f"losses.{model['train']['loss']}"]


def _stage(settings: dict[str, Any], rules: list[str], modules: list[str]) -> dict[str, Any]:
    files = [*code_of(*modules), *((RULES / f"{rule}.smk").as_posix() for rule in rules)]
    return {"settings": settings, "code": {file: hashlib.sha256(Path(file).read_bytes()).hexdigest() for file in files}}


def main(params: str, folder: str) -> None:
    """Write the files of all stages."""
    plan = resolve(yaml.safe_load(Path(params).read_text(encoding="utf-8")))
    spare_frames(plan["datasets"])
    for name, stage in stages_of(plan).items():
        path = Path(folder) / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(stage, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except PlanError as error:
        sys.exit(str(error))
