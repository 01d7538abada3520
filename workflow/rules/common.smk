# What the other files of this folder start from: the settings, resolved, and the grammar of paths; no rules.
import json
import re
import shutil
import sys
from pathlib import Path
from shlex import quote

from snakemake.utils import min_version

sys.path[:0] = [str(Path(workflow.basedir) / room) for room in ("workflow", "src")]
from closure import code_of
from datasets import folder_files, spare_frames
from environment import prepare_environment
from explanation import explain_settings, explained_rows, split_of
from plan import resolve, trains_on_autolabels
from pretrained import FOLDER, addresses, told_to_train
from refusals import PlanError
from segmenting import image_files

from hemoseg.data.protocol import last_splits

min_version("9.27")
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
    LAB_IMAGES = {name: image_files(e["segment"]["images"]) for name, e in PLAN["experiments"].items() if e["segment"]}
except PlanError as error:
    raise WorkflowError(str(error)) from None

EXPERIMENTS = PLAN["experiments"]
ADDRESSES = addresses(EXPERIMENTS)
RUN = "{model}/{split}/seed{seed}"
# What the page of every cell is made of.
VIEWER = sorted(path.as_posix() for path in Path("reports/templates/viewer").iterdir())
# Pattern of the experiments that have a clinic page.
CLINICS = "|".join(name for name, e in EXPERIMENTS.items() if e["clinic"]) or "none"
# The same of those that have a trust page.
TRUSTED = "|".join(name for name, e in EXPERIMENTS.items() if e["trust"]) or "none"
# And of those whose labels are looked at again.
AUDITED = "|".join(name for name, e in EXPERIMENTS.items() if e["label_audit"]) or "none"
# And of those that hand a model on.
SHARING = "|".join(name for name, e in EXPERIMENTS.items() if e["share"]) or "none"
# And of those that look at a lab's own images.
SEGMENTING = "|".join(name for name, e in EXPERIMENTS.items() if e["segment"]) or "none"


report: "../report/workflow.rst"


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


def folder_of(experiment, stage, model, split, seed):
    """Folder of one run; a row with `weights_from` trains nothing, its training is that of the row it names."""
    rows = EXPERIMENTS[experiment]["models"]
    if stage == "train":
        model = rows[model]["weights_from"] or model
    return f"results/{rows[model]['home']}/{stage}/{model}/{split}/seed{seed}"


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
    """(model, seed, training folder) of every network that is looked into, on one split."""
    settings = EXPERIMENTS[experiment]
    split = split_of(settings)
    return [
        (key, seed, folder_of(experiment, "train", key, split, seed))
        for key in explained_rows(settings)
        for seed in settings["models"][key]["seeds"]
    ]
