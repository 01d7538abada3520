# What a step is told: its settings and arguments, made from the experiment; no rules.
def section(name):
    """Params of a rule: one section of the experiment as JSON."""
    return lambda wildcards: json.dumps(experiment_of(wildcards)[name])


def autolabels_argument(wildcards, input):
    """Params of a rule: where the automatic labels are, if the experiment has them."""
    return f"--autolabels {input.autolabels}" if input.autolabels else ""


def runs_as_arguments(stage, option="--run"):
    """Params of a rule: every run as `--run model=...,split=...,seed=...,folder=...`; of a training, its owner's."""

    def told(wildcards):
        rows = experiment_of(wildcards)["models"]
        return " ".join(
            f"{option} model={model},split={split},seed={seed}"
            f",folder={folder_of(wildcards.experiment, stage, model, split, seed)}"
            for model, split, seed in runs_of(wildcards.experiment)
            if stage != "train" or rows[model]["weights_from"] is None
        )

    return told


def prepare_settings(wildcards):
    """What `prepare` is told: its section, and whether a dataset without labels is no fault."""
    return json.dumps(experiment_of(wildcards)["prepare"] | {"labels": experiment_of(wildcards)["labels"]})


def training_settings(wildcards):
    """What `train` is told of a model."""
    model = model_of(wildcards)
    told = {"model": wildcards.model, "network": model["network"]} | told_to_train(model)
    return json.dumps(told | {"network_settings": model["settings"], "train": model["train"]})


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


def clinic_settings(wildcards):
    """What `clinic` is told: its section without the model."""
    return json.dumps({key: value for key, value in experiment_of(wildcards)["clinic"].items() if key != "model"})


def label_audit_settings(wildcards):
    """What `label_audit` is told: its section without what only the page shows."""
    told = experiment_of(wildcards)["label_audit"]
    return json.dumps({key: told[key] for key in ("least", "min_area_share")})


def segment_settings(wildcards):
    """What `segment` is told of the row: how it predicts; windows only where the row has some."""
    experiment = experiment_of(wildcards)
    told = experiment["models"][experiment["segment"]["model"]]["predict"]
    return json.dumps({key: value for key, value in told.items() if told["window"] or key not in ("window", "overlap")})


def segment_options(wildcards):
    """And of the images."""
    told = experiment_of(wildcards)["segment"]
    formats = ",".join(told["formats"]) or None
    given = {"--pixel-size": told["pixel_size_um"], "--scale": told["scale"], "--formats": formats}
    return " ".join(f"{name} {value}" for name, value in given.items() if value is not None)


def share_settings(wildcards):
    """What `share` is told: how the row predicts, what it is compared with, and its line of the table."""
    experiment = experiment_of(wildcards)
    told, model = experiment["share"], experiment["models"][experiment["share"]["model"]]
    table = json.loads(table_settings(wildcards)) | {"rows": {told["model"]: model["label"]}}
    table.pop("baseline", None)
    sharing = {key: told[key] for key in ("licence", "authors", "url")}
    return json.dumps({"sharing": sharing, "predict": model["predict"], "labels": experiment["labels"], "table": table})


def runs_to_share(wildcards):
    """Params of a rule: the runs that say how good the shared model is."""
    return " ".join(
        f"--run model={wildcards.model},split={split},seed={seed},folder={folder}"
        for split, seed, folder in runs_of_shared(wildcards, "evaluate")
    )


def page_settings(wildcards):
    """What the page is told: the experiment with everything in place."""
    return json.dumps({"experiment": wildcards.experiment, "scale": PLAN["scale"]} | experiment_of(wildcards))


def index_settings():
    """What the index is told: every experiment with its title and source."""
    told = {
        name: {key: e.get(key, "") for key in ("title", "source")}
        | {of: bool(e[of]) for of in ("clinic", "trust", "label_audit")}
        | {"viewer": True}
        for name, e in EXPERIMENTS.items()
    }
    return json.dumps({"scale": PLAN["scale"], "experiments": told})
