rule train:
    input:
        samples="results/{experiment}/samples.npz",
        splits="results/{experiment}/splits.csv",
        autolabels=training_labels_of,
        start=start_of,
        pretrained=pretrained_of,
        code=code_of_model("train"),
    output:
        # Only finished models: the state of an unfinished training lies in results/.resume, where no engine deletes it.
        multiext(
            f"results/{{experiment}}/train/{RUN}/",
            "model.safetensors",
            "last.safetensors",
            "model.json",
            "history.csv",
            "run.json",
        ),
    log:
        f"results/logs/{{experiment}}/train/{RUN}.log",
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=GPU,
    params:
        settings=training_settings,
        out=subpath(output[0], parent=True),
        autolabels=autolabels_argument,
        start=lambda w, input: (f"--init {Path(input.start[0]).parent}" if input.start else ""),
        pretrained=lambda w, input: (f"--pretrained {quote(str(input.pretrained))}" if input.pretrained else ""),
    shell:
        "python -m hemoseg train --settings {params.settings:q} --samples {input.samples} --splits {input.splits}"
        " --split {wildcards.split} --seed {wildcards.seed} {params.autolabels} {params.start} {params.pretrained}"
        " --out {params.out} --resume results/.resume --threads {threads} 2>&1 | tee {log}"
