# The grammar of paths and the settings of jobs; no rules.
import json
import re
import shutil
import sys
from pathlib import Path
from shlex import quote

sys.path[:0] = [str(Path(workflow.basedir) / room) for room in ("workflow", "src")]
from closure import code_of
from datasets import folder_files, spare_frames
from environment import prepare_environment
from explanation import explain_settings, split_of
from plan import resolve
from pretrained import FOLDER, addresses, told_to_train
from refusals import PlanError

prepare_environment()
# Snakemake takes PYTHONPATH away from jobs in a conda environment; the jobs put it back themselves.
shell.prefix("set -euo pipefail; export PYTHONPATH=src; ")
# Where a machine has no GPU a training takes no GPU slot, and as many run as there are cores.
GPU = 1 if shutil.which("nvidia-smi") else 0

try:
    PLAN = resolve(config)
    spare_frames(PLAN["datasets"])
    # Listed now: Snakemake drops a rule whose input function fails, and with it the mistake, if its output exists.
    FRAMES = {
        name: folder_files(f"data/{name}")
        for name in sorted({e["dataset"] for e in PLAN["experiments"].values()} - set(PLAN["datasets"]))
    }
except PlanError as error:
    raise WorkflowError(str(error)) from None

EXPERIMENTS = PLAN["experiments"]
ADDRESSES = addresses(EXPERIMENTS)
RUN = "{model}/{split}/seed{seed}"
# Pattern of the experiments that have a clinic page.
CLINICS = "|".join(name for name, e in EXPERIMENTS.items() if e["clinic"]) or "none"


wildcard_constraints:
    experiment="|".join(EXPERIMENTS),
    dataset="|".join(PLAN["datasets"]) or "none",
    seed=r"\d+",
    model=r"\w+",
    split=r"\w+",


def experiment_of(wildcards):
    return EXPERIMENTS[wildcards.experiment]


def model_of(wildcards):
    return experiment_of(wildcards)["models"][wildcards.model]


def section(name):
    """Params of a rule: one section of the experiment as JSON."""
    return lambda wildcards: json.dumps(experiment_of(wildcards)[name])


def frames_of(wildcards):
    """Files of the experiment's dataset: the folder that `simulate` writes, or every file that a lab brought."""
    dataset = experiment_of(wildcards)["dataset"]
    return FRAMES.get(dataset) or [f"data/{dataset}"]


def autolabels_of(wildcards):
    """The automatic labels, where the experiment trains on them."""
    if experiment_of(wildcards)["labels"] == "auto":
        return f"results/{wildcards.experiment}/autolabels.npz"
    return []


def runs_of(experiment, models=None):
    """(model, split, seed) of every run of an experiment."""
    settings = EXPERIMENTS[experiment]
    return [
        (key, split, seed)
        for key, model in settings["models"].items()
        if models is None or key in models
        for split in settings["split_names"]
        for seed in model["seeds"]
    ]


def autolabels_argument(wildcards, input):
    """Params of a rule: where the automatic labels are, if the experiment has them."""
    return f"--autolabels {input.autolabels}" if input.autolabels else ""


def prepare_settings(wildcards):
    """What `prepare` is told: its section, and whether a dataset without labels is no fault."""
    return json.dumps(experiment_of(wildcards)["prepare"] | {"labels": experiment_of(wildcards)["labels"]})


def folder_of(experiment, stage, model, split, seed):
    """Folder of one run; a row with `weights_from` trains nothing, its training is that of the row it names."""
    if stage == "train":
        model = EXPERIMENTS[experiment]["models"][model]["weights_from"] or model
    return f"results/{experiment}/{stage}/{model}/{split}/seed{seed}"


def folders_of_model(stage, wildcards):
    """Folders of all runs of one model."""
    experiment = wildcards.experiment
    return [folder_of(experiment, stage, *run) for run in runs_of(experiment, [wildcards.model])]


def files_of_model(stage, wildcards, *files):
    """Files of all runs of one model."""
    return [f"{folder}/{file}" for folder in folders_of_model(stage, wildcards) for file in files]


def of_runs(stage, file):
    """Input of a rule: one file of every run of the experiment."""
    return lambda wildcards: [
        f"{folder}/{file}"
        for folder in dict.fromkeys(
            folder_of(wildcards.experiment, stage, *run) for run in runs_of(wildcards.experiment)
        )
    ]


def explained_runs(experiment):
    """(model, seed, training folder) of every network whose kernels are drawn, on one split."""
    settings = EXPERIMENTS[experiment]
    split = split_of(settings)
    return [
        (key, seed, folder_of(experiment, "train", key, split, seed))
        for key in settings["explain"]["models"]
        for seed in settings["models"][key]["seeds"]
    ]


def explained_of(wildcards):
    """What `explain` wrote, where the experiment asks for it."""
    if not experiment_of(wildcards)["explain"]["models"]:
        return []
    return [f"results/{wildcards.experiment}/explain/{file}" for file in ("sampling.csv", "offsets.npz")]


def weights_of(wildcards):
    """The model that a row predicts with: its own, or that of the row named by `weights_from`."""
    owner = model_of(wildcards)["weights_from"] or wildcards.model
    folder = f"results/{wildcards.experiment}/train/{owner}/{wildcards.split}/seed{wildcards.seed}"
    return [f"{folder}/model.safetensors", f"{folder}/model.json"]


def start_of(wildcards):
    """The model whose weights a training starts from, as `init_from` says."""
    owner = model_of(wildcards)["init_from"]
    if owner is None:
        return []
    folder = f"results/{wildcards.experiment}/train/{owner}/{wildcards.split}/seed{wildcards.seed}"
    return [f"{folder}/model.safetensors", f"{folder}/model.json"]


def pretrained_of(wildcards):
    """The file of published weights that a training starts from, as `pretrained` says."""
    return [model_of(wildcards)["pretrained"]["file"]] if model_of(wildcards)["pretrained"] else []


def training_settings(wildcards):
    """What `train` is told of a model."""
    model = model_of(wildcards)
    told = {"model": wildcards.model, "network": model["network"]} | told_to_train(model)
    return json.dumps(told | {"network_settings": model["settings"], "train": model["train"]})


def code_of_model(step):
    """Input of a rule: the files of a step and of the model that it runs."""
    return lambda wildcards: code_of(
        f"steps.{step}",
        f"models.{model_of(wildcards)['network']}",
        f"losses.{model_of(wildcards)['train']['loss']}",
    )


def runs_as_arguments(stage, option="--run"):
    """Params of a rule: every run as `--run model=...,split=...,seed=...,folder=...`; of a training, its owner's."""

    def told(wildcards):
        rows = experiment_of(wildcards)["models"]
        return " ".join(
            f"{option} model={model},split={split},seed={seed}"
            f",folder=results/{wildcards.experiment}/{stage}/{model}/{split}/seed{seed}"
            for model, split, seed in runs_of(wildcards.experiment)
            if stage != "train" or rows[model]["weights_from"] is None
        )

    return told


def table_settings(wildcards):
    """What `tabulate` is told: the section with the rows of the experiment."""
    experiment = experiment_of(wildcards)
    rows = {key: model["label"] for key, model in experiment["models"].items()}
    told = {"table": wildcards.experiment, "title": experiment["title"], "rows": rows}
    told["families"] = experiment["families"]
    return json.dumps(told | experiment["tabulate"])


def times_settings(wildcards):
    """What `times` is told: labels of the rows, and which row the others are divided by."""
    experiment = experiment_of(wildcards)
    rows = {key: model["label"] for key, model in experiment["models"].items()}
    return json.dumps({"rows": rows, "baseline": experiment["tabulate"]["baseline"]})


def comparisons_of(wildcards):
    """What compares the families of the experiment's splits, where it has several."""
    kinds = {"equal": ["equal.csv"], "optimism": ["optimism.csv", "optimism.images.csv"], None: []}
    return [f"results/tables/{wildcards.experiment}.{kind}" for kind in kinds[experiment_of(wildcards)["comparison"]]]


def published_of(wildcards):
    """The papers' numbers for the experiment's table, where a paper printed one."""
    table = experiment_of(wildcards).get("table", wildcards.experiment)
    path = Path(f"reports/published/{table}.csv")
    return [path.as_posix()] if table and path.exists() else []


def claims_of(wildcards):
    """What the papers' texts claim, where a page shows a published table."""
    return ["reports/published/claims.csv"] if published_of(wildcards) else []


def page_settings(wildcards):
    """What the page is told: the experiment with everything in place."""
    return json.dumps({"experiment": wildcards.experiment, "scale": PLAN["scale"]} | experiment_of(wildcards))


def index_settings():
    """What the index is told: every experiment with its title and source."""
    told = {
        name: {key: e.get(key, "") for key in ("title", "source")} | {"clinic": bool(e["clinic"])}
        for name, e in EXPERIMENTS.items()
    }
    return json.dumps({"scale": PLAN["scale"], "experiments": told})


def predictions_to_measure(wildcards):
    """Input of `measure`: what a model's first seed said of the test samples of the last family of splits."""
    families = experiment_of(wildcards)["families"]
    splits = [split for split, family in families.items() if family == list(families.values())[-1]]
    first = model_of(wildcards)["seeds"][0]
    runs = [(wildcards.model, split, first) for split in splits]
    return [f"{folder_of(wildcards.experiment, 'predict', *run)}/predictions.npz" for run in runs]


def measured_of(wildcards):
    """Files of the cells that the clinic page shows."""
    folder = f"results/{wildcards.experiment}/measure/{experiment_of(wildcards)['clinic']['model']}"
    return [f"{folder}/{file}" for file in ("cells.csv", "frames.csv", "facts.json")]


def clinic_settings(wildcards):
    """What `clinic` is told: its section without the model."""
    return json.dumps({key: value for key, value in experiment_of(wildcards)["clinic"].items() if key != "model"})


def clinic_pages():
    """Input of `all`: the clinic page of every experiment that has one."""
    return [f"reports/build/{name}_clinic.html" for name, e in EXPERIMENTS.items() if e["clinic"]]
