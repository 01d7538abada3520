# Which files a rule reads, where that depends on the experiment or the model; no rules.
def frames_of(wildcards):
    """Files of the experiment's dataset: the folder that `simulate` writes, or every file that a lab brought."""
    dataset = experiment_of(wildcards)["dataset"]
    return FRAMES.get(dataset) or [f"data/{dataset}"]


def autolabels_of(wildcards):
    """The automatic labels, where they stand in for a truth that is not there."""
    return _autolabels(wildcards, experiment_of(wildcards)["labels"])


def training_labels_of(wildcards):
    """The automatic labels, where the row trains on them."""
    return _autolabels(wildcards, model_of(wildcards)["labels"])


def shown_labels_of(wildcards):
    """The automatic labels, where anything of the experiment makes use of them: the page says how good they are."""
    if not trains_on_autolabels(experiment_of(wildcards)):
        return []
    return [f"results/{wildcards.experiment}/autolabels.{end}" for end in ("npz", "csv", "json")]


def _autolabels(wildcards, labels):
    return f"results/{wildcards.experiment}/autolabels.npz" if labels == "auto" else []


def pretrained_of(wildcards):
    """The file of published weights that a training starts from, as `pretrained` says."""
    return [model_of(wildcards)["pretrained"]["file"]] if model_of(wildcards)["pretrained"] else []


def start_of(wildcards):
    """The model whose weights a training starts from, as `init_from` says."""
    owner = model_of(wildcards)["init_from"]
    if owner is None:
        return []
    folder = folder_of(wildcards.experiment, "train", owner, wildcards.split, wildcards.seed)
    return [f"{folder}/model.safetensors", f"{folder}/model.json"]


def weights_of(wildcards):
    """The model that a row predicts with: its own, or that of the row named by `weights_from`."""
    folder = folder_of(wildcards.experiment, "train", wildcards.model, wildcards.split, wildcards.seed)
    return [f"{folder}/model.safetensors", f"{folder}/model.json"]


def code_of_model(step):
    """Input of a rule: the files of a step and of the model that it runs."""
    return lambda wildcards: code_of(
        f"steps.{step}",
        f"models.{model_of(wildcards)['network']}",
        f"losses.{model_of(wildcards)['train']['loss']}",
    )


def explained_of(wildcards):
    """What `explain` wrote, where the experiment asks for it."""
    if not explained_rows(experiment_of(wildcards)):
        return []
    files = ("sampling.csv", "offsets.npz", "features.npz")
    return [f"results/{wildcards.experiment}/explain/{file}" for file in files]


def seamed_row(wildcards):
    """The row whose windows are looked at."""
    return experiment_of(wildcards)["models"][experiment_of(wildcards)["seams"]["model"]]


def seamed_training(wildcards):
    """Folder of its training: the first seed on the last split."""
    experiment = experiment_of(wildcards)
    run = (experiment["seams"]["model"], experiment["split_names"][-1], seamed_row(wildcards)["seeds"][0])
    return folder_of(wildcards.experiment, "train", *run)


def seams_of(wildcards):
    """What `seams` wrote, where the experiment asks for it."""
    if not experiment_of(wildcards)["seams"]:
        return []
    return [f"results/{wildcards.experiment}/seams/{file}" for file in ("seams.csv", "maps.npz")]


def folders_to_measure(experiment, stage, model):
    """Folders of a model's first seed on every split of the last family."""
    settings = EXPERIMENTS[experiment]
    seed = settings["models"][model]["seeds"][0]
    return [folder_of(experiment, stage, model, split, seed) for split in last_splits(settings["families"])]


def predictions_to_measure(wildcards):
    """Input of `measure` and `restore`: what a model's first seed said of the test samples of the last family."""
    folders = folders_to_measure(wildcards.experiment, "predict", wildcards.model)
    return [f"{folder}/predictions.npz" for folder in folders]


def measured_of(wildcards):
    """Files of the cells that the clinic page shows."""
    folder = f"results/{wildcards.experiment}/measure/{experiment_of(wildcards)['clinic']['model']}"
    return [f"{folder}/{file}" for file in ("cells.csv", "frames.csv", "facts.json")]


def masks_to_trust(wildcards):
    """Masks of the model that the trust page holds against the automatic labels."""
    return f"results/{wildcards.experiment}/masks/{experiment_of(wildcards)['trust']['model']}"


def trusted_models(wildcards):
    """What describes the trainings behind these masks."""
    model = experiment_of(wildcards)["trust"]["model"]
    return [f"{folder}/model.json" for folder in folders_to_measure(wildcards.experiment, "train", model)]


def truth_to_trust(wildcards):
    """Counts against the truth, where the experiment has one: they say afterwards whether the order was right."""
    experiment = experiment_of(wildcards)
    if experiment["labels"] == "auto":
        return []
    folders = folders_to_measure(wildcards.experiment, "evaluate", experiment["trust"]["model"])
    return [f"{folder}/{file}" for folder in folders for file in ("pixels.csv", "cells.csv", "histograms.npz")]


def predictions_to_audit(wildcards):
    """What the model whose opinion is asked said of samples that it did not train on."""
    folders = folders_to_measure(wildcards.experiment, "predict", experiment_of(wildcards)["label_audit"]["model"])
    return [f"{folder}/predictions.npz" for folder in folders]


def runs_of_shared(wildcards, stage):
    """(split, seed, folder) of the runs that say how good a shared model is: its row and seed on its family's splits."""
    experiment = experiment_of(wildcards)
    told, families = experiment["share"], experiment["families"]
    if wildcards.model != told["model"]:
        raise WorkflowError(f"{wildcards.experiment} shares {told['model']}, not {wildcards.model}; see `share`")
    splits = [split for split, family in families.items() if family == families[told["split"]]]
    return [
        (split, told["seed"], folder_of(wildcards.experiment, stage, told["model"], split, told["seed"]))
        for split in splits
    ]


def predictions_to_share(wildcards):
    """What the shared model's row said of samples that it did not learn from."""
    return [f"{folder}/predictions.npz" for *_, folder in runs_of_shared(wildcards, "predict")]


def counts_to_share(wildcards):
    """How good that was."""
    files = ("pixels.csv", "cells.csv", "histograms.npz")
    return [f"{folder}/{file}" for *_, folder in runs_of_shared(wildcards, "evaluate") for file in files]


def weights_to_share(wildcards):
    """The model that is handed on."""
    told = experiment_of(wildcards)["share"]
    folder = folder_of(wildcards.experiment, "train", told["model"], told["split"], told["seed"])
    return [f"{folder}/{file}" for file in ("model.safetensors", "model.json", "run.json")]


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


def clinic_pages():
    """Input of `all`: the clinic page of every experiment that has one."""
    return [f"reports/build/{name}_clinic.html" for name, e in EXPERIMENTS.items() if e["clinic"]]


def trust_pages():
    """Input of `all`: the trust page of every experiment that has one."""
    return [f"reports/build/{name}_trust.html" for name, e in EXPERIMENTS.items() if e["trust"]]


def model_to_segment(wildcards):
    """The model that looks at a lab's own images: the shared folder with its evidence where there is one."""
    told = experiment_of(wildcards)["segment"]
    if told["shared"]:
        folder, files = f"results/{wildcards.experiment}/shared/{told['model']}", ("evidence.json",)
    else:
        folder, files = folder_of(wildcards.experiment, "train", told["model"], told["split"], told["seed"]), ()
    return [f"{folder}/{file}" for file in ("model.safetensors", "model.json", *files)]


def images_to_segment(wildcards):
    """A lab's own images."""
    told = experiment_of(wildcards)["segment"]
    if wildcards.images != told["name"]:
        raise WorkflowError(f"{wildcards.experiment} segments {told['name']}, not {wildcards.images}; see `segment`")
    return LAB_IMAGES[wildcards.experiment]


def segmented_images():
    """Input of `all`: what was found in a lab's own images."""
    return [f"results/{n}/segmented/{e['segment']['name']}/images.csv" for n, e in EXPERIMENTS.items() if e["segment"]]


def shared_models():
    """Input of `all`: the folder of the model that an experiment hands on."""
    return [f"results/{name}/shared/{e['share']['model']}/model.json" for name, e in EXPERIMENTS.items() if e["share"]]


def label_audit_pages():
    """Input of `all`: the page on doubtful labels of every experiment that has one."""
    return [f"reports/build/{name}_label_audit.html" for name, e in EXPERIMENTS.items() if e["label_audit"]]
