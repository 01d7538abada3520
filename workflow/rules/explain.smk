rule explain:
    input:
        samples="results/{experiment}/samples.npz",
        splits="results/{experiment}/splits.csv",
        autolabels=autolabels_of,
        weights=lambda w: [
            f"{folder}/{file}"
            for _, _, folder in explained_runs(w.experiment)
            for file in ("model.safetensors", "model.json")
        ],
        code=lambda w: code_of(
            "steps.explain",
            *(f"models.{experiment_of(w)['models'][key]['network']}" for key in explained_rows(experiment_of(w))),
        ),
    output:
        sampling="results/{experiment}/explain/sampling.csv",
        offsets="results/{experiment}/explain/offsets.npz",
        features="results/{experiment}/explain/features.npz",
    log:
        "results/logs/{experiment}/explain.log",
    benchmark:
        "results/{experiment}/seconds/explain.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        settings=lambda w: json.dumps(explain_settings(experiment_of(w))),
        split=lambda w: split_of(experiment_of(w)),
        runs=lambda w: " ".join(
            f"--run model={model},seed={seed},folder={folder}" for model, seed, folder in explained_runs(w.experiment)
        ),
        autolabels=autolabels_argument,
    shell:
        "python -m hemoseg explain --settings {params.settings:q} --samples {input.samples} --splits {input.splits}"
        " --split {params.split} {params.autolabels} {params.runs} --sampling {output.sampling}"
        " --offsets {output.offsets} --features {output.features} --threads {threads} 2> {log}"
